//! Chapters of ICD-10.

/// First code of each chapter, in the order of the codes, and the chapter's number. WHO, ICD-10
/// version 2019, volume 1; the neoplasms end with D49 as in ICD-10-CM, whose D49 WHO does not use.
const CHAPTERS: [(&str, u8); 22] = [
    ("A00", 1),
    ("C00", 2),
    ("D50", 3),
    ("E00", 4),
    ("F00", 5),
    ("G00", 6),
    ("H00", 7),
    ("H60", 8),
    ("I00", 9),
    ("J00", 10),
    ("K00", 11),
    ("L00", 12),
    ("M00", 13),
    ("N00", 14),
    ("O00", 15),
    ("P00", 16),
    ("Q00", 17),
    ("R00", 18),
    ("S00", 19),
    ("U00", 22),
    ("V00", 20),
    ("Z00", 21),
];

/// The chapter of a code such as `I21.4`, `i214` or `C7A.0`, from 1 to 22; `None` for what is no
/// code.
pub(super) fn chapter(code: &str) -> Option<u8> {
    let code = code.to_ascii_uppercase();
    let category = code.get(..3)?;
    let mut signs = category.chars();
    let letter = signs.next()?.is_ascii_uppercase();
    let digit = signs.next()?.is_ascii_digit();
    let third = signs.next()?.is_ascii_alphanumeric();
    let rest = code.get(3..)?;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    // A dagger, asterisk or exclamation mark is part of some national editions.
    let rest = rest.trim_end_matches(['+', '*', '!', '-']);
    let plain = rest.len() <= 4 && rest.bytes().all(|sign| sign.is_ascii_alphanumeric());
    if !(letter && digit && third && plain) {
        return None;
    }
    CHAPTERS.iter().rev().find(|(first, _)| *first <= category).map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_in_their_chapters() {
        for (code, number) in [
            ("A00.0", 1),
            ("B99", 1),
            ("C50.9", 2),
            ("C7A.0", 2),
            ("D48.9", 2),
            ("D50", 3),
            ("D89.9", 3),
            ("E11.9", 4),
            ("f32", 5),
            ("H59.9", 7),
            ("H60", 8),
            ("I214", 9),
            ("I21.4", 9),
            ("J45", 10),
            ("M1A.0", 13),
            ("O80", 15),
            ("T98", 19),
            ("U07.1", 22),
            ("V01", 20),
            ("Y98", 20),
            ("Z38.0", 21),
            ("S72.01XA", 19),
        ] {
            assert_eq!(chapter(code), Some(number), "{code}");
        }
        for text in ["", "I2", "21.4", "heart", "I21.40000", "É11", "I21 4"] {
            assert_eq!(chapter(text), None, "{text}");
        }
    }
}
