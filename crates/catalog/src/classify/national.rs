//! National identity numbers with a check of their own. Each takes a value without blanks around it.

use super::date;
use super::digits::{digits, luhn, mod_11_10, modulo, shaped, verhoeff, weighted};

/// A scheme: its name, whether a value is one of its numbers, and how likely a number of the same
/// length is valid by chance.
pub(super) struct Scheme {
    pub(super) name: &'static str,
    pub(super) valid: fn(&str) -> bool,
    pub(super) chance: f64,
}

/// The schemes, the strictest first.
pub(super) const SCHEMES: &[Scheme] = &[
    Scheme { name: "Codice fiscale", valid: codice_fiscale, chance: 0.001 },
    Scheme { name: "NIR/INSEE", valid: nir, chance: 0.01 },
    Scheme { name: "AHV", valid: ahv, chance: 0.001 },
    Scheme { name: "PESEL", valid: pesel, chance: 0.01 },
    Scheme { name: "Personnummer", valid: personnummer, chance: 0.01 },
    Scheme { name: "Finnish HETU", valid: hetu, chance: 0.01 },
    Scheme { name: "Norwegian fødselsnummer", valid: fodselsnummer, chance: 0.01 },
    Scheme { name: "Belgian national number", valid: belgian, chance: 0.01 },
    Scheme { name: "German insurance number (RVNR)", valid: rvnr, chance: 0.01 },
    Scheme { name: "Social Security number", valid: ssn, chance: 0.01 },
    Scheme { name: "National Insurance number", valid: nino, chance: 0.01 },
    Scheme { name: "DNI/NIE", valid: dni, chance: 0.04 },
    Scheme { name: "CPF", valid: cpf, chance: 0.01 },
    Scheme { name: "Steuer-ID", valid: steuer_id, chance: 0.05 },
    Scheme { name: "Aadhaar", valid: aadhaar, chance: 0.1 },
    Scheme { name: "NHS number", valid: nhs, chance: 0.09 },
    Scheme { name: "BSN", valid: bsn, chance: 0.09 },
    Scheme { name: "NIF", valid: nif, chance: 0.09 },
];

fn codice_fiscale(text: &str) -> bool {
    const ODD: &[u8] = &[
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let text = text.to_ascii_uppercase();
    if !shaped(&text, "AAAAAA??A??A???A") {
        return false;
    }
    let value = |sign: u8| sign.checked_sub(if sign.is_ascii_digit() { b'0' } else { b'A' });
    let term = |(index, sign): (usize, u8)| match value(sign) {
        Some(value) if index % 2 == 0 => {
            u32::from(ODD.get(usize::from(value)).copied().unwrap_or(0))
        }
        Some(value) => u32::from(value),
        None => 0,
    };
    let sum: u32 = text.bytes().take(15).enumerate().map(term).sum();
    text.as_bytes()
        .get(15)
        .copied()
        .and_then(value)
        .is_some_and(|check| u32::from(check) == sum % 26)
}

fn nir(text: &str) -> bool {
    // The departments of Corsica count as 19 and 18.
    let text = text.to_ascii_uppercase().replace("2A", "19").replace("2B", "18");
    let Some(digits) = digits(&text).filter(|digits| digits.len() == 15) else { return false };
    let (body, key) = digits.split_at(13);
    matches!(digits.first(), Some(1..=4 | 7 | 8)) && 97 - modulo(body, 97) == modulo(key, 100)
}

fn ahv(text: &str) -> bool {
    let digits = digits(text).unwrap_or_default();
    digits.len() == 13 && digits.starts_with(&[7, 5, 6]) && ean(&digits)
}

/// The check of EAN and GTIN, which AHV uses too.
pub(super) fn ean(digits: &[u32]) -> bool {
    let term = |(index, digit): (usize, &u32)| digit * if index % 2 == 0 { 1 } else { 3 };
    let sum: u32 = digits.iter().rev().enumerate().map(term).sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit > 0)
}

fn pesel(text: &str) -> bool {
    let digits = plain(text, 11);
    let [y1, y2, m1, m2, d1, d2, ..] = digits.as_slice() else { return false };
    let sum = weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    sum.is_multiple_of(10) && date::day(1900 + y1 * 10 + y2, (m1 * 10 + m2) % 20, d1 * 10 + d2)
}

fn personnummer(text: &str) -> bool {
    let joined: String = text.chars().filter(|sign| !matches!(sign, '-' | '+')).collect();
    let mut digits = plain(&joined, joined.len());
    if digits.len() == 12 && matches!(digits.as_slice(), [1, 9, ..] | [2, 0, ..]) {
        digits.drain(..2);
    }
    let [y1, y2, m1, m2, d1, d2, _, _, _, _] = digits.as_slice() else { return false };
    // Co-ordination numbers add 60 to the day.
    let day = (d1 * 10 + d2) % 60;
    luhn(&digits) && date::day(1900 + y1 * 10 + y2, m1 * 10 + m2, day)
}

fn hetu(text: &str) -> bool {
    const CHECK: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let signs = ["######-###?", "######A###?", "######+###?"];
    let text = text.to_ascii_uppercase();
    if !signs.iter().any(|sign| shaped(&text, sign)) {
        return false;
    }
    let numbers: Vec<u32> = text.chars().take(10).filter_map(|sign| sign.to_digit(10)).collect();
    let check = CHECK.get(modulo(&numbers, 31) as usize);
    check.is_some() && check == text.as_bytes().last()
}

fn fodselsnummer(text: &str) -> bool {
    let digits = digits(text).filter(|digits| digits.len() == 11).unwrap_or_default();
    let [d1, d2, m1, m2, y1, y2, ..] = digits.as_slice() else { return false };
    let first = weighted(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11);
    let second = weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11);
    first && second && date::day(1900 + y1 * 10 + y2, m1 * 10 + m2, (d1 * 10 + d2) % 40)
}

fn belgian(text: &str) -> bool {
    let digits = digits(text).filter(|digits| digits.len() == 11).unwrap_or_default();
    let Some((body, key)) = digits.split_at_checked(9) else { return false };
    let key = modulo(key, 100);
    // Who was born since 2000 has a 2 before the number.
    let since_2000: Vec<u32> = [2].iter().chain(body).copied().collect();
    97 - modulo(body, 97) == key || 97 - modulo(&since_2000, 97) == key
}

fn rvnr(text: &str) -> bool {
    let joined: String = text.to_ascii_uppercase().split_whitespace().collect();
    if !shaped(&joined, "########A###") {
        return false;
    }
    let mut expanded = Vec::with_capacity(13);
    for sign in joined.bytes() {
        match sign {
            b'0'..=b'9' => expanded.push(u32::from(sign - b'0')),
            _ => {
                let letter = u32::from(sign.saturating_sub(b'A')) + 1;
                expanded.extend([letter / 10, letter % 10]);
            }
        }
    }
    let weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let cross = |(digit, weight): (&u32, &u32)| digit * weight / 10 + digit * weight % 10;
    let sum: u32 = expanded.iter().zip(&weights).map(cross).sum();
    expanded.last() == Some(&(sum % 10))
}

/// Social Security and taxpayer numbers of the United States have no check digit: the form with
/// hyphens, and no part of zeros. Numbers from 900 on are taxpayers' or made up for tests.
fn ssn(text: &str) -> bool {
    (shaped(text, "###-##-####") || shaped(text, "### ## ####"))
        && !text.starts_with("000")
        && text.get(4..6) != Some("00")
        && !text.ends_with("0000")
}

fn nino(text: &str) -> bool {
    let joined: String = text.to_ascii_uppercase().split_whitespace().collect();
    shaped(&joined, "AA######A") && joined.ends_with(['A', 'B', 'C', 'D', 'T'])
}

fn dni(text: &str) -> bool {
    const CHECK: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let joined = text.to_ascii_uppercase().replace(['-', ' ', '.'], "");
    let number = match joined.as_bytes().first() {
        Some(b'X') => joined.replacen('X', "0", 1),
        Some(b'Y') => joined.replacen('Y', "1", 1),
        Some(b'Z') => joined.replacen('Z', "2", 1),
        _ => joined,
    };
    if !shaped(&number, "########A") {
        return false;
    }
    let digits: Vec<u32> = number.chars().filter_map(|sign| sign.to_digit(10)).collect();
    CHECK.get(modulo(&digits, 23) as usize) == number.as_bytes().last()
}

fn cpf(text: &str) -> bool {
    let digits = digits(text).filter(|digits| digits.len() == 11).unwrap_or_default();
    let [first, .., a, b] = digits.as_slice() else { return false };
    let check = |sum: u32| sum * 10 % 11 % 10;
    check(weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2])) == *a
        && check(weighted(&digits, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])) == *b
        && digits.iter().any(|digit| digit != first)
}

fn steuer_id(text: &str) -> bool {
    let digits = digits(text).filter(|digits| digits.len() == 11).unwrap_or_default();
    let Some((_, body)) = digits.split_last() else { return false };
    // One digit of the first ten stands there twice or three times.
    let most = (0..10).map(|digit| body.iter().filter(|other| **other == digit).count()).max();
    body.first() != Some(&0) && matches!(most, Some(2 | 3)) && mod_11_10(&digits)
}

fn aadhaar(text: &str) -> bool {
    let digits = digits(text).filter(|digits| digits.len() == 12).unwrap_or_default();
    matches!(digits.first(), Some(2..)) && verhoeff(&digits)
}

fn nhs(text: &str) -> bool {
    let digits = digits(text).filter(|digits| digits.len() == 10).unwrap_or_default();
    digits.len() == 10
        && weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
        && digits.iter().any(|digit| *digit > 0)
}

fn bsn(text: &str) -> bool {
    let digits = plain(text, 9);
    let Some((check, body)) = digits.split_last() else { return false };
    weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == check % 11
        && body.iter().any(|digit| *digit > 0)
}

fn nif(text: &str) -> bool {
    let digits = plain(text, 9);
    let Some((check, body)) = digits.split_last() else { return false };
    let rest = weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    matches!(body.first(), Some(1..=9)) && *check == if rest < 2 { 0 } else { 11 - rest }
}

/// Exactly so many digits and nothing else.
fn plain(text: &str, length: usize) -> Vec<u32> {
    let digits: Option<Vec<u32>> = text.chars().map(|sign| sign.to_digit(10)).collect();
    digits.filter(|digits| digits.len() == length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> &'static Scheme {
        SCHEMES.iter().find(|scheme| scheme.name == name).unwrap()
    }

    /// Made up, or published as examples by who issues the numbers.
    #[test]
    fn valid_numbers_are_and_their_neighbours_are_not() {
        for (name, valid, near) in [
            ("Codice fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
            ("NIR/INSEE", "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
            ("AHV", "756.9217.0769.85", "756.9217.0769.86"),
            ("PESEL", "44051401359", "44051401358"),
            ("Personnummer", "811228-9874", "811228-9873"),
            ("Personnummer", "19811228-9874", "19811328-9874"),
            ("Finnish HETU", "131052-308T", "131052-308U"),
            ("Belgian national number", "85.07.30-033.28", "85.07.30-033.29"),
            ("Social Security number", "123-45-6789", "000-45-6789"),
            ("National Insurance number", "AB 12 34 56 C", "AB 12 34 56 X"),
            ("DNI/NIE", "12345678Z", "12345678A"),
            ("DNI/NIE", "X1234567L", "X1234567M"),
            ("CPF", "529.982.247-25", "529.982.247-24"),
            ("Steuer-ID", "86095742719", "86095742718"),
            ("Aadhaar", "2341 2341 2346", "2341 2341 2347"),
            ("NHS number", "943 476 5919", "943 476 5918"),
            ("BSN", "111222333", "111222334"),
            ("German insurance number (RVNR)", "15 070649 C 103", "15 070649 C 104"),
        ] {
            assert!((named(name).valid)(valid), "{name}: {valid}");
            assert!(!(named(name).valid)(near), "{name}: {near}");
        }
    }

    #[test]
    fn nothing_is_valid_that_is_short_or_of_zeros() {
        for scheme in SCHEMES {
            for text in ["", "0", "000000000", "00000000000", "0000000000", "é", "-- --"] {
                assert!(!(scheme.valid)(text), "{}: {text:?}", scheme.name);
            }
        }
    }
}
