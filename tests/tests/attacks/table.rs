//! The table that is printed at the end.

use std::path::Path;

/// How wide a line may be, in characters.
const WIDTH: usize = 100;

/// One attack, perhaps in several forms.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    check: String,
    culprit: String,
    /// How often it was tried.
    times: usize,
    /// Where the first refusal can be found, or what got through.
    pub(crate) evidence: Result<String, String>,
}

impl Row {
    pub(crate) fn new(
        name: &'static str,
        check: impl Into<String>,
        culprit: impl Into<String>,
        evidence: Result<String, String>,
    ) -> Self {
        Self { name, check: check.into(), culprit: culprit.into(), times: 1, evidence }
    }

    /// Adds it to the table; another form of the attack above goes into its row.
    pub(crate) fn join(self, rows: &mut Vec<Row>) {
        match rows.last_mut() {
            Some(last) if last.name == self.name => {
                last.times += 1;
                for (known, new) in
                    [(&mut last.check, self.check), (&mut last.culprit, self.culprit)]
                {
                    if !known.split(", ").any(|one| one == new) {
                        known.push_str(", ");
                        known.push_str(&new);
                    }
                }
                if last.evidence.is_ok() && self.evidence.is_err() {
                    last.evidence = self.evidence;
                }
            }
            _ => rows.push(self),
        }
    }

    fn cells(&self) -> [String; 4] {
        let name = match self.times {
            1 => self.name.to_owned(),
            times => format!("{} (x{times})", self.name),
        };
        let evidence = match &self.evidence {
            Ok(evidence) => evidence.clone(),
            Err(_) => "GOT THROUGH, see below".to_owned(),
        };
        let culprit = self.culprit.replace("the coordinator", "coordinator");
        let culprit = culprit.replace("this site's own rule", "own rule");
        [name, self.check.clone(), culprit, evidence]
    }
}

/// The table as text, and below it what got through.
pub(crate) fn text(rows: &[Row]) -> String {
    let head = ["attack", "refused by", "blames", "evidence"].map(str::to_owned);
    let cells: Vec<_> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let mut widths = [0; 4];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 4]| {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let wide = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
    assert!(wide <= WIDTH, "the table is {wide} characters wide");
    let mut text = String::new();
    for (number, row) in cells.iter().enumerate() {
        text.push_str(&line(row));
        if number == 0 {
            text.push_str(&line(&widths.map(|width| "-".repeat(width))));
        }
    }
    for row in rows {
        if let Err(why) = &row.evidence {
            text.push_str(&format!("GOT THROUGH: {}: {why}\n", row.name));
        }
    }
    text
}

/// Attacks of docs/protocol-checks.md that were not played, or that another check refused than the
/// one in whose row they stand.
pub(crate) fn missing(rows: &[Row]) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol-checks.md");
    let text = std::fs::read_to_string(path).expect("docs/protocol-checks.md exists");
    let mut missing = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let id = line.trim_start_matches("| ").split(' ').next().unwrap_or_default();
        for name in line.split(".rs::\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let by = |row: &Row| row.check.split(", ").any(|check| check == id);
            if !rows.iter().any(|row| row.name == name && by(row)) {
                missing.push(format!("{name:?} was not refused by check {id}"));
            }
        }
    }
    missing
}
