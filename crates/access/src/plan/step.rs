//! One transformation of a value.

use std::fmt;

use ripieno_catalog::Why;
use ripieno_study::Hasher;

use super::cell::Cell;
use super::day::Day;
use super::fake::Fake;
use super::icd;
use super::keys::StudyKeys;

/// The most steps of a column.
pub const MAX_STEPS: usize = 8;
/// The most edges of buckets.
pub const MAX_EDGES: usize = 256;

/// One transformation. A missing value stays missing, but for [`Step::Fake`].
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A text of 32 digits that stands for the value in this study, and in no other.
    Pseudonym,
    /// A text of 32 digits that stands for the value in every study and table of this site that
    /// names the same domain, so that tables can be joined.
    Token(String),
    /// The lower end of the band of this width in which a number lies: 63 becomes 60 with bands of
    /// 5 or 10.
    Band(f64),
    /// The year of a date.
    Year,
    /// The leading digits or letters of a text, so many; blanks and signs do not count. The text
    /// stays as it is where it has fewer.
    Leading(u8),
    /// The chapter of an ICD-10 code, from 1 to 22.
    IcdChapter,
    /// How many of these edges, which rise, a number reaches: from 0.
    Bucket(Vec<f64>),
    /// Numbers above this become this.
    Top(f64),
    /// Numbers below this become this.
    Bottom(f64),
    /// The nearest multiple of this; halves away from zero.
    Round(f64),
    /// Missing, whatever it was.
    Suppress,
    /// A made-up value.
    Fake(Fake),
}

/// Where a value stands, and what its pseudonym is made with.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The column.
    pub column: &'a str,
    /// The row, from 0.
    pub row: u64,
    /// Keys; without them pseudonyms and tokens are missing values.
    pub keys: Option<&'a StudyKeys>,
}

impl Step {
    /// Changes a value.
    ///
    /// # Errors
    /// What the value is not.
    pub fn apply(&self, cell: &mut Cell, at: At<'_>) -> Result<(), Why> {
        match self {
            Step::Fake(fake) => fake.make(at.column, at.row, cell),
            Step::Suppress => cell.clear(),
            _ if cell.is_missing() => {}
            Step::Pseudonym | Step::Token(_) => self.replace(cell, at),
            Step::Year => {
                let day = cell.text().and_then(|text| Day::read(&text));
                let day = day.ok_or(Why::Not("a date such as 2024-03-05 or 05.03.2024"))?;
                cell.set_number(f64::from(day.year()));
            }
            Step::Leading(count) => {
                let kept = cell.text().map(|text| leading(&text, usize::from(*count)));
                cell.set_text(|into| into.push_str(&kept.unwrap_or_default()));
            }
            Step::IcdChapter => {
                let chapter = cell.text().and_then(|text| icd::chapter(&text));
                cell.set_number(f64::from(chapter.ok_or(Why::Not("an ICD-10 code"))?));
            }
            _ => {
                let number = cell.number().ok_or(Why::NotANumber)?;
                cell.set_number(self.of_number(number));
            }
        }
        Ok(())
    }

    /// Whether its values are never numbers, so that no model can be fitted to them.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self, Step::Pseudonym | Step::Token(_) | Step::Suppress)
    }

    /// Whether it needs the site's key.
    #[must_use]
    pub const fn needs_key(&self) -> bool {
        matches!(self, Step::Pseudonym | Step::Token(_))
    }

    /// What is wrong with its parameters, if anything is.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let positive = |number: &f64| number.is_finite() && *number > 0.0;
        match self {
            Step::Band(width) if !positive(width) => Some("the width of a band is above 0"),
            Step::Round(to) if !positive(to) => Some("what is rounded to is above 0"),
            Step::Top(limit) | Step::Bottom(limit) if !limit.is_finite() => {
                Some("a limit is a finite number")
            }
            Step::Leading(0) => Some("at least one leading sign stays; use \"suppress\" for none"),
            Step::Token(domain) if domain.trim().is_empty() => Some("a token names its domain"),
            Step::Bucket(edges) if edges.is_empty() || edges.len() > MAX_EDGES => {
                Some("buckets have 1 to 256 edges")
            }
            Step::Bucket(edges) if !rises(edges) => {
                Some("the edges of buckets are finite and rise")
            }
            _ => None,
        }
    }

    /// Adds it to a digest.
    pub(crate) fn hash(&self, hasher: Hasher) -> Hasher {
        let number =
            |hasher: Hasher, name: &str, number: f64| hasher.part(name).number(number.to_bits());
        match self {
            Step::Pseudonym => hasher.part("pseudonym"),
            Step::Token(domain) => hasher.part("token").part(domain),
            Step::Band(width) => number(hasher, "band", *width),
            Step::Year => hasher.part("year"),
            Step::Leading(count) => hasher.part("leading").number(*count),
            Step::IcdChapter => hasher.part("icd-chapter"),
            Step::Bucket(edges) => {
                let edges = edges.iter();
                hasher.part("bucket").list(edges, |hasher, edge| hasher.number(edge.to_bits()))
            }
            Step::Top(limit) => number(hasher, "top", *limit),
            Step::Bottom(limit) => number(hasher, "bottom", *limit),
            Step::Round(to) => number(hasher, "round", *to),
            Step::Suppress => hasher.part("suppress"),
            Step::Fake(fake) => hasher.part("fake").part(fake.kind.to_string()).number(fake.seed),
        }
    }

    fn replace(&self, cell: &mut Cell, at: At<'_>) {
        let value = cell.text().map(|text| zeroize::Zeroizing::new(text.into_owned()));
        match (self, at.keys, value) {
            (Step::Pseudonym, Some(keys), Some(value)) => {
                cell.set_text(|into| keys.pseudonym(at.column, &value, into));
            }
            (Step::Token(domain), Some(keys), Some(value)) => {
                cell.set_text(|into| keys.token(domain, &value, into));
            }
            // Without a key nothing is shown.
            _ => cell.clear(),
        }
    }

    fn of_number(&self, number: f64) -> f64 {
        match self {
            Step::Band(width) => (number / width).floor() * width,
            Step::Bucket(edges) => edges.iter().filter(|edge| number >= **edge).count() as f64,
            Step::Top(limit) => number.min(*limit),
            Step::Bottom(limit) => number.max(*limit),
            Step::Round(to) => (number / to).round() * to,
            _ => number,
        }
    }
}

/// In words, for the steward.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Pseudonym => f.write_str("pseudonyms of this study"),
            Step::Token(domain) => write!(f, "tokens of this site for {domain:?}"),
            Step::Band(width) => write!(f, "bands of {width}, by their lower end"),
            Step::Year => f.write_str("the year of the date"),
            Step::Leading(1) => f.write_str("the first sign"),
            Step::Leading(count) => write!(f, "the first {count} signs"),
            Step::IcdChapter => f.write_str("the chapter of the ICD-10 code"),
            Step::Bucket(edges) => {
                let edges: Vec<_> = edges.iter().map(f64::to_string).collect();
                write!(f, "buckets that begin at {}, by their number", edges.join(", "))
            }
            Step::Top(limit) => write!(f, "{limit} where it is more"),
            Step::Bottom(limit) => write!(f, "{limit} where it is less"),
            Step::Round(to) => write!(f, "rounded to multiples of {to}"),
            Step::Suppress => f.write_str("left out"),
            Step::Fake(fake) => write!(f, "made-up {} (seed {})", fake.kind, fake.seed),
        }
    }
}

fn rises(edges: &[f64]) -> bool {
    let finite = edges.iter().all(|edge| edge.is_finite());
    finite && edges.iter().zip(edges.iter().skip(1)).all(|(low, high)| low < high)
}

fn leading(text: &str, count: usize) -> zeroize::Zeroizing<String> {
    text.chars().filter(|sign| sign.is_alphanumeric()).take(count).collect::<String>().into()
}
