//! Serial numbers of certificates.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest serial number, in bytes (RFC 5280 §4.1.2.2).
const MAX_BYTES: usize = 20;
/// Bytes of a serial number that this crate draws: 126 random bits.
const DRAWN_BYTES: usize = 16;

/// The serial number of a certificate: 1 to 20 bytes, written as hexadecimal digits. An authority
/// never gives it twice.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

/// Text or bytes that are no serial number.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a serial number is 1 to {MAX_BYTES} bytes, written as pairs of hexadecimal digits")]
pub struct NotASerial;

impl Serial {
    /// The serial number of these bytes, most significant first. Leading zeros do not count.
    ///
    /// # Errors
    /// [`NotASerial`] where nothing or too much is left.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotASerial> {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let digits = bytes.get(zeros..).unwrap_or_default();
        match digits.len() {
            1..=MAX_BYTES => Ok(Self(digits.to_vec())),
            _ => Err(NotASerial),
        }
    }

    /// The bytes, most significant first, without leading zeros.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Draws a new one; `None` where the system gives no randomness.
    pub(crate) fn draw() -> Option<Self> {
        let mut bytes = [0; DRAWN_BYTES];
        crate::provider().secure_random.fill(&mut bytes).ok()?;
        // A positive number of fixed length: the encoding needs no sign byte and loses no zero.
        bytes[0] = (bytes[0] & 0x3f) | 0x40;
        Some(Self(bytes.to_vec()))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = NotASerial;

    fn from_str(text: &str) -> Result<Self, NotASerial> {
        if !text.len().is_multiple_of(2) || text.len() > 2 * MAX_BYTES {
            return Err(NotASerial);
        }
        Self::from_bytes(&hex_bytes(text).ok_or(NotASerial)?)
    }
}

/// The bytes of pairs of hexadecimal digits, or `None` where there are others.
pub(crate) fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_leading_zeros_do_not_count() {
        let serial = Serial::draw().unwrap();
        assert_eq!(serial.to_string().parse(), Ok(serial.clone()));
        assert_eq!(format!("00{serial}").parse(), Ok(serial));
    }

    #[test]
    fn what_is_no_serial_is_refused() {
        for text in ["", "0", "00", "0g", "+1", "é1"] {
            assert_eq!(text.parse::<Serial>(), Err(NotASerial), "{text:?}");
        }
        assert_eq!(Serial::from_bytes(&[1; 21]), Err(NotASerial));
    }

    #[test]
    fn two_draws_differ() {
        assert_ne!(Serial::draw(), Serial::draw());
    }
}
