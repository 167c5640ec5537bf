//! Tables and figures as people read them.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// A rule below the header, and nothing else.
const PLAIN: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// A table whose first column is text and whose other columns stand to the right.
pub fn table<R>(header: &[&str], rows: R) -> String
where
    R: IntoIterator,
    R::Item: IntoIterator<Item = String>,
{
    let mut table = Table::new();
    table.load_style(PLAIN).set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines = table.to_string();
    lines.lines().map(|line| format!("  {}", line.trim_end())).collect::<Vec<_>>().join("\n")
}

/// A figure with `digits` significant digits, in the notation that is shorter to read.
#[must_use]
pub fn figure(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs().log10().floor();
    if !(-5.0..9.0).contains(&magnitude) {
        return format!("{value:.*e}", digits.saturating_sub(1));
    }
    // Within -5 and 8: exact as an integer.
    let decimals = digits as i32 - 1 - magnitude as i32;
    format!("{value:.*}", usize::try_from(decimals).unwrap_or(0))
}

/// A share in per cent, such as `95`.
#[must_use]
pub fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Breaks a text between words; every line begins with `indent` blanks and has at most 96
/// characters where its words allow it.
#[must_use]
pub fn wrap(text: &str, indent: usize) -> String {
    const WIDTH: usize = 96;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{:indent$}{word}", "")),
        }
    }
    lines.join("\n")
}

/// A text of somebody else on one line: what would move a terminal's cursor is replaced, and
/// behind `most` characters it is clipped.
#[must_use]
pub fn clean(text: &str, most: usize) -> String {
    // Beside control characters those that turn the direction of a line.
    let turns = |c| matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| if c.is_control() || turns(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut cleaned: String = text.chars().take(most).map(shown).collect();
    if text.chars().nth(most).is_some() {
        cleaned.push('…');
    }
    cleaned
}

/// A number of things, such as `1 site` or `2 sites`; `one` makes its plural with an s.
#[must_use]
pub fn counted(number: impl Into<u64>, one: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    }
}

/// A number of bytes.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", count as f64 / *unit as f64),
        None => format!("{count} B"),
    }
}

/// Seconds.
#[must_use]
pub fn human(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_their_significant_digits() {
        assert_eq!(figure(-2.197_832_841, 6), "-2.19783");
        assert_eq!(figure(0.000_123_456, 4), "0.0001235");
        assert_eq!(figure(1_263_985.785_6, 6), "1263986");
        assert_eq!(figure(1.5e-9, 3), "1.50e-9");
        assert_eq!((figure(0.0, 4), figure(f64::NAN, 4)), ("0".into(), "–".into()));
    }

    #[test]
    fn one_thing_is_no_plural() {
        let all = [0_u32, 1, 2].map(|number| counted(number, "site"));
        assert_eq!(all, ["0 sites", "1 site", "2 sites"]);
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let text = wrap(&"word ".repeat(40), 4);
        assert!(text.lines().all(|line| line.starts_with("    word") && line.len() <= 96));
        assert_eq!(text.split_whitespace().count(), 40);
        assert_eq!(wrap("one", 2), "  one");
    }

    #[test]
    fn a_foreign_text_stays_on_its_line() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{202e}d", 100), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
        assert_eq!((clean("ééé", 2), clean("éé", 2)), ("éé…".into(), "éé".into()));
    }

    #[test]
    fn sizes_are_in_binary_units() {
        assert_eq!((bytes(512), bytes(1536)), ("512 B".into(), "1.5 KiB".into()));
        assert_eq!((percent(0.95), percent(0.999)), ("95".into(), "99.9".into()));
        assert_eq!((human(0.0123), human(2.5)), ("12 ms".into(), "2.50 s".into()));
    }

    #[test]
    fn a_table_is_aligned_and_has_no_blanks_at_its_ends() {
        let row = |name: &str, value: &str| [name.to_owned(), value.to_owned()];
        let text = table(&["term", "x"], [row("a", "1.0"), row("bb", "-12.0")]);
        assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
        assert!(text.ends_with("-12.0"), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
    }
}
