//! What is wrong with a manifest, and where.

use thiserror::Error;

/// The first thing that is wrong with a manifest. Displays as
/// `line 9, column 8: analysis.kind is "glmm"; allowed: "glm", "fedavg", "vector"`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}, column {column}: {reason}")]
#[non_exhaustive]
pub struct ManifestError {
    /// Line of the offending key or value, from 1; for a missing key, the line of its table.
    pub line: usize,
    /// Column on that line in characters, from 1.
    pub column: usize,
    /// What is wrong and what is allowed.
    pub reason: String,
}

impl ManifestError {
    /// An error at a byte offset of the text.
    pub(super) fn at(text: &str, offset: usize, reason: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.chars().count() - before[..start].chars().count() + 1,
            reason: reason.into(),
        }
    }

    /// An error of the TOML parser.
    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(text.len(), |span| span.start);
        let message = error.message().replace('\n', "; ");
        Self::at(text, offset, format!("not valid TOML: {message}"))
    }
}

/// Text of the manifest in an error: quoted, control characters escaped, long text cut.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let cut: String = text.chars().take(MOST).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{dots}")
}

/// `"a", "b", "c"`.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let at = |offset| {
            let error = ManifestError::at("é = 1\nkey = 2\n", offset, "x");
            (error.line, error.column)
        };
        assert_eq!((at(0), at(2), at(7), at(13)), ((1, 1), (1, 2), (2, 1), (2, 7)));
        assert_eq!(at(999), (3, 1), "beyond the end is the end");
        assert_eq!(at(1), (3, 1), "within a character too");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(quoted(&"a".repeat(61)), format!("\"{}\"…", "a".repeat(60)));
        assert_eq!(quoted("a\n\"b"), r#""a\n\"b""#);
    }
}
