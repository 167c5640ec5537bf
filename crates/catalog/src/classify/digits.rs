//! Check digits, and the shapes of codes.

/// The digits of a code whose only other characters are blanks, dots, hyphens and slashes.
pub(super) fn digits(text: &str) -> Option<Vec<u32>> {
    let parts = text.chars().filter(|sign| !matches!(sign, ' ' | '-' | '.' | '/'));
    parts.map(|sign| sign.to_digit(10)).collect()
}

/// Luhn's sum: every second digit from the right, doubled (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &[u32]) -> bool {
    let term = |(index, digit): (usize, &u32)| match index % 2 {
        0 => *digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(term).sum();
    digits.len() > 1 && sum.is_multiple_of(10) && digits.iter().any(|digit| *digit > 0)
}

/// The sum of digits times weights, over as many as there are weights.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The number that some digits write, modulo `modulus`.
pub(super) fn modulo(digits: &[u32], modulus: u32) -> u32 {
    digits.iter().fold(0, |rest, digit| (rest * 10 + digit) % modulus)
}

/// Verhoeff's check: products in the dihedral group of ten elements, permuted by place.
pub(super) fn verhoeff(digits: &[u32]) -> bool {
    const PERMUTED: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permute = |digit: u32, times: usize| {
        let once = |digit: u32| PERMUTED.get(digit as usize).copied().unwrap_or(0);
        (0..times % 8).fold(digit, |digit, _| once(digit))
    };
    let sum = digits.iter().rev().enumerate();
    sum.fold(0, |sum, (place, digit)| dihedral(sum, permute(*digit, place))) == 0
}

/// ISO/IEC 7064 modulo 11, 10.
pub(super) fn mod_11_10(digits: &[u32]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == *check
}

/// Whether a text has a shape: `#` a digit, `A` a capital, `a` a small letter, `?` an ASCII letter
/// or digit, all else itself.
pub(super) fn shaped(text: &str, shape: &str) -> bool {
    let fits = |(sign, form): (u8, u8)| match form {
        b'#' => sign.is_ascii_digit(),
        b'A' => sign.is_ascii_uppercase(),
        b'a' => sign.is_ascii_lowercase(),
        b'?' => sign.is_ascii_alphanumeric(),
        _ => sign == form,
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

fn dihedral(a: u32, b: u32) -> u32 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<u32> {
        digits(text).unwrap()
    }

    #[test]
    fn published_examples_hold_and_their_neighbours_do_not() {
        assert!(luhn(&of("7992 7398 713")) && !luhn(&of("79927398710")) && !luhn(&[0, 0, 0]));
        assert!(verhoeff(&of("2363")) && !verhoeff(&of("2364")) && !verhoeff(&of("3263")));
        assert!(mod_11_10(&of("07945")) && !mod_11_10(&of("07946")));
        assert_eq!((modulo(&of("3214282912345698765432161182"), 97), digits("1a")), (1, None));
    }

    #[test]
    fn shapes() {
        assert!(shaped("AB-12c", "AA-##a") && shaped("x9", "??"));
        assert!(!shaped("AB-1", "AA-##") && !shaped("ab", "AA") && !shaped("é", "??"));
    }
}
