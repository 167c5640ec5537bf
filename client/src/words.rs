//! The words of a charter, as stewards read them to each other.

use ripieno_identity::Charter;
use ripieno_identity::charter::FINGERPRINT_WORDS;
use thiserror::Error;

/// In what words that were typed differ from those of a charter. The right word is not said:
/// whoever signs has it from the other sites.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum WrongWords {
    /// Too few or too many.
    #[error("{0} words; a charter has {FINGERPRINT_WORDS}")]
    Count(usize),
    /// Some differ.
    #[error(
        "{} not the charter's. If the other sites read you exactly these words, they hold another \
         charter: do not sign, and call the federation's operator",
        list(.0)
    )]
    Differ(Vec<usize>),
}

/// Compares words as they were typed with those of a charter; capitals and line ends do not count.
pub(crate) fn compare(typed: &str, charter: &Charter) -> Result<(), WrongWords> {
    let typed: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    if typed.len() != FINGERPRINT_WORDS {
        return Err(WrongWords::Count(typed.len()));
    }
    let words = charter.fingerprint_words();
    let numbered = (1..).zip(typed.iter().zip(words));
    let wrong: Vec<usize> =
        numbered.filter(|(_, (typed, word))| typed != word).map(|(number, _)| number).collect();
    if wrong.is_empty() { Ok(()) } else { Err(WrongWords::Differ(wrong)) }
}

/// The words in rows of six, numbered.
pub(crate) fn rows(charter: &Charter) -> String {
    let words = charter.fingerprint_words();
    let numbered: Vec<_> =
        (1..).zip(words).map(|(number, word)| format!("{number:>2} {word:<9}")).collect();
    let row = |row: &[String]| format!("  {}", row.join(" ").trim_end());
    numbered.chunks(6).map(row).collect::<Vec<_>>().join("\n")
}

fn list(numbers: &[usize]) -> String {
    let texts: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    match texts.as_slice() {
        [one] => format!("word {one} is"),
        _ => format!("words {} are", texts.join(", ")),
    }
}
