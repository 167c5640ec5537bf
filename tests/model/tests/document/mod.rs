//! docs/verification.md says what the tests find.

use std::path::Path;

/// Fails where the text has no line that begins and ends like this.
pub(crate) fn documented(beginning: &str, end: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verification.md");
    let text = std::fs::read_to_string(path).expect("docs/verification.md is there");
    let found = text.lines().any(|line| line.starts_with(beginning) && line.ends_with(end));
    assert!(found, "docs/verification.md lacks the line\n{beginning}…{end}");
}
