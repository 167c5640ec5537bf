//! Hexadecimal digits.

use ripieno_identity::{BadKey, PublicKey};
use ripieno_study::Digest;

/// 32 bytes from 64 hexadecimal digits.
pub(crate) fn bytes(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// A digest from its text.
pub(crate) fn digest(text: &str) -> Option<Digest> {
    bytes(text).map(Digest::from_bytes)
}

/// A key from its text; `None` where it is not 64 digits.
pub(crate) fn key(text: &str) -> Option<Result<PublicKey, BadKey>> {
    bytes(text).map(|bytes| PublicKey::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_digits_and_nothing_else() {
        let digest = Digest::from_bytes([0xa5; 32]);
        assert_eq!(super::digest(&digest.to_string()), Some(digest));
        for text in ["", "a5", &"a5".repeat(33), &"zz".repeat(32), &"ä".repeat(32)] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
