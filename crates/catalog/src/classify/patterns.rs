//! Values that their form proves, each function for one value without blanks around it.

use super::column::{all_digits, number};
use super::digits::{digits, luhn, shaped, verhoeff, weighted};
use super::national::ean;

pub(super) fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let user_ok = !user.is_empty()
        && user.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_{|}~-".contains(c));
    let end = host.rsplit('.').next().unwrap_or_default();
    user_ok
        && host.contains('.')
        && is_host(host)
        && end.len() >= 2
        && end.chars().all(char::is_alphabetic)
}

pub(super) fn is_url(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let rest = ["http://", "https://", "ftp://", "www."]
        .iter()
        .find_map(|start| lower.strip_prefix(start));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
        host.contains('.') && is_host(host) && !host.ends_with("doi.org")
    })
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|sign| sign.is_alphanumeric() || sign == '-')
    };
    host.split('.').all(label)
}

pub(super) fn is_ip(text: &str) -> bool {
    let address = text.split('/').next().unwrap_or_default();
    address.parse::<std::net::IpAddr>().is_ok() && !address.starts_with("::") || address == "::1"
}

pub(super) fn is_mac(text: &str) -> bool {
    let hexadecimal: String =
        text.chars().filter(|sign| !matches!(sign, ':' | '-' | '.')).collect();
    let separated = matches!((text.len(), hexadecimal.len()), (17 | 14, 12) | (23, 16));
    separated && hexadecimal.bytes().all(|sign| sign.is_ascii_hexdigit())
}

pub(super) fn is_uuid(text: &str) -> bool {
    let bare = text.trim_matches(['{', '}']);
    let mut parts = bare.split('-');
    [8, 4, 4, 4, 12].iter().all(|length| {
        parts.next().is_some_and(|part| {
            part.len() == *length && part.bytes().all(|b| b.is_ascii_hexdigit())
        })
    }) && parts.next().is_none()
}

/// A digest in hexadecimal: 32 to 128 signs.
pub(super) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128)
        && text.bytes().all(|sign| sign.is_ascii_hexdigit())
        && text.bytes().any(|sign| sign.is_ascii_alphabetic())
}

/// An account number of ISO 13616: its check, and the length of its country where that is common.
pub(super) fn is_iban(text: &str) -> bool {
    const LENGTHS: &[(&str, usize)] = &[
        ("AT", 20),
        ("BE", 16),
        ("CH", 21),
        ("CZ", 24),
        ("DE", 22),
        ("DK", 18),
        ("ES", 24),
        ("FI", 18),
        ("FR", 27),
        ("GB", 22),
        ("IE", 22),
        ("IT", 27),
        ("LU", 20),
        ("NL", 18),
        ("NO", 15),
        ("PL", 28),
        ("PT", 25),
        ("SE", 24),
    ];
    let joined: String = text.to_ascii_uppercase().split_whitespace().collect();
    let (Some(country), Some(check), Some(body)) =
        (joined.get(..2), joined.get(2..4), joined.get(4..))
    else {
        return false;
    };
    let length = LENGTHS.iter().find(|(name, _)| *name == country).map(|(_, length)| *length);
    let long = length.map_or((15..=34).contains(&joined.len()), |length| length == joined.len());
    if !long || !shaped(country, "AA") || !all_digits(check) {
        return false;
    }
    let value = |sign: char| sign.to_digit(36);
    let values: Option<Vec<u32>> =
        body.chars().chain(country.chars()).chain(check.chars()).map(value).collect();
    let step = |rest: u32, value: u32| (rest * if value > 9 { 100 } else { 10 } + value) % 97;
    values.is_some_and(|values| values.into_iter().fold(0, step) == 1)
}

/// A payment card: Luhn's check, 12 to 19 digits, a first digit that issuers have.
pub(super) fn is_card(text: &str) -> bool {
    let digits = digits(text).unwrap_or_default();
    (12..=19).contains(&digits.len()) && matches!(digits.first(), Some(2..=6)) && luhn(&digits)
}

pub(super) fn is_imei(text: &str) -> bool {
    let digits = digits(text).unwrap_or_default();
    digits.len() == 15 && luhn(&digits)
}

/// A vehicle's number of ISO 3779: 17 signs without I, O and Q, digits and letters.
pub(super) fn is_vin(text: &str) -> bool {
    let signs =
        |sign: u8| (sign.is_ascii_uppercase() || sign.is_ascii_digit()) && !b"IOQ".contains(&sign);
    text.len() == 17
        && text.bytes().all(signs)
        && text.bytes().any(|sign| sign.is_ascii_uppercase())
        && text.bytes().any(|sign| sign.is_ascii_digit())
}

pub(super) fn is_isbn(text: &str) -> bool {
    let joined: String = text.chars().filter(|sign| !matches!(sign, '-' | ' ')).collect();
    match joined.len() {
        10 => {
            let value = |(index, sign): (usize, char)| match (index, sign) {
                (9, 'X' | 'x') => Some(10),
                _ => sign.to_digit(10),
            };
            let digits: Option<Vec<u32>> = joined.chars().enumerate().map(value).collect();
            digits.is_some_and(|d| {
                d.iter().any(|digit| *digit > 0)
                    && weighted(&d, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
            })
        }
        13 => {
            (joined.starts_with("978") || joined.starts_with("979"))
                && digits(&joined).is_some_and(|digits| ean(&digits))
        }
        _ => false,
    }
}

pub(super) fn is_ean(text: &str) -> bool {
    all_digits(text)
        && matches!(text.len(), 8 | 12 | 13 | 14)
        && digits(text).is_some_and(|digits| ean(&digits))
}

pub(super) fn is_loinc(text: &str) -> bool {
    let Some((body, check)) = text.split_once('-') else { return false };
    (1..=7).contains(&body.len())
        && all_digits(body)
        && check.len() == 1
        && digits(text).is_some_and(|d| luhn(&d))
}

/// A SNOMED CT identifier: Verhoeff's check, and the two digits before it that say what it is.
pub(super) fn is_snomed(text: &str) -> bool {
    let digits = digits(text).filter(|_| all_digits(text)).unwrap_or_default();
    let kind = digits.len().checked_sub(3).and_then(|at| digits.get(at..at + 2));
    (6..=18).contains(&digits.len())
        && matches!(kind, Some([0 | 1, 0..=5]))
        && digits.first() != Some(&0)
        && verhoeff(&digits)
}

/// A code of ICD-10, of the WHO or of a country: letter, two digits (the second may be a letter),
/// up to four more signs.
pub(super) fn is_icd10(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some([letter, digit, second]), Some(rest)) = (bytes.get(..3), bytes.get(3..)) else {
        return false;
    };
    let rest = rest.strip_prefix(b".").unwrap_or(rest);
    letter.is_ascii_uppercase()
        && digit.is_ascii_digit()
        && (second.is_ascii_digit() || matches!(second, b'A' | b'B'))
        && rest.len() <= 4
        && rest.iter().all(|sign| sign.is_ascii_digit() || sign.is_ascii_uppercase())
}

/// A code of ICD-9-CM, with or without its point.
pub(super) fn is_icd9(text: &str) -> bool {
    let (body, decimals) =
        text.split_once('.').map_or((text, ""), |(body, decimals)| (body, decimals));
    let digits = |text: &str| text.bytes().all(|sign| sign.is_ascii_digit());
    let pointed = text.contains('.');
    let long = |least: usize, most: usize| {
        if pointed { body.len() == least } else { (least..=most).contains(&body.len()) }
    };
    let main = match body.as_bytes().first() {
        Some(b'E') => long(4, 5) && body.get(1..).is_some_and(digits),
        Some(b'V') => long(3, 5) && body.get(1..).is_some_and(digits),
        _ => {
            digits(body)
                && (if pointed {
                    (1..=3).contains(&body.len())
                } else {
                    (3..=5).contains(&body.len())
                })
        }
    };
    main && digits(decimals) && decimals.len() <= 2
}

pub(super) fn is_atc(text: &str) -> bool {
    shaped(text, "A##AA##")
        && text.as_bytes().first().is_some_and(|sign| b"ABCDGHJLMNPRSV".contains(sign))
}

/// A national drug code of the United States, with hyphens.
pub(super) fn is_ndc(text: &str) -> bool {
    ["#####-####-##", "####-####-##", "#####-###-##", "#####-####-#"]
        .iter()
        .any(|shape| shaped(text, shape))
}

pub(super) fn is_dna(text: &str) -> bool {
    text.len() >= 6 && text.bytes().all(|sign| b"ACGTUN".contains(&sign.to_ascii_uppercase()))
}

/// A variant: an rs number of dbSNP, or a change in the notation of HGVS.
pub(super) fn is_variant(text: &str) -> bool {
    let rs = text.strip_prefix("rs").is_some_and(|number| number.len() >= 3 && all_digits(number));
    let change =
        |text: &str| ["c.", "p.", "g.", "m.", "n."].iter().any(|start| text.starts_with(start));
    rs || (change(text) && text.len() > 4)
        || text.split_once(':').is_some_and(|(_, end)| change(end))
}

pub(super) fn is_doi(text: &str) -> bool {
    let doi = text.rsplit_once("doi.org/").map_or(text, |(_, doi)| doi).trim_start_matches("doi:");
    doi.strip_prefix("10.").and_then(|rest| rest.split_once('/')).is_some_and(
        |(registrant, name)| {
            registrant.len() >= 4
                && registrant.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                && !name.is_empty()
        },
    )
}

pub(super) fn is_mime(text: &str) -> bool {
    const TOP: &[&str] = &[
        "application",
        "audio",
        "font",
        "image",
        "message",
        "model",
        "multipart",
        "text",
        "video",
    ];
    text.split_once('/')
        .is_some_and(|(top, sub)| TOP.contains(&top) && !sub.is_empty() && !sub.contains(' '))
}

pub(super) fn is_file_name(text: &str) -> bool {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(stem, end)| {
        !stem.is_empty()
            && (1..=7).contains(&end.len())
            && end.bytes().all(|b| b.is_ascii_alphanumeric())
            && end.bytes().any(|b| b.is_ascii_lowercase())
            && !text.contains('@')
            && !text.contains(' ')
    })
}

/// Three or four numbers with points, which are no address of the network.
pub(super) fn is_version(text: &str) -> bool {
    let bare = text.strip_prefix('v').unwrap_or(text);
    let mut parts = bare.split(['-', '+']).next().unwrap_or_default().split('.');
    let number = |part: &str| (1..=3).contains(&part.len()) && all_digits(part);
    matches!(parts.clone().count(), 3) && parts.all(number)
}

pub(super) fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| {
        matches!(hex.len(), 3 | 6 | 8) && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

pub(super) fn is_blood_group(text: &str) -> bool {
    let bare = text.replace(['+', '-', '−', ' '], "").to_ascii_uppercase();
    let bare = bare.replace("RH", "").replace("POS", "").replace("NEG", "");
    matches!(bare.as_str(), "A" | "B" | "AB" | "O" | "0") && text.chars().count() <= 8
}

pub(super) fn is_stage(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let bare = lower.trim_start_matches(['c', 'p', 'y', 'r']);
    let t = bare
        .strip_prefix('t')
        .and_then(|rest| rest.chars().next())
        .is_some_and(|c| "01234xi".contains(c));
    t && bare.contains('n') && bare.len() <= 14
}

/// Bands such as `[60-70)`, `60-69`, `>89`, `85+`.
pub(super) fn is_band(text: &str) -> bool {
    let bare = text.trim_matches(['[', ']', '(', ')']);
    let short = |part: &str| (1..=3).contains(&part.len()) && all_digits(part);
    let band = bare.split_once(['-', '–']).is_some_and(|(low, high)| {
        short(low.trim())
            && short(high.trim())
            && low.trim().parse::<u32>().ok() < high.trim().parse::<u32>().ok()
    });
    let open = bare.trim_start_matches(['>', '<', '=', '≥', ' ']);
    band || (open.len() < bare.len() && short(open)) || bare.strip_suffix('+').is_some_and(short)
}

/// A dose or a strength: a number with a unit of a medicine somewhere.
pub(super) fn is_dose(text: &str) -> bool {
    const UNITS: &[&str] = &[
        "mg", "mcg", "ml", "meq", "unit", "g", "iu", "tab", "cap", "vial", "mmol", "puff", "drop",
        "µg", "ug",
    ];
    let lower = text.to_lowercase();
    let mut rest = lower.trim_start_matches(|sign: char| !sign.is_ascii_digit());
    while !rest.is_empty() {
        rest = rest.trim_start_matches(|sign: char| {
            sign.is_ascii_digit() || matches!(sign, '.' | ',' | ' ' | '-')
        });
        let end = rest.find(|sign: char| !sign.is_alphabetic()).unwrap_or(rest.len());
        let unit = rest.get(..end).unwrap_or_default().trim_end_matches('s');
        if UNITS.contains(&unit) {
            return true;
        }
        rest = rest.trim_start_matches(|sign: char| !sign.is_ascii_digit());
    }
    false
}

/// Formats of postcodes that a plain number does not have.
pub(super) fn is_formed_postcode(text: &str) -> bool {
    const SHAPES: &[&str] =
        &["##-###", "####-###", "#### AA", "####AA", "### ##", "#####-####", "A#A #A#", "A#A#A#"];
    SHAPES.iter().any(|shape| shaped(text, shape)) || is_british(text)
}

fn is_british(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let out = ["A#", "A##", "AA#", "AA##", "A#A", "AA#A"];
    text.split_once(' ').is_some_and(|(area, rest)| {
        shaped(rest, "#AA") && out.iter().any(|shape| shaped(area, shape))
    })
}

/// One coordinate in degrees with at least five decimals, or a pair of them.
pub(super) fn is_coordinate(text: &str) -> bool {
    let one = |part: &str| {
        let part = part.trim();
        let decimals = part.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        decimals >= 5 && number(part).is_some_and(|degrees| degrees.abs() <= 180.0)
    };
    match text.split_once([',', ';']) {
        Some((latitude, longitude)) => one(latitude) && one(longitude),
        None => one(text),
    }
}

/// A telephone number by its signs alone: 6 to 15 digits, grouped or with a plus.
pub(super) fn is_phone_like(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let main = lower.split(['x', 'e']).next().unwrap_or_default();
    let digits = main.bytes().filter(u8::is_ascii_digit).count();
    (6..=15).contains(&digits)
        && main.chars().all(|c| c.is_ascii_digit() || " +-()./\u{a0}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made up, or published as examples.
    #[test]
    fn each_pattern_knows_its_values_and_their_neighbours() {
        type Case = (fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);
        let cases: &[Case] = &[
            (
                is_email,
                &["a.b@example.org", "ü@exämple.de"],
                &["a@b", "@b.de", "a b@c.de", "a@b..de", "a@1.2"],
            ),
            (
                is_url,
                &["https://example.org/~a", "www.example.org"],
                &["https://doi.org/10.1/x", "http://", "a.b"],
            ),
            (
                is_ip,
                &["192.0.2.7", "2001:db8::1", "10.0.0.0/8"],
                &["192.0.2", "192.0.2.256", "1.2.3.4.5", "::"],
            ),
            (
                is_mac,
                &["00:00:5e:00:53:af", "0000.5e00.53af"],
                &["00:00:5e:00:53", "0000005e0053af", "gg:00:5e:00:53:af"],
            ),
            (
                is_uuid,
                &["123e4567-e89b-12d3-a456-426614174000"],
                &["123e4567-e89b-12d3-a456-42661417400", "x"],
            ),
            (
                is_iban,
                &["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"],
                &["GB82WEST12345698765433", "DE8937040044053201300", "é"],
            ),
            (
                is_card,
                &["4111 1111 1111 1111", "378282246310005"],
                &["4111111111111112", "1111111111111117", "411"],
            ),
            (is_imei, &["490154203237518"], &["490154203237519", "49015420323751"]),
            (
                is_vin,
                &["1M8GDM9AXKP042788"],
                &["1M8GDM9AXKP04278", "IM8GDM9AXKP042788", "12345678901234567"],
            ),
            (
                is_isbn,
                &["0-306-40615-2", "978-3-16-148410-0", "080442957X"],
                &["0-306-40615-3", "977-3-16-148410-0"],
            ),
            (is_ean, &["4006381333931", "96385074"], &["4006381333932", "9638507"]),
            (is_loinc, &["4548-4", "718-7"], &["4548-5", "4548", "a-1"]),
            (is_snomed, &["22298006", "73211009"], &["22298007", "123456789"]),
            (
                is_icd10,
                &["I21.4", "E11", "S32.486B", "C7A1"],
                &["21.4", "i21", "I2", "I21.45678", "IX1"],
            ),
            (
                is_icd9,
                &["410.71", "42731", "V58", "E8497", "250.02"],
                &["410.715", "X12", "12", "E84"],
            ),
            (is_atc, &["C07AB02"], &["C07AB2", "E07AB02"]),
            (is_ndc, &["0002-7597-01"], &["0002-7597"]),
            (is_dna, &["ACGTAC"], &["ACGT", "ACGTAX"]),
            (
                is_variant,
                &["rs7412", "NM_000059.3:c.68_69del", "p.Val600Glu"],
                &["rs", "c.1", "rsx12"],
            ),
            (is_doi, &["10.1000/182", "https://doi.org/10.1000/182"], &["10.1/x", "10.1000"]),
            (is_mime, &["text/plain"], &["plain/text", "text/"]),
            (is_file_name, &["scan.dcm", "a/b.c"], &["a@b.de", "1.5", "x y.pdf", ".x"]),
            (is_version, &["1.2.3", "v10.0.1-rc1"], &["1.2", "1.2.3.4", "a.b.c"]),
            (is_colour, &["#fff", "#14970b"], &["fff", "#12", "#gggggg"]),
            (is_blood_group, &["A+", "0−", "AB neg"], &["C+", "A positive group", "X"]),
            (is_stage, &["T1N2M0", "pT2 N0"], &["T5N0", "TN", "stage"]),
            (is_band, &["[60-70)", "60-69", ">89", "85+"], &["70-60", "60", "6000-7000", "a-b"]),
            (is_dose, &["20g/30mL Cup", "5 mg", "1-2 tabs"], &["Packet", "5", "12 rooms"]),
            (
                is_formed_postcode,
                &["SW1A 1AA", "1012 AB", "00-950", "1000-205", "114 55", "02139-4307"],
                &["12345", "SW1A", "AB 12"],
            ),
            (
                is_coordinate,
                &["52.520008", "-0.127758", "52.520008, 13.404954"],
                &["52.52", "200.123456", "x"],
            ),
            (
                is_phone_like,
                &["+49 30 1234567", "(555) 010-9999 x12", "01632 960001"],
                &["12345", "1234567890123456", "12a4567"],
            ),
        ];
        for (index, (pattern, valid, near)) in cases.iter().enumerate() {
            for text in *valid {
                assert!(pattern(text), "{index}: {text}");
            }
            for text in *near {
                assert!(!pattern(text), "{index}: {text}");
            }
            assert!(!pattern(""), "{index}");
        }
    }
}
