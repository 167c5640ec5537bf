//! Whether values can be what the name of their column says.

use super::column::{Column, all_digits, number};
use super::names::{self, Names};
use super::types::SemanticType::{self, *};
use super::{date, patterns};

/// Whether the values of a column can be of this type.
pub(super) fn fit(kind: SemanticType, column: &Column<'_>) -> bool {
    let share = |holds: fn(&str) -> bool| column.share(holds);
    let numeric = || column.share(|value| number(value).is_some());
    match kind {
        PersonName | GivenName | FamilyName => named(column),
        RecordNumber | NationalId | InsuranceNumber | Passport | DriverLicence | DeviceId
        | VehicleId | Biometric | Iban | CreditCard => {
            share(is_code) >= 0.8 && repeats_little(column, 0.3) && !patterned(column)
        }
        Plate => share(is_plate) >= 0.8 && repeats_little(column, 0.3),
        Pseudonym => share(is_code) >= 0.8 && repeats_little(column, 0.1) && decimals(column) < 0.1,
        Phone => {
            share(patterns::is_phone_like) >= 0.8
                && repeats_little(column, 0.3)
                && decimals(column) < 0.2
        }
        Email => share(patterns::is_email) >= 0.5,
        Url => {
            share(|value| patterns::is_url(value) || (value.contains('.') && value.contains('/')))
                >= 0.5
        }
        IpAddress => share(patterns::is_ip) >= 0.5,
        MacAddress => share(patterns::is_mac) >= 0.5,
        Username => share(is_word) >= 0.8 && repeats_little(column, 0.1),
        Address => {
            share(is_lettered) >= 0.7
                && column.mean_length() >= 5.0
                && repeats_little(column, 0.2)
                && names::medical(column) < 0.4
        }
        City | Region | Occupation | Religion | Ethnicity | MaritalStatus => {
            share(is_lettered) >= 0.8 || (column.is_categorical() && numeric() < 0.5)
        }
        Postcode => share(is_postcode) >= 0.8 && decimals(column) < 0.05,
        DateOfBirth | AdmissionDate | DischargeDate | DeathDate | VisitDate | Date => {
            share(|value| date::read(value).is_some()) >= 0.6
        }
        TimeOfDay => share(date::is_time) >= 0.6,
        Year => {
            share(|value| number(value).is_some_and(|year| (1850.0..2250.0).contains(&year))) >= 0.8
        }
        Age => {
            share(|value| {
                patterns::is_band(value)
                    || number(value).is_some_and(|age| (0.0..=130.0).contains(&age))
            }) >= 0.8
        }
        Sex => column.distinct <= 8 && column.mean_length() < 15.0,
        Coordinate => {
            share(|value| {
                patterns::is_coordinate(value)
                    || number(value).is_some_and(|degrees| degrees.abs() <= 180.0)
            }) >= 0.8
                && decimals(column) >= 0.5
        }
        Icd10 => share(|value| patterns::is_icd10(&value.to_ascii_uppercase())) >= 0.6,
        Icd9 => share(patterns::is_icd9) >= 0.8,
        Atc => {
            share(|value| {
                value.len() <= 7 && value.starts_with(|sign: char| sign.is_ascii_uppercase())
            }) >= 0.8
        }
        Loinc => share(patterns::is_loinc) >= 0.6,
        Snomed => share(all_digits) >= 0.8 && column.mean_length() >= 6.0,
        DrugCode => share(is_code) >= 0.8,
        LabValue | VitalSign | Duration | Count | Amount => numeric() >= 0.7 && !long_codes(column),
        Counter => share(all_digits) >= 0.9 && is_sorted(column),
        Dose => share(patterns::is_dose) >= 0.4 || numeric() >= 0.6,
        Stage => column.distinct <= 60 && column.mean_length() <= 14.0,
        BloodGroup => column.distinct <= 12 && column.mean_length() <= 8.0,
        GeneticVariant => {
            share(|value| {
                patterns::is_dna(value) || patterns::is_variant(value) || value.len() <= 20
            }) >= 0.8
                && numeric() < 0.5
        }
        FreeText => column.mean_words() >= 2.0 && share(is_lettered) >= 0.7,
        Diagnosis | Medication | TestName | Department | Insurer | Organisation => {
            share(is_lettered) >= 0.6
                || (numeric() > 0.9 && !long_codes(column) && column.mean_length() < 5.0)
        }
        Unit => column.mean_length() <= 12.0 && numeric() < 0.5,
        _ => false,
    }
}

/// Values that have a form of their own which is no identifier of a person.
fn patterned(column: &Column<'_>) -> bool {
    column.share(|value| {
        date::is_time(value) || patterns::is_colour(value) || patterns::is_version(value)
    }) > 0.5
}

fn named(column: &Column<'_>) -> bool {
    let names = Names::of(column);
    let small = column
        .share(|value| value.chars().all(|sign| sign.is_alphabetic() || " ,.-'’".contains(sign)));
    let form = (names.full_form + names.single_form).max(small);
    form >= 0.75
        && repeats_little(column, 0.02)
        && (names.medical < 0.25 || names.given > 0.4)
        && column.distinct > 2
}

/// At least three digits or capitals in a run of letters, digits and joining signs; no decimals.
fn is_code(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let signs = text.bytes().all(|sign| sign.is_ascii_alphanumeric() || b" -_/.:".contains(&sign));
    signs && digits >= 3 && text.len() <= 64 && !is_decimal(text) && date::read(text).is_none()
}

fn is_decimal(text: &str) -> bool {
    number(text).is_some() && text.contains(['.', ','])
}

fn is_plate(text: &str) -> bool {
    let signs = text.chars().all(|sign| sign.is_alphanumeric() || " -·.".contains(sign));
    signs
        && (3..=12).contains(&text.len())
        && text.bytes().any(|sign| sign.is_ascii_digit())
        && !is_decimal(text)
}

fn is_word(text: &str) -> bool {
    text.len() >= 3 && !text.contains(' ') && text.bytes().any(|sign| sign.is_ascii_alphabetic())
}

fn is_lettered(text: &str) -> bool {
    text.chars().filter(|sign| sign.is_alphabetic()).count() >= 2
}

fn is_postcode(text: &str) -> bool {
    let signs = text.bytes().all(|sign| sign.is_ascii_alphanumeric() || b" -".contains(&sign));
    signs && (2..=10).contains(&text.len()) && text.bytes().any(|sign| sign.is_ascii_digit())
}

fn decimals(column: &Column<'_>) -> f64 {
    column.share(is_decimal)
}

/// Numbers of so many digits, all alike, that nothing was measured.
pub(super) fn long_codes(column: &Column<'_>) -> bool {
    column.share(|value| all_digits(value) && value.len() >= 7) >= 0.8
        && column.distinctness() >= 0.9
}

/// Small tables say little about repetition.
fn repeats_little(column: &Column<'_>, least: f64) -> bool {
    column.len() < 8 || column.distinctness() >= least
}

pub(super) fn is_sorted(column: &Column<'_>) -> bool {
    let numbers: Vec<u64> = column.values.iter().filter_map(|value| value.parse().ok()).collect();
    numbers.len() >= 3 && (numbers.is_sorted() || numbers.iter().rev().is_sorted())
}
