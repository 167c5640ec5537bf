//! How well columns are classified, over the labelled tables of the folder that RIPIENO_DATA names
//! (pii/): `just classifier-score` prints it. Rules were made by looking at the first half of the
//! tables; the second half was only scored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ripieno_catalog::{Class, Suggestion, classify};

/// Whether a table belongs to the half that was looked at.
const FIRST: fn(&str) -> bool = |file| file < "table_015.csv";

struct Judged {
    file: String,
    label: String,
    category: String,
    style: String,
    found: Suggestion,
}

fn judged(part: fn(&str) -> bool) -> Option<Vec<Judged>> {
    let Some(folder) = std::env::var_os("RIPIENO_DATA") else {
        println!("skipped: RIPIENO_DATA names no folder");
        return None;
    };
    let folder: PathBuf = Path::new(&folder).join("pii");
    let mut tables: BTreeMap<String, Vec<Suggestion>> = BTreeMap::new();
    let mut judged = Vec::new();
    for row in csv::Reader::from_path(folder.join("labels.csv")).unwrap().records() {
        let row = row.unwrap();
        let [file, index, _, label, category, _, _, style, ..] = row.iter().collect::<Vec<_>>()[..]
        else {
            panic!("labels.csv has other columns")
        };
        if !part(file) {
            continue;
        }
        let read = || classify(&folder.join("tables").join(file)).unwrap();
        let table = tables.entry(file.into()).or_insert_with(read);
        let found = table[index.parse::<usize>().unwrap()].clone();
        judged.push(Judged {
            file: file.into(),
            label: label.into(),
            category: category.into(),
            style: style.into(),
            found,
        });
    }
    Some(judged)
}

/// Of the columns of a category and of some styles: how many are of some class, of how many.
fn share(
    judged: &[Judged],
    category: &str,
    styles: &[&str],
    holds: fn(Class) -> bool,
) -> (usize, usize) {
    let of =
        |column: &&Judged| column.category == category && styles.contains(&column.style.as_str());
    let columns: Vec<_> = judged.iter().filter(of).collect();
    (columns.iter().filter(|column| holds(column.found.class)).count(), columns.len())
}

fn percent((part, whole): (usize, usize)) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

const PLAIN: &[&str] = &["clear", "abbrev"];
const HIDDEN: &[&str] = &["opaque", "misleading"];
const ALL: &[&str] = &["clear", "abbrev", "opaque", "misleading"];

fn is_direct(class: Class) -> bool {
    class == Class::Direct
}

fn is_flagged(class: Class) -> bool {
    class >= Class::Quasi
}

/// Prints the figures, and asserts the thresholds.
fn check(title: &str, judged: &[Judged]) {
    println!("\n{title}: {} columns", judged.len());
    println!("  {:10}{:>9}{:>9}{:>11}{:>9}", "label", "direct", "quasi", "sensitive", "general");
    for category in ["direct", "quasi", "none"] {
        let count = |class: Class| {
            judged
                .iter()
                .filter(|column| column.category == category && column.found.class == class)
                .count()
        };
        let [direct, quasi, sensitive, general] =
            [Class::Direct, Class::Quasi, Class::Sensitive, Class::General].map(count);
        println!("  {category:10}{direct:>9}{quasi:>9}{sensitive:>11}{general:>9}");
    }
    let plain = share(judged, "direct", PLAIN, is_direct);
    let hidden = share(judged, "direct", HIDDEN, is_direct);
    let quasi = share(judged, "quasi", ALL, is_flagged);
    let alarms = share(judged, "none", ALL, is_flagged);
    for (what, figure) in [
        ("direct found, clear and abbreviated headers", plain),
        ("direct found, opaque and misleading headers", hidden),
        ("quasi found (as quasi or direct)", quasi),
        ("wrong alarms", alarms),
    ] {
        println!("  {what}: {:.1} % ({} of {})", percent(figure), figure.0, figure.1);
    }
    for column in judged {
        let wrong = match column.category.as_str() {
            "direct" => !is_direct(column.found.class),
            "quasi" => !is_flagged(column.found.class),
            _ => is_flagged(column.found.class),
        };
        if wrong {
            let Judged { file, label, category, style, found } = column;
            println!(
                "  {file} {:?}: {label} ({category}, {style}) taken for {} ({}, {:.2})",
                found.column,
                found.kind.name(),
                found.class,
                found.confidence
            );
        }
    }
    assert!(percent(plain) >= 95.0, "{title}: direct identifiers with plain headers");
    assert!(percent(hidden) >= 85.0, "{title}: direct identifiers with other headers");
    assert!(percent(quasi) >= 80.0, "{title}: quasi-identifiers");
    assert!(percent(alarms) <= 5.0, "{title}: wrong alarms");
}

#[test]
fn the_tables_that_were_looked_at() {
    let Some(judged) = judged(FIRST) else { return };
    check("Tables 1 to 14, which were looked at", &judged);
}

#[test]
fn the_tables_that_were_only_scored() {
    let Some(judged) = judged(|file| !FIRST(file)) else { return };
    check("Tables 15 to 28, which were only scored", &judged);
}
