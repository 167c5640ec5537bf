//! What the columns of a table mean, and how far they lead to a person: a suggestion.
//!
//! The values decide where their form proves a type (check digits, dates that exist, addresses of
//! the network); else the column's name, where the values can be what it says; else the values'
//! look. docs/classification.md has the types and the figures.
//!
//! Of a file a bounded sample is held while it is classified, and overwritten afterwards. Errors and
//! reasons hold names of columns, shares and counts, never a value.

mod column;
mod date;
mod digits;
mod finding;
mod fits;
mod fold;
mod guess;
mod header;
mod headwords;
mod names;
mod national;
mod patterns;
mod proof;
mod sample;
mod types;
mod words;

use std::path::Path;
use std::sync::Arc;

use crate::error::CatalogError;
use crate::origin::Origin;
use column::{Column, number};
use finding::Finding;
use header::Hint;
use sample::Sample;
pub use sample::{MAX_SAMPLE_BYTES, MAX_SAMPLE_FIELD, MAX_SAMPLE_ROWS};
pub use types::{Class, SemanticType, UnknownName};

/// What a column probably is.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The column's name.
    pub column: Arc<str>,
    /// How far its values lead to a person.
    pub class: Class,
    /// What its values mean.
    pub kind: SemanticType,
    /// How sure that is, in [0, 1]: a rank, not a probability.
    pub confidence: f64,
    /// Why, in words, without a value of the table.
    pub reason: String,
}

/// Suggests class and type for each column of a CSV file, in the order of its header. The whole file
/// is read and its form checked; [`MAX_SAMPLE_ROWS`] and [`MAX_SAMPLE_BYTES`] bound what is held.
///
/// # Errors
/// As [`Catalog::new`](crate::Catalog::new): the first fault of the file, with its line. Also a
/// header that holds values, or one that is parted by something else than commas.
pub fn classify(path: &Path) -> Result<Vec<Suggestion>, CatalogError> {
    let file: Arc<str> = path.display().to_string().into();
    let sample = Sample::read(&Origin::anywhere(path), &file)?;
    sample.check_header(&file)?;
    Ok(suggestions(&sample))
}

/// The same of a table that is registered, of which the header was looked at.
pub(crate) fn suggest_all(
    origin: &Origin,
    file: &Arc<str>,
) -> Result<Vec<Suggestion>, CatalogError> {
    Sample::read(origin, file).map(|sample| suggestions(&sample))
}

fn suggestions(sample: &Sample) -> Vec<Suggestion> {
    let columns = sample.names.iter().enumerate();
    columns.map(|(index, name)| suggest(name, &Column::of(sample.column(index)))).collect()
}

fn suggest(name: &Arc<str>, column: &Column<'_>) -> Suggestion {
    let hint = header::read(name);
    let finding = decide(hint, column);
    let class = class(&finding, column);
    let mut reason = finding.why;
    let mut chars = reason.chars();
    if let Some(first) = chars.next() {
        reason = first.to_uppercase().chain(chars).collect();
    }
    reason.push('.');
    let confidence = (finding.confidence * 100.0).round() / 100.0;
    Suggestion { column: name.clone(), class, kind: finding.kind, confidence, reason }
}

fn decide(hint: Hint, column: &Column<'_>) -> Finding {
    let proof = proof::find(column);
    match (hint, proof) {
        (Hint::Says(said), Some(proof)) => proved(said, proof, column),
        (Hint::Says(said), None) if fits::fit(said, column) => believed(said, column),
        (Hint::Says(said), None) => contradicted(said, guess::guess(column)),
        (Hint::About(about), proof) => {
            let mut finding = proof.unwrap_or_else(|| guess::guess(column));
            if finding.kind != about {
                finding.why.push_str("; the column's name says something about ");
                finding.why.push_str(about.words());
            }
            finding
        }
        (Hint::Silent, Some(proof)) => proof,
        (Hint::Silent, None) => {
            let mut finding = guess::guess(column);
            finding.why.push_str("; the column's name says nothing");
            finding
        }
    }
}

/// A form is proved: the name may still make it narrower, never harmless.
fn proved(said: SemanticType, proof: Finding, column: &Column<'_>) -> Finding {
    let narrower = narrows(said, proof.kind);
    // Some forms are common by chance; where the name says of a direct identifier, it is believed.
    let outranks = said.class() > proof.kind.class() && weak(proof.kind) && fits::fit(said, column);
    if said == proof.kind || narrower || outranks {
        let why = format!("the column's name says {}; {}", said.words(), proof.why);
        return Finding::new(said, (proof.confidence + 0.01).min(0.99), why);
    }
    contradicted(said, proof)
}

/// Whether the name may choose among types of one form.
fn narrows(said: SemanticType, proved: SemanticType) -> bool {
    use SemanticType as T;
    let dates =
        [T::DateOfBirth, T::AdmissionDate, T::DischargeDate, T::DeathDate, T::VisitDate, T::Date];
    let numbers = [
        T::NationalId,
        T::InsuranceNumber,
        T::RecordNumber,
        T::Passport,
        T::DriverLicence,
        T::CreditCard,
        T::DeviceId,
        T::Phone,
        T::Iban,
    ];
    [dates.as_slice(), numbers.as_slice()]
        .iter()
        .any(|group| group.contains(&said) && group.contains(&proved))
}

/// Forms that other columns have by chance.
fn weak(kind: SemanticType) -> bool {
    use SemanticType as T;
    matches!(
        kind,
        T::Icd10
            | T::Postcode
            | T::BloodGroup
            | T::GeneticVariant
            | T::Snomed
            | T::Atc
            | T::Technical
            | T::Unit
            | T::Loinc
    )
}

fn believed(said: SemanticType, column: &Column<'_>) -> Finding {
    let guess = guess::guess(column);
    // A text column may name persons, whatever it is called.
    if guess.kind == SemanticType::IdentifyingText && said.class() < Class::Quasi {
        return Finding::new(
            guess.kind,
            guess.confidence,
            format!("the column's name says {}; they are {}", said.words(), guess.why),
        );
    }
    let agrees = guess.kind == said || guess.kind.class() == said.class();
    let why = format!("the column's name says {}, and the values can be", said.words());
    Finding::new(said, if agrees { 0.9 } else { 0.75 }, why)
}

fn contradicted(said: SemanticType, mut found: Finding) -> Finding {
    found.why =
        format!("the column's name says {}, which the values are not: {}", said.words(), found.why);
    found.confidence = (found.confidence - 0.05).max(0.1);
    found
}

/// The class of the type, but for ages of 90 and more, which the fewest have.
fn class(finding: &Finding, column: &Column<'_>) -> Class {
    let old = || {
        column.share(|value| number(value).is_some_and(|age| (90.0..=130.0).contains(&age))) > 0.0
    };
    match finding.kind {
        SemanticType::Age if old() => Class::Quasi,
        kind => kind.class(),
    }
}
