//! What values probably are where neither a form proves it nor the column's name says it.

use super::column::{Column, all_digits, number};
use super::finding::Finding;
use super::fits::{is_sorted, long_codes};
use super::fold::fold;
use super::names::{self, Names};
use super::patterns;
use super::types::SemanticType::*;
use super::words::{GIVEN, YES_NO};

/// The best guess; every column gets one.
pub(super) fn guess(column: &Column<'_>) -> Finding {
    two_values(column)
        .or_else(|| phones(column))
        .or_else(|| numbers(column))
        .or_else(|| doses(column))
        .or_else(|| codes(column))
        .or_else(|| words(column))
        .unwrap_or_else(|| other(column))
}

fn two_values(column: &Column<'_>) -> Option<Finding> {
    let known = column.share(|value| YES_NO.contains(fold(value).as_str())) >= 0.99;
    (column.distinct <= 2 && known)
        .then(|| Finding::new(Boolean, 0.9, "the only values are words or signs for yes and no"))
}

fn phones(column: &Column<'_>) -> Option<Finding> {
    let share = column.share(patterns::is_phone_like);
    let separators = |value: &str| value.bytes().filter(|sign| b" -/().".contains(sign)).count();
    let grouped = column.share(|value| separators(value) > 0 || value.starts_with('+'));
    let international = column
        .share(|value| value.starts_with('+') || value.starts_with('(') || value.starts_with("00"));
    let apart = column.share(|value| separators(value) >= 2);
    let decimal = column.share(|value| number(value).is_some() && value.contains(['.', '-']));
    let varied = column.shapes() >= 4;
    let one_form = apart >= 0.8 && column.distinctness() >= 0.9;
    let phone = share >= 0.85
        && grouped >= 0.4
        && decimal < 0.3
        && (international >= 0.3 || (varied && apart > 0.1) || one_form);
    phone.then(|| {
        Finding::new(Phone, 0.6 + 0.3 * international, "groups of digits as in telephone numbers")
    })
}

fn numbers(column: &Column<'_>) -> Option<Finding> {
    if column.share(|value| number(value).is_some()) < 0.9 {
        return None;
    }
    let digits = column.share(all_digits);
    if digits < 0.9 {
        return Some(coordinates(column).unwrap_or_else(|| measure(column)));
    }
    whole(column).or_else(|| Some(measure(column)))
}

fn coordinates(column: &Column<'_>) -> Option<Finding> {
    let form = column.share(patterns::is_coordinate);
    let far = column.share(|value| number(value).is_some_and(|degrees| degrees.abs() >= 5.0));
    (form >= 0.8 && far >= 0.7 && column.distinct >= 2).then(|| {
        Finding::new(Coordinate, 0.75, "degrees with five decimals or more, as of a place")
    })
}

fn whole(column: &Column<'_>) -> Option<Finding> {
    let distinct = column.distinctness();
    let zeros = column.share(|value| value.len() > 1 && value.starts_with('0'));
    let width = column.width();
    if column.len() >= 5 && is_sorted(column) && distinct > 0.5 && small_steps(column) {
        return Some(Finding::new(
            Counter,
            0.6,
            "whole numbers that only rise, in small steps, from row to row",
        ));
    }
    if column.len() >= 20 && width >= Some(7) && spread(column) <= 20 * column.len() as u64 {
        return Some(Finding::new(
            Counter,
            0.5,
            "long numbers so close together that they count something",
        ));
    }
    let article = |value: &str| matches!(value.len(), 8 | 13);
    if width.is_none() && column.len() >= 8 && column.share(article) >= 0.98 {
        return Some(Finding::new(
            ProductCode,
            0.4,
            "whole numbers of the two lengths that article numbers have",
        ));
    }
    if width == Some(4)
        && column
            .share(|value| value.parse::<u32>().is_ok_and(|year| (1880..=2100).contains(&year)))
            >= 0.98
    {
        return Some(Finding::new(Year, 0.7, "whole numbers as of years"));
    }
    if column.len() < 5 {
        return (width >= Some(7)).then(|| {
            Finding::new(Identifier, 0.5, "whole numbers of one length, too long to be counts")
        });
    }
    match width {
        Some(7..) | None
            if (distinct >= 0.97 || (distinct >= 0.9 && zeros < 0.1)) && long_codes(column) =>
        {
            Some(Finding::new(Identifier, 0.7, "long numbers of which each stands in one row"))
        }
        Some(6) if distinct >= 0.97 => Some(Finding::new(
            Identifier,
            0.6,
            "numbers of six digits of which each stands in one row",
        )),
        Some(6..) if distinct >= 0.4 && zeros < 0.02 => Some(Finding::new(
            Pseudonym,
            0.5,
            "whole numbers of one length that come back in few rows",
        )),
        Some(6..) if zeros >= 0.02 && distinct < 0.97 => Some(Finding::new(
            DrugCode,
            0.4,
            "codes of digits that come back in other rows, as of articles",
        )),
        Some(5) if distinct >= 0.3 && (zeros > 0.0 || distinct >= 0.6) => {
            Some(Finding::new(Postcode, 0.5, "numbers of five digits, as of places"))
        }
        _ => None,
    }
}

/// The largest whole number less the smallest; the largest of all where one is too large to say.
fn spread(column: &Column<'_>) -> u64 {
    let numbers = column.values.iter().map(|value| value.parse::<u64>());
    let numbers: Result<Vec<u64>, _> = numbers.collect();
    let ends = numbers
        .ok()
        .and_then(|numbers| numbers.iter().max().copied().zip(numbers.iter().min().copied()));
    ends.map_or(u64::MAX, |(most, least)| most - least)
}

fn small_steps(column: &Column<'_>) -> bool {
    let numbers: Vec<u64> = column.values.iter().filter_map(|value| value.parse().ok()).collect();
    let steps = numbers
        .windows(2)
        .filter_map(|pair| pair.first().zip(pair.last()).map(|(a, b)| a.abs_diff(*b)));
    let (most, total) =
        steps.fold((0, 0_u64), |(most, total), step| (most.max(step), total.saturating_add(step)));
    most <= 1000 && total <= (numbers.len() as u64).saturating_mul(100)
}

fn measure(column: &Column<'_>) -> Finding {
    let whole =
        column.share(|value| number(value).is_some_and(|number| number.fract() == 0.0)) >= 0.99;
    if column.is_categorical() && column.distinct <= 12 && whole {
        return Finding::new(Category, 0.6, "a few different numbers that come back often");
    }
    match whole {
        true => Finding::new(Count, 0.5, "whole numbers without the form of an identifier"),
        false => Finding::new(Measure, 0.7, "numbers with decimals"),
    }
}

fn doses(column: &Column<'_>) -> Option<Finding> {
    let share = column.share(patterns::is_dose);
    (share >= 0.5).then(|| Finding::shared(Dose, share, "are numbers with units of medicines"))
}

/// One word with digits.
fn codes(column: &Column<'_>) -> Option<Finding> {
    let coded = |value: &str| {
        value.bytes().any(|sign| sign.is_ascii_digit())
            && value.split(' ').count() <= 4
            && value.bytes().all(|sign| {
                sign.is_ascii_uppercase() || sign.is_ascii_digit() || b" -_/.".contains(&sign)
            })
    };
    let (share, distinct) = (column.share(coded), column.distinctness());
    let icd_9 = column.share(patterns::is_icd9);
    if icd_9 >= 0.95
        && column.distinct >= 3
        && distinct < 0.95
        && column.share(|value| value.starts_with(['E', 'V'])) > 0.0
    {
        return Some(Finding::shared(Icd9, icd_9, "have the form of ICD-9"));
    }
    if share < 0.85 {
        return None;
    }
    let paired = column
        .share(|value| value.split_once('-').is_some_and(|(a, b)| all_digits(a) && all_digits(b)));
    if paired >= 0.9 && distinct >= 0.3 {
        return Some(Finding::new(
            Pseudonym,
            0.6,
            "two numbers joined by a hyphen, as in pseudonyms",
        ));
    }
    let one_form = column.shapes() <= 3;
    let lettered =
        column.share(|value| value.bytes().any(|sign| sign.is_ascii_alphabetic())) >= 0.3;
    match (distinct, column.mean_length()) {
        (0.9.., 3.0..) if column.len() >= 3 => {
            let kind = if !one_form && lettered && column.mean_length() <= 9.0 {
                Plate
            } else {
                Identifier
            };
            Some(Finding::new(
                kind,
                0.65,
                "codes of letters and digits of which each stands in one row",
            ))
        }
        (0.5.., 5.0..) if one_form => {
            Some(Finding::new(Pseudonym, 0.45, "codes of one form that come back in few rows"))
        }
        _ => Some(Finding::new(Category, 0.4, "codes that come back in other rows")),
    }
}

fn words(column: &Column<'_>) -> Option<Finding> {
    let names = Names::of(column);
    let medical = names::medical(column);
    texts(column)
        .or_else(|| addresses(column, medical))
        .or_else(|| full_names(&names, medical, column))
        .or_else(|| categories(column, &names))
        .or_else(|| occupations(column, &names))
        .or_else(|| single_names(&names, column))
        .or_else(|| usernames(column))
        .or_else(|| (medical >= 0.3).then(|| Finding::new(Diagnosis, 0.5, "words of medicine")))
}

fn texts(column: &Column<'_>) -> Option<Finding> {
    if column.mean_words() < 4.0 {
        return None;
    }
    let address = names::addresses(column);
    if address.0 >= 0.6 || address.1 >= 0.6 {
        return None;
    }
    let personal = names::personal(column);
    if personal >= 0.1 {
        let why = format!(
            "texts, of which {} speak of persons or name them",
            super::finding::percent(personal)
        );
        return Some(Finding::new(IdentifyingText, (0.6 + personal / 3.0).min(0.95), why));
    }
    let medical = names::medical(column);
    match medical >= 0.2 {
        true => Some(Finding::new(
            Diagnosis,
            0.6,
            "texts with words of medicine in which no person was seen",
        )),
        false => (column.mean_words() >= 5.0 && names::organisations(column) < 0.3)
            .then(|| Finding::new(FreeText, 0.4, "texts in which no person was seen")),
    }
}

fn addresses(column: &Column<'_>, medical: f64) -> Option<Finding> {
    let (form, street) = names::addresses(column);
    let likely = (form >= 0.6 && medical < 0.3) || (street >= 0.4 && form >= 0.3);
    (likely && column.len() >= 2 && column.distinctness() > 0.3).then(|| {
        Finding::new(
            Address,
            0.55 + 0.4 * street.max(form) / 1.1,
            "words with a number, as of streets and houses",
        )
    })
}

fn full_names(names: &Names, medical: f64, column: &Column<'_>) -> Option<Finding> {
    if names.numbered >= 0.7 && names.full_form >= 0.7 {
        return Some(Finding::new(
            PersonName,
            0.75,
            "two words of a name's form with digits behind, as synthetic records have them",
        ));
    }
    let (jobs, _) = names::occupations(column);
    let places = names::places(column);
    let form = names.full_form >= 0.6 && jobs < 0.3 && names::organisations(column) < 0.25;
    let rare =
        names.full_form >= 0.8 && column.distinctness() >= 0.9 && names.given + names.family >= 0.3;
    let known = names.given >= 0.35 || (names.given >= 0.15 && names.family >= 0.4) || rare;
    let place = places > names.given && places > 0.4;
    (form && known && !place && medical < 0.35).then(|| {
        Finding::new(
            PersonName,
            (0.6 + names.given / 2.5).min(0.97),
            "words of a name's form, many of them common given names",
        )
    })
}

fn categories(column: &Column<'_>, names: &Names) -> Option<Finding> {
    let named = names.given >= 0.5 && column.distinct > 5;
    (column.is_categorical() && !named)
        .then(|| Finding::new(Category, 0.6, "a few different values that come back often"))
}

fn occupations(column: &Column<'_>, names: &Names) -> Option<Finding> {
    let (share, likely) = names::occupations(column);
    let organisations = names::organisations(column);
    if organisations >= 0.3 && organisations > share {
        return Some(Finding::shared(Organisation, organisations, "have words of organisations"));
    }
    if share >= 0.3 {
        return Some(Finding::shared(Occupation, share, "have words for occupations"));
    }
    let other = names.given < 0.1
        && names.family < 0.35
        && names::medical(column) < 0.2
        && names::places(column) < 0.2;
    (share >= 0.08 && likely >= 0.35 && other)
        .then(|| Finding::new(Occupation, 0.5, "words that end as occupations do"))
}

fn single_names(names: &Names, column: &Column<'_>) -> Option<Finding> {
    if names.numbered >= 0.7 {
        return Some(Finding::new(
            FamilyName,
            0.7,
            "words of a name's form with digits behind, as synthetic records have them",
        ));
    }
    let single = names.single_form >= 0.7;
    let places = names::places(column);
    let word = column.mean_length() >= 3.0 && column.distinct >= 3 && names.medical < 0.15;
    let countries = names::countries(column);
    if countries >= 0.35 && names.given < 0.25 && names.family < countries {
        return Some(Finding::new(Region, 0.5, "words that end as names of countries do"));
    }
    if places >= 0.35 && places >= names.given && places >= names.family * 0.9 {
        return Some(Finding::new(City, 0.5 + places / 3.0, "words as in names of places"));
    }
    if single && names.given >= 0.4 && names.given >= names.family * 0.8 {
        return Some(Finding::new(
            GivenName,
            (0.55 + names.given / 2.5).min(0.95),
            "words of a name's form, many of them common given names",
        ));
    }
    if single && word && names.family >= 0.25 {
        return Some(Finding::new(
            FamilyName,
            (0.5 + names.family / 2.5).min(0.9),
            "words of a name's form, many like common family names",
        ));
    }
    let proper = names.single_form + names.full_form >= 0.85 && word && names.medical < 0.05;
    let rare = proper && column.len() >= 20 && column.distinctness() >= 0.5 && countries < 0.2;
    match names.family + names.given {
        0.15.. if rare && single => Some(Finding::new(
            FamilyName,
            0.4,
            "single words of a name's form of which few come back",
        )),
        _ => {
            rare.then(|| Finding::new(City, 0.35, "words of a name's form of which few come back"))
        }
    }
}

fn usernames(column: &Column<'_>) -> Option<Finding> {
    let plain = column.share(|value| {
        value.len() >= 4
            && value.len() <= 32
            && value.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"._-".contains(&sign))
            && value.bytes().any(|sign| sign.is_ascii_lowercase())
    });
    let marked = column.share(|value| {
        let word: String = value.chars().take_while(char::is_ascii_alphabetic).collect();
        value.bytes().any(|sign| sign.is_ascii_digit() || b"._".contains(&sign))
            || GIVEN.iter().any(|name| name.len() >= 5 && word.contains(name))
    });
    let likely =
        plain >= 0.95 && marked >= 0.25 && column.distinctness() >= 0.9 && column.len() >= 3;
    likely.then(|| {
        Finding::new(
            Username,
            0.65,
            "single words of small letters and digits of which each stands in one row",
        )
    })
}

fn other(column: &Column<'_>) -> Finding {
    match column.is_categorical() {
        true => Finding::new(Category, 0.5, "a few different values that come back often"),
        false => Finding::new(Text, 0.35, "short texts that no rule knows"),
    }
}
