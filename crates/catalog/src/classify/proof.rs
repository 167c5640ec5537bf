//! Types that the values prove, whatever the column is named.

use super::column::{Column, all_digits, number};
use super::finding::Finding;
use super::fold::fold;
use super::national::SCHEMES;
use super::types::SemanticType::{self, *};
use super::words::{CURRENCIES, ORIGINS, SEXES, UNITS};
use super::{date, patterns};

type Pattern = fn(&str) -> bool;

/// Forms that hardly anything else has: type, pattern, the share that must have it, and what the
/// reason says of them.
const FORMS: &[(SemanticType, Pattern, f64, &str)] = &[
    (Email, patterns::is_email, 0.6, "are e-mail addresses"),
    (ProductCode, patterns::is_doi, 0.8, "are digital object identifiers"),
    (Url, patterns::is_url, 0.6, "are web addresses"),
    (IpAddress, patterns::is_ip, 0.8, "are network addresses"),
    (MacAddress, patterns::is_mac, 0.8, "are hardware addresses"),
    (Pseudonym, patterns::is_uuid, 0.8, "are UUIDs"),
    (Pseudonym, patterns::is_hash, 0.8, "are digests in hexadecimal"),
    (Iban, patterns::is_iban, 0.8, "pass the check of an IBAN"),
    (VehicleId, patterns::is_vin, 0.9, "have the form of a vehicle identification number"),
    (Technical, patterns::is_colour, 0.8, "are colours in hexadecimal"),
    (Technical, patterns::is_mime, 0.8, "are content types"),
    (Technical, patterns::is_version, 0.9, "are versions of software"),
    (TimeOfDay, date::is_time, 0.9, "are times of day"),
    (ProductCode, patterns::is_ean, 0.9, "pass the check of an article number"),
    (Loinc, patterns::is_loinc, 0.9, "have LOINC's form and check digit"),
    (Snomed, patterns::is_snomed, 0.9, "have SNOMED's form and check digit"),
    (DrugCode, patterns::is_ndc, 0.9, "have the form of a national drug code"),
    (Atc, patterns::is_atc, 0.9, "have the form of ATC"),
    (GeneticVariant, patterns::is_variant, 0.8, "name genetic variants"),
    (GeneticVariant, patterns::is_dna, 0.95, "are sequences of bases"),
    (BloodGroup, patterns::is_blood_group, 0.95, "are blood groups"),
    (Stage, patterns::is_stage, 0.9, "are TNM stages"),
];

/// What the values prove, or nothing.
pub(super) fn find(column: &Column<'_>) -> Option<Finding> {
    if column.len() == 0 {
        return Some(Finding::new(Empty, 1.0, "no value is present"));
    }
    dates(column)
        .or_else(|| isbn(column))
        .or_else(|| FORMS.iter().find_map(|form| by_form(column, form)))
        .or_else(|| national(column))
        .or_else(|| cards(column))
        .or_else(|| marked(column))
        .or_else(|| icd_10(column))
        .or_else(|| vocabulary(column))
        .or_else(|| file_names(column))
        .or_else(|| postcodes(column))
}

fn by_form(
    column: &Column<'_>,
    form: &(SemanticType, Pattern, f64, &'static str),
) -> Option<Finding> {
    let (kind, pattern, least, words) = form;
    let share = column.share(pattern);
    let few = matches!(kind, ProductCode | BloodGroup) && column.distinct < 3;
    (share >= *least && !few).then(|| Finding::shared(*kind, share, words))
}

fn dates(column: &Column<'_>) -> Option<Finding> {
    let share = column.share(|value| date::read(value).is_some());
    if share < 0.85 {
        return None;
    }
    let dates = column.values.iter().filter_map(|value| date::read(value));
    let timed = dates.clone().filter(|date| date.timed).count();
    let mut years: Vec<u32> = dates.map(|date| date.year).collect();
    years.sort_unstable();
    // Births are spread over a lifetime; and nobody is born at a time of day, as tables see it.
    let births = timed == 0
        && matches!((years.get(years.len() / 20), years.get(years.len() * 19 / 20)), (Some(low), Some(high)) if high - low >= 30 && *low < 1990 && *high < 2040);
    let (kind, words) = match births {
        true => (DateOfBirth, "are dates spread over a lifetime"),
        false => (Date, "are dates"),
    };
    Some(Finding::shared(kind, share, words))
}

/// The check of ISBN-10 is that of NHS numbers too: hyphens or an X tell them apart.
fn isbn(column: &Column<'_>) -> Option<Finding> {
    let share = column.share(patterns::is_isbn);
    let hyphens = column.share(|value| value.matches('-').count() >= 3);
    let tens = column.share(|value| value.ends_with(['X', 'x']));
    let long = column.share(|value| value.len() >= 13);
    (share >= 0.9 && (hyphens >= 0.5 || tens > 0.0 || long >= 0.9) && column.distinct >= 3)
        .then(|| Finding::shared(ProductCode, share, "pass the check of an ISBN"))
}

fn national(column: &Column<'_>) -> Option<Finding> {
    let found = SCHEMES.iter().find_map(|scheme| {
        let share = column.share(scheme.valid);
        // Numbers of nine digits pass a check by chance once in eleven: nearly all must, and more
        // than a few.
        let least = if scheme.chance > 0.02 { 0.92 } else { 0.8 };
        let enough = column.distinct >= 3 && column.distinctness() > 0.3;
        let strict = scheme.chance <= 0.02 || column.distinct >= 6;
        (share >= least && enough && strict).then_some((scheme.name, share))
    });
    found.map(|(name, share)| Finding::shared(NationalId, share, &format!("are valid as {name}")))
}

fn cards(column: &Column<'_>) -> Option<Finding> {
    let enough = column.distinct >= 3;
    let imei = column.share(patterns::is_imei);
    let amex = column.share(|value| value.starts_with("34") || value.starts_with("37"));
    if imei >= 0.9 && amex < 0.9 && enough {
        return Some(Finding::shared(
            DeviceId,
            imei,
            "have 15 digits and pass the check of an IMEI",
        ));
    }
    let card = column.share(patterns::is_card);
    (card >= 0.9 && enough)
        .then(|| Finding::shared(CreditCard, card, "pass the check of a payment card"))
}

/// Values that say themselves what they are, such as numbers behind the letters MRN.
fn marked(column: &Column<'_>) -> Option<Finding> {
    const MARKS: &[(&str, SemanticType)] = &[
        ("mrn", RecordNumber),
        ("pat", RecordNumber),
        ("dni", NationalId),
        ("nhs", NationalId),
        ("imei", DeviceId),
        ("sn", DeviceId),
        ("tel", Phone),
    ];
    let marked = |mark: &str| {
        column.share(|value| {
            let folded = fold(value);
            folded.strip_prefix(mark).is_some_and(|rest| {
                rest.bytes().filter(u8::is_ascii_digit).count() >= 4
                    && !rest.starts_with(char::is_alphabetic)
            })
        })
    };
    let enough = column.distinctness() > 0.3;
    let (_, kind) = MARKS.iter().find(|(mark, _)| enough && marked(mark) >= 0.8)?;
    Some(Finding::new(
        *kind,
        0.9,
        format!("the values themselves begin with a mark of {}", kind.words()),
    ))
}

fn icd_10(column: &Column<'_>) -> Option<Finding> {
    let share = column.share(patterns::is_icd10);
    let pointed = column.share(|value| value.contains('.') || value.len() <= 5);
    // One length and no point would be any code of a letter and digits.
    let lengths = column
        .values
        .iter()
        .map(|value| value.len())
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    let varied = lengths > 1
        || column.share(|value| value.as_bytes().get(3) == Some(&b'.') || value.len() == 3) > 0.8;
    (share >= 0.9 && pointed >= 0.5 && varied)
        .then(|| Finding::shared(Icd10, share, "have the form of ICD-10"))
}

fn vocabulary(column: &Column<'_>) -> Option<Finding> {
    let folded = |set: &'static std::collections::HashSet<&'static str>| {
        move |value: &str| set.contains(fold(value).as_str())
    };
    let units = column.share(|value| UNITS.contains(value.to_lowercase().as_str()));
    if units >= 0.8 && column.share(all_digits) < 0.1 {
        return Some(Finding::shared(Unit, units, "are units of measurement"));
    }
    let currencies = column.share(|value| value.len() == 3 && folded(&CURRENCIES)(value));
    if currencies >= 0.8
        && column.share(|value| value.bytes().all(|sign| sign.is_ascii_uppercase())) >= 0.9
    {
        return Some(Finding::shared(Technical, currencies, "are codes of currencies"));
    }
    if column.distinct <= 4
        && column.share(folded(&SEXES)) >= 0.95
        && column.share(|value| value.parse::<f64>().is_ok()) < 0.1
    {
        return Some(Finding::new(Sex, 0.9, "the few different values are words for a sex"));
    }
    let origin =
        |value: &str| fold(value).split([' ', '/', ',']).any(|word| ORIGINS.contains(word));
    if column.distinct <= 60
        && column.distinctness() <= 0.5
        && column.share(origin) >= 0.8
        && column.share(|value| value.len() < 40) > 0.9
    {
        return Some(Finding::new(
            Ethnicity,
            0.85,
            "the few different values are words for an origin",
        ));
    }
    let bands = column.share(patterns::is_band);
    (bands >= 0.9 && column.distinct <= 40 && column.distinctness() < 0.7)
        .then(|| Finding::shared(Age, bands, "are bands as of ages"))
}

fn file_names(column: &Column<'_>) -> Option<Finding> {
    let share = column.share(|value| patterns::is_file_name(value) && number(value).is_none());
    (share >= 0.9).then(|| Finding::shared(Technical, share, "are names of files"))
}

fn postcodes(column: &Column<'_>) -> Option<Finding> {
    let share = column.share(patterns::is_formed_postcode);
    let plain = column.share(|value| value.len() == 5 && all_digits(value));
    (share >= 0.3 && share + plain >= 0.95 && column.distinct >= 2)
        .then(|| Finding::shared(Postcode, share + plain, "have the form of a postcode"))
}
