//! What the name of a column says, in several languages.

use super::fold::fold;
use super::headwords::{ENTRIES, MODIFIERS, THINGS};
use super::types::SemanticType;

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing that is known.
    Silent,
    /// Something about this, such as whether it is known: not the thing itself.
    About(SemanticType),
    /// The values are this.
    Says(SemanticType),
}

/// Reads a name: parted at signs, between a small letter and a capital, and where digits begin.
pub(super) fn read(name: &str) -> Hint {
    let tokens = tokens(name);
    let joined = tokens.concat();
    let mut best: Option<(usize, SemanticType, &str)> = None;
    for (kind, phrases) in ENTRIES {
        for phrase in phrases.split(',').map(str::trim) {
            let length = matched(phrase, &tokens, &joined);
            if length > best.map_or(0, |(most, ..)| most) {
                best = Some((length, *kind, phrase));
            }
        }
    }
    let Some((_, kind, phrase)) = best else { return Hint::Silent };
    let modifies = |token: &String| {
        MODIFIERS.contains(&token.as_str()) && !phrase.split(' ').any(|word| word == token)
    };
    let thing = tokens.iter().any(|token| THINGS.contains(&token.as_str()));
    if tokens.iter().any(modifies) || (thing && is_name(kind)) {
        Hint::About(kind)
    } else {
        Hint::Says(kind)
    }
}

/// Whether a `drug_name` or `hospital_name` must not count as this.
fn is_name(kind: SemanticType) -> bool {
    use SemanticType as T;
    matches!(kind, T::PersonName | T::GivenName | T::FamilyName)
}

/// How many letters of a phrase a name has; 0 where it does not have all of them. A phrase counts
/// as whole tokens, as the whole name written together, or from six letters on as a part of a token.
fn matched(phrase: &str, tokens: &[String], joined: &str) -> usize {
    let words: Vec<&str> = phrase.split(' ').collect();
    let length = phrase.len() - (words.len() - 1);
    let in_order = tokens.windows(words.len()).any(|window| window.iter().eq(words.iter()));
    let together = words.concat();
    let inside = together.len() >= 6 && joined.contains(&together);
    if in_order || joined == together {
        length * 2
    } else if inside {
        length * 2 - 1
    } else {
        0
    }
}

fn tokens(name: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut last: Option<char> = None;
    for sign in name.chars() {
        let begins = match last {
            Some(last) => {
                (last.is_lowercase() && sign.is_uppercase())
                    || last.is_ascii_digit() != sign.is_ascii_digit()
                    || !last.is_alphanumeric()
            }
            None => true,
        };
        if sign.is_alphanumeric() {
            match tokens.last_mut() {
                Some(token) if !begins => token.push(sign),
                _ => tokens.push(sign.to_string()),
            }
        }
        last = Some(sign);
    }
    tokens.iter().map(|token| fold(token)).filter(|token| !token.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use SemanticType as T;

    #[test]
    fn names_in_several_languages_and_styles() {
        for (name, kind) in [
            ("patientLastName", T::FamilyName),
            ("Nachname", T::FamilyName),
            ("pat_vorname", T::GivenName),
            ("date_naissance", T::DateOfBirth),
            ("GEBURTSDATUM", T::DateOfBirth),
            ("dob", T::DateOfBirth),
            ("fecha_nacimiento", T::DateOfBirth),
            ("codice fiscale", T::NationalId),
            ("numer_telefonu", T::Phone),
            ("TelephoneNumber", T::Phone),
            ("postnummer", T::Postcode),
            ("código postal", T::Postcode),
            ("morada", T::Address),
            ("personnummer", T::NationalId),
            ("MRN", T::RecordNumber),
            ("blood_type", T::BloodGroup),
            ("e-mail", T::Email),
            ("marital_status", T::MaritalStatus),
            ("platelet_count", T::LabValue),
        ] {
            assert_eq!(read(name), Hint::Says(kind), "{name}");
        }
    }

    #[test]
    fn what_is_said_about_a_thing_is_not_the_thing() {
        for name in [
            "dob_known",
            "email_status",
            "phone_type",
            "ssn_chk",
            "address_flag",
            "n_phones_phone",
            "drug_last_name",
        ] {
            assert!(matches!(read(name), Hint::About(_)), "{name}");
        }
        for name in ["v01", "col_17", "x", "", "___", "ω"] {
            assert_eq!(read(name), Hint::Silent, "{name}");
        }
    }
}
