//! Each alarm that a program raises has a row in docs/operations.md that says what to do.

use std::collections::BTreeMap;
use std::path::Path;

/// What a site's alarms are about, with words of their texts. A row may name several.
const AT_A_SITE: [(&str, &str); 17] = [
    ("Certificate", "and could not be renewed"),
    ("Authorities", "the coordinator's list of authorities is not taken"),
    ("Charters", "the coordinator's charters are not taken"),
    ("Proposal", "a proposed charter is not taken"),
    ("Waiting", "of the charter has to wait"),
    ("Clock", "this machine's clock and the coordinator's are"),
    ("Session", "the coordinator sent something that is no message"),
    ("Admission", "the coordinator does not admit this site"),
    ("Restored", "this site's ledger is refused (check L1) by"),
    ("Forgotten", "the sites of a sum name different sums of study"),
    ("Hint", "peers have seen a newer ledger of a site than it shows now"),
    ("Ledger", "is refused (check L1)"),
    ("Sums", "says of its ledger in a sum of study"),
    ("Stale", "this folder is older than what this site has signed"),
    ("Records", "this site takes part in nothing more, for its own records cannot be written"),
    ("DataSet", "data set "),
    ("Mended", "they were cut off"),
];

/// Words of the texts of a coordinator's alarms, by the file that raises them.
const AT_THE_COORDINATOR: [(&str, &str); 17] = [
    ("office.rs", "The authority's certificate ends within 90 days"),
    ("office.rs", "The coordinator's certificate or the list of revoked ones has ended"),
    ("office.rs", "of the charter has"),
    ("office.rs", "is revoked and still in the charter in force"),
    ("office.rs", "The clock of"),
    ("office.rs", "ends within a week or has ended"),
    ("office.rs", "has enrolled and is in no charter"),
    ("ledgers.rs", "is refused (check L1, by"),
    ("office.rs", "has not yet confirmed the words of version"),
    ("found.rs", "The database is older than the list of revoked certificates"),
    ("found.rs", "of the charter than this coordinator"),
    ("found.rs", "holds a later charter than this coordinator"),
    ("found.rs", "holds a list of authorities that this coordinator did not sign last"),
    ("found.rs", "is by an authority that counts"),
    ("found.rs", "The database is older than the audit log"),
    ("revocation.rs", "list-damaged"),
    ("../services/operator.rs", "The coordinator takes no more work until it is started again"),
];

#[test]
fn each_alarm_of_a_site_has_a_row() {
    let text = section("### At a site");
    let source = code(&root().join("client/src")) + &code(&root().join("crates/transport/src"));
    let alarms = code(&root().join("client/src/daemon/alarms.rs"));
    let variants = alarms.split_once("pub(crate) enum About {").expect("the alarms").1;
    let variants = variants.split_once("\n}").expect("their end").0;
    let names: Vec<_> = variants
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//") && !line.is_empty())
        .map(|line| line.trim_end_matches(',').split('(').next().unwrap_or_default())
        .collect();
    let known: BTreeMap<_, _> = AT_A_SITE.into_iter().collect();
    for name in names {
        let words = known.get(name).unwrap_or_else(|| panic!("say here what About::{name} says"));
        assert!(source.contains(words), "no program says {words:?}");
        assert!(text.contains(words), "docs/operations.md has no row for {words:?}");
    }
}

#[test]
fn each_alarm_of_a_coordinator_has_a_row() {
    let text = section("### At the coordinator");
    let folder = root().join("coordinator/src/actor");
    for (file, words) in AT_THE_COORDINATOR {
        assert!(code(&folder.join(file)).contains(words), "{file} does not say {words:?}");
        assert!(text.contains(words), "docs/operations.md has no row for {words:?}");
    }
    let raised = code(&folder.join("office.rs")).matches("alarms.push(").count();
    let known = AT_THE_COORDINATOR.iter().filter(|(file, _)| *file == "office.rs").count();
    assert_eq!(raised, known, "office.rs raises alarms that are not listed here");
}

/// A part of docs/operations.md, down to the next title.
fn section(title: &str) -> String {
    let path = root().join("docs/operations.md");
    let text = std::fs::read_to_string(&path).expect("the text");
    let rest = text.split_once(title).expect("a title").1;
    rest.split("\n#").next().unwrap_or_default().to_owned()
}

/// The code of a file or folder, with texts that go over several lines in one piece.
fn code(path: &Path) -> String {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).expect("a folder");
        return entries.map(|entry| code(&entry.expect("an entry").path())).collect();
    }
    let text = std::fs::read_to_string(path).expect("source code");
    let mut joined = String::new();
    for line in text.lines() {
        if joined.ends_with('\\') {
            joined.pop();
            joined.push_str(line.trim_start());
        } else {
            joined.push('\n');
            joined.push_str(line);
        }
    }
    joined
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
