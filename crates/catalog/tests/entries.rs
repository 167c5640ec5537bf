//! What a site writes down of a table.

use std::fs;

use ripieno_catalog::entry::{Confirmed, Discover, MAX_CHANGES, Stamp};
use ripieno_catalog::{Catalog, Class, ColumnFacts, Entry, SemanticType, Source};
use tempfile::TempDir;

const CONTENT: &str = "email,age,sodium\nann@example.org,63,140.5\nbob@example.org,41,138\n\
                       eve@example.org,52,\n";

fn stamp(at: u64) -> Stamp {
    Stamp { by: "Eve".into(), at }
}

fn scanned(folder: &TempDir, content: &str) -> (Catalog, Vec<ripieno_catalog::Suggestion>) {
    let path = folder.path().join("t.csv");
    fs::write(&path, content).unwrap();
    let (catalog, _) = Catalog::new("va", [Source { name: "t".into(), path }]).unwrap();
    let suggestions = catalog.suggest("t").unwrap();
    (catalog, suggestions)
}

fn entry(folder: &TempDir) -> Entry {
    let (catalog, suggestions) = scanned(folder, CONTENT);
    Entry::new(catalog.data_set("t").unwrap(), &suggestions, stamp(1))
}

fn confirm(entry: &mut Entry, column: &str, class: Class, kind: SemanticType) {
    let of = entry.fingerprint;
    let confirmed = Confirmed { class, kind, said: stamp(2), of };
    entry.column_mut(column).unwrap().confirmed = Some(confirmed);
}

fn rescan(entry: &mut Entry, folder: &TempDir, content: &str) -> Option<Vec<String>> {
    let (catalog, suggestions) = scanned(folder, content);
    let change = entry.rescan(catalog.data_set("t").unwrap(), &suggestions, stamp(3))?;
    Some(change.unconfirmed)
}

#[test]
fn an_entry_holds_what_was_found_and_no_value_that_leads_to_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let entry = entry(&folder);
    let sodium = entry.column("sodium").unwrap();
    assert_eq!((sodium.missing, sodium.range.unwrap().ends()), (1, [138.0, 140.5]));
    assert!(!format!("{entry:?}").contains("140.5"));
    assert_eq!(entry.column("email").unwrap().suggested.class, Class::Direct);
    let text = serde_json::to_string(&entry).unwrap();
    assert!(!text.contains("example.org"), "{text}");
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    let numbers = "patient_id,x\n1000001,1\n1000002,2\n1000003,3\n";
    let (catalog, suggestions) = scanned(&folder, numbers);
    let entry = Entry::new(catalog.data_set("t").unwrap(), &suggestions, stamp(1));
    assert_eq!(entry.column("patient_id").unwrap().range, None);
}

#[test]
fn facts_are_unconfirmed_until_a_steward_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (mut catalog, suggestions) = scanned(&folder, CONTENT);
    assert_eq!(catalog.data_set("t").unwrap().facts("age"), None);
    let mut entry = Entry::new(catalog.data_set("t").unwrap(), &suggestions, stamp(1));
    assert!(catalog.describe([entry.clone()]).is_empty());
    let fact = |catalog: &Catalog| catalog.data_set("t").unwrap().facts("email").unwrap();
    assert!(!fact(&catalog).confirmed);
    confirm(&mut entry, "email", Class::Quasi, SemanticType::Pseudonym);
    catalog.describe([entry.clone()]);
    let name = "email".into();
    let (class, kind) = (Class::Quasi, SemanticType::Pseudonym);
    assert_eq!(fact(&catalog), ColumnFacts { name, class, kind, confirmed: true });
    // Of other content nothing is known.
    let (mut catalog, _) = scanned(&folder, &CONTENT.replace("63", "64"));
    assert_eq!(catalog.describe([entry]), ["t".into()]);
    assert_eq!(catalog.data_set("t").unwrap().facts("email"), None);
}

#[test]
fn a_change_is_kept_with_both_fingerprints_and_unconfirms_what_looks_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let mut entry = entry(&folder);
    for (column, class, kind) in [
        ("email", Class::Direct, SemanticType::Email),
        ("age", Class::Sensitive, SemanticType::Age),
        ("sodium", Class::Sensitive, SemanticType::LabValue),
    ] {
        confirm(&mut entry, column, class, kind);
    }
    let before = entry.fingerprint;
    assert_eq!(rescan(&mut entry, &folder, CONTENT), None);
    let more = format!("{CONTENT}zoe@example.org,33,141\n");
    assert_eq!(rescan(&mut entry, &folder, &more), Some(vec![]));
    let change = &entry.changes[0];
    assert_eq!((change.before, change.after), (before, entry.fingerprint));
    assert_eq!((change.rows_before, change.rows_after, change.seen.at), (3, 4, 3));
    // Addresses in a column of numbers, and a column that was not there.
    let other = "email,age,sodium,note\na@example.org,b@example.org,140,x\nc@example.org,\
                 d@example.org,139,y\n";
    let unconfirmed = rescan(&mut entry, &folder, other).unwrap();
    assert!(unconfirmed.contains(&"age".to_owned()), "{unconfirmed:?}");
    assert!(unconfirmed.contains(&"note".to_owned()), "{unconfirmed:?}");
    assert!(entry.column("email").unwrap().confirmed.is_some());
    for number in 0..MAX_CHANGES {
        rescan(&mut entry, &folder, &format!("{CONTENT}zoe@example.org,33,{number}\n"));
    }
    assert_eq!(entry.changes.len(), MAX_CHANGES);
}

#[test]
fn researchers_learn_what_the_steward_lets_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut entry = entry(&folder);
    let card = |entry: &Entry| serde_json::to_value(entry.card()).unwrap();
    assert_eq!(card(&entry), serde_json::json!({ "name": "t" }));
    entry.discover = Discover { names: true, types: true, classes: false, size: true };
    assert_eq!(card(&entry)["columns"], serde_json::json!([]), "nothing is confirmed");
    confirm(&mut entry, "age", Class::Sensitive, SemanticType::Age);
    let age = serde_json::json!({ "name": "age", "holds": "numbers", "type": "age" });
    assert_eq!(card(&entry)["columns"], serde_json::json!([age]));
    for (rows, at_least) in [(3, 0), (99, 0), (100, 100), (999, 100), (45_000, 10_000)] {
        entry.rows = rows;
        assert_eq!(card(&entry)["size"]["at_least"], at_least, "{rows}");
    }
}

#[test]
fn an_entry_with_anything_else_in_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut value = serde_json::to_value(entry(&folder)).unwrap();
    value["columns"][0]["suggested"]["class"] = "harmless".into();
    let error = serde_json::from_value::<Entry>(value.clone()).unwrap_err().to_string();
    assert!(error.contains("\"harmless\" is no class"), "{error}");
    value["columns"][0]["suggested"]["class"] = "general".into();
    value["more"] = 1.into();
    assert!(serde_json::from_value::<Entry>(value).is_err());
}
