//! How much a column of words is one of names, of places, of occupations, of addresses.

use super::column::Column;
use super::fold::fold;
use super::words::{
    COUNTRY_ENDS, FAMILY, FAMILY_ENDS, GIVEN, OCCUPATION_ENDS, OCCUPATION_LIKELY, OCCUPATIONS,
    ORGANISATION, PERSONAL, PLACES, STREET, STREET_ENDS, TOWN_ENDS, TOWN_STARTS, ends, is_medical,
};

/// Titles and particles, which count as no words of a name.
const TITLES: &[&str] = &[
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "rev", "jr", "sr", "ii", "iii", "iv", "md",
    "phd", "dds", "dvm", "herr", "frau", "dipl", "ing", "med", "mme", "mlle", "monsieur", "madame",
    "sig", "sig.ra", "dott", "dottssa", "sra", "dona", "don", "mgr", "inz", "hr", "fr", "univprof",
    "bsc", "msc",
];
const PARTICLES: &[&str] = &[
    "de", "van", "von", "da", "la", "le", "der", "den", "dos", "das", "do", "di", "del", "della",
    "el", "al", "bin", "y", "e", "du", "des", "ter", "ten", "te", "op", "het", "zu", "af", "i",
    "t", "af", "st", "zur", "dal", "lo", "in", "aan", "het",
];

/// Shares of a column's values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names {
    /// Two to five words, each of a name's form: letters, beginning with a capital.
    pub(super) full_form: f64,
    /// One such word, or a word with particles.
    pub(super) single_form: f64,
    /// With a common given name.
    pub(super) given: f64,
    /// With a common family name, or an ending that family names have.
    pub(super) family: f64,
    /// Of a name's form and with digits behind each word, as synthetic records have them.
    pub(super) numbered: f64,
    /// With a comma behind the first word.
    pub(super) comma: f64,
    /// With a word of medicine or of a thing.
    pub(super) medical: f64,
}

impl Names {
    pub(super) fn of(column: &Column<'_>) -> Self {
        let mut names = Self::default();
        for value in &column.values {
            names.add(value);
        }
        let total = column.len().max(1) as f64;
        for share in [
            &mut names.full_form,
            &mut names.single_form,
            &mut names.given,
            &mut names.family,
            &mut names.numbered,
            &mut names.comma,
            &mut names.medical,
        ] {
            *share /= total;
        }
        names
    }

    fn add(&mut self, value: &str) {
        let words: Vec<&str> =
            value.split([' ', ',', '.']).filter(|word| !word.is_empty()).collect();
        let plain = words.iter().map(|word| fold(word));
        let words = words.iter().zip(plain).filter(|(_, plain)| !TITLES.contains(&plain.as_str()));
        let words: Vec<(&str, String)> = words.map(|(word, plain)| (*word, plain)).collect();
        let count =
            |holds: &dyn Fn(&str) -> bool| words.iter().any(|(_, word)| parts(word).any(holds));
        let main = words.iter().filter(|(_, word)| !PARTICLES.contains(&word.as_str()));
        let formed =
            words.iter().all(|(word, plain)| has_form(word) || PARTICLES.contains(&plain.as_str()));
        match main.count() {
            1 if formed => self.single_form += 1.0,
            2..=5 if formed => self.full_form += 1.0,
            _ => {}
        }
        let digits = |word: &str| word.ends_with(|sign: char| sign.is_ascii_digit());
        let numbered = !words.is_empty() && formed && words.iter().all(|(word, _)| digits(word));
        self.numbered += f64::from(u8::from(numbered));
        self.comma += f64::from(u8::from(
            value.split_once(',').is_some_and(|(first, _)| !first.contains(' ')),
        ));
        self.given += f64::from(u8::from(count(&|word| GIVEN.contains(word))));
        self.family += f64::from(u8::from(count(&is_family)));
        self.medical +=
            f64::from(u8::from(count(&is_medical) && !count(&|word| GIVEN.contains(word))));
    }
}

fn is_family(word: &str) -> bool {
    FAMILY.contains(word) || (word.len() >= 5 && ends(word, FAMILY_ENDS, 2))
}

/// The parts of a double name, without the digits that synthetic records put behind.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    word.split(['-', '\'', '’'])
        .map(|part| part.trim_end_matches(|sign: char| sign.is_ascii_digit()))
}

/// A capital, then letters, hyphens and apostrophes, and at most three digits at the end; or an
/// initial; or capitals throughout.
fn has_form(word: &str) -> bool {
    let word = word.trim_end_matches(|sign: char| sign.is_ascii_digit());
    let mut signs = word.chars();
    let capital = signs.next().is_some_and(char::is_uppercase);
    let inner = |sign: char| sign.is_alphabetic() || matches!(sign, '-' | '\'' | '’' | '`');
    let humps = word
        .chars()
        .zip(word.chars().skip(1))
        .filter(|(a, b)| a.is_lowercase() && b.is_uppercase())
        .count();
    capital && signs.all(inner) && humps <= 1
}

/// The share of values that are a place: a known town, or a word that ends or begins as towns do.
pub(super) fn places(column: &Column<'_>) -> f64 {
    column.share(|value| {
        let folded = fold(value);
        let words: Vec<&str> =
            folded.split([' ', '-', '(', ')', ',']).filter(|word| !word.is_empty()).collect();
        let starts =
            words.len() > 1 && words.first().is_some_and(|word| TOWN_STARTS.contains(word));
        words.len() <= 5
            && !value.bytes().any(|sign| sign.is_ascii_digit())
            && (PLACES.contains(folded.as_str())
                || starts
                || words.iter().any(|word| word.len() >= 4 && PLACES.contains(word))
                || words.iter().any(|word| ends(word, TOWN_ENDS, 2)))
    })
}

/// The share of values with a word for an occupation, or with an ending that such words have.
pub(super) fn occupations(column: &Column<'_>) -> (f64, f64) {
    let any = |value: &str, holds: fn(&str) -> bool| {
        fold(value)
            .split(|sign: char| !sign.is_alphanumeric())
            .filter(|word| word.len() >= 3)
            .any(holds)
    };
    let known = |word: &str| {
        let like = |occupation: &&str| {
            word == *occupation
                || (occupation.len() >= 5 && word.starts_with(*occupation))
                || (occupation.len() >= 6 && word.ends_with(*occupation))
        };
        OCCUPATIONS.iter().any(like) || ends(word, OCCUPATION_ENDS, 3)
    };
    let likely = |word: &str| ends(word, OCCUPATION_LIKELY, 3);
    let certain = column.share(|value| any(value, known));
    (certain, column.share(|value| any(value, known) || any(value, likely)))
}

/// The share of values that end as names of countries and nations do.
pub(super) fn countries(column: &Column<'_>) -> f64 {
    column.share(|value| {
        fold(value)
            .split(' ')
            .any(|word| word.len() >= 5 && !GIVEN.contains(word) && ends(word, COUNTRY_ENDS, 2))
    })
}

/// The shares of values that have an address's form (a number, and words with capitals before or
/// behind it), and of values with a number and a word for a street.
pub(super) fn addresses(column: &Column<'_>) -> (f64, f64) {
    let form = column.share(has_address_form);
    let street = column.share(|value| {
        let folded = fold(value);
        folded
            .split(|sign: char| sign.is_whitespace() || matches!(sign, ',' | '.' | '-'))
            .any(|word| STREET.contains(word) || ends(word, STREET_ENDS, 2))
            && value.bytes().any(|sign| sign.is_ascii_digit())
    });
    (form, street)
}

fn has_address_form(value: &str) -> bool {
    let parts = value.split(|sign: char| sign.is_whitespace() || sign == ',');
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let letters = |part: &&&str| part.chars().filter(|sign| sign.is_alphabetic()).count() >= 2;
    let words = parts.iter().filter(letters).count();
    let capitals = parts.iter().filter(|part| part.starts_with(char::is_uppercase)).count();
    let number = |part: &&str| part.starts_with(|sign: char| sign.is_ascii_digit());
    let starts = parts.first().is_some_and(number);
    let ends = parts.last().is_some_and(|part| number(part) && part.len() <= 7);
    let several = value.contains([',', '\n']) && capitals >= 2 && parts.iter().any(number);
    let signs = value.chars().all(|sign| {
        sign.is_alphanumeric() || sign.is_whitespace() || ",.-/'’#():º&".contains(sign)
    });
    let placed = (starts && words >= 2) || (ends && parts.len() >= 2) || several;
    signs && words >= 1 && capitals >= 1 && placed
}

/// The share of values with a word that companies and hospitals have in their names.
pub(super) fn organisations(column: &Column<'_>) -> f64 {
    column.share(|value| {
        fold(value).split([' ', ',', '.', '/', '&']).any(|word| ORGANISATION.contains(word))
    })
}

/// The share of texts that speak to or of a person, or name one.
pub(super) fn personal(column: &Column<'_>) -> f64 {
    column.share(|value| {
        let words: Vec<&str> = value
            .split(|sign: char| !(sign.is_alphanumeric() || sign == '\''))
            .filter(|word| !word.is_empty())
            .collect();
        let speaks = words.iter().any(|word| PERSONAL.contains(fold(word).as_str()));
        let capital = |word: &str| word.starts_with(char::is_uppercase) && word.chars().count() > 1;
        let named = words.windows(2).any(|pair| match pair {
            [first, second] => {
                capital(first) && capital(second) && GIVEN.contains(fold(first).as_str())
            }
            _ => false,
        });
        speaks || named || value.contains('@')
    })
}

/// The share of values with a word of medicine or of a thing.
pub(super) fn medical(column: &Column<'_>) -> f64 {
    column.share(|value| fold(value).split(|sign: char| !sign.is_alphanumeric()).any(is_medical))
}
