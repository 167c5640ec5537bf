//! What is known of a message before it is decoded: which body it has, and whether that is small
//! enough.

use crate::error::WireError;
use crate::limits::MAX_FIELDS;

/// A body that a message may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    /// Its field number.
    pub(crate) number: u32,
    /// Its name, for errors.
    pub(crate) name: &'static str,
    /// The most bytes it may have.
    pub(crate) limit: usize,
}

/// A body with this number, name and limit.
pub(crate) const fn body(number: u32, name: &'static str, limit: usize) -> Body {
    Body { number, name, limit }
}

/// Checks that `bytes` are exactly one of `bodies`, within its limit.
pub(crate) fn check(message: &'static str, bytes: &[u8], bodies: &[Body]) -> Result<(), WireError> {
    let mut rest = bytes;
    let (number, content) = match field(&mut rest) {
        Some((number, Some(content))) if rest.is_empty() => (number, content),
        _ => return Err(WireError::Body { message }),
    };
    let Some(body) = bodies.iter().find(|body| body.number == number) else {
        return Err(WireError::UnknownBody { message, number });
    };
    let (message, limit) = (body.name, body.limit);
    if content.len() > limit {
        return Err(WireError::TooLarge { message, bytes: content.len(), limit });
    }
    check_count(message, content)
}

fn check_count(message: &'static str, mut content: &[u8]) -> Result<(), WireError> {
    let malformed = |reason: String| WireError::Malformed { message, reason };
    let mut count = 0_usize;
    while !content.is_empty() {
        field(&mut content).ok_or_else(|| malformed("a field is cut short".into()))?;
        count = count.saturating_add(1);
        if count > MAX_FIELDS {
            return Err(malformed(format!("more than {MAX_FIELDS} fields")));
        }
    }
    Ok(())
}

/// Takes one field off: its number, and its content where it has a length of its own.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u32, Option<&'a [u8]>)> {
    let key = u32::try_from(varint(bytes)?).ok()?;
    let content = match key & 7 {
        0 => varint(bytes).map(|_| None),
        1 => take(bytes, 8).map(|_| None),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            take(bytes, length).map(Some)
        }
        5 => take(bytes, 4).map(|_| None),
        _ => None,
    };
    Some((key >> 3, content?))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if *first < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODIES: [Body; 2] = [body(1, "one", 4), body(2, "two", 3000)];

    fn check(bytes: &[u8]) -> Result<(), WireError> {
        super::check("message", bytes, &BODIES)
    }

    #[test]
    fn exactly_one_body_is_taken() {
        assert_eq!(check(&[0x0a, 0]), Ok(()));
        assert_eq!(check(&[0x12, 2, 0x08, 1]), Ok(()));
        let refused = Err(WireError::Body { message: "message" });
        assert_eq!(check(&[]), refused);
        assert_eq!(check(&[0x0a, 0, 0x0a, 0]), refused, "two bodies");
        assert_eq!(check(&[0x0a, 1]), refused, "cut short");
        assert_eq!(check(&[0x08, 1]), refused, "a number is no body");
        assert_eq!(check(&[0xff; 12]), refused);
        let unknown = WireError::UnknownBody { message: "message", number: 3 };
        assert_eq!(check(&[0x1a, 0]), Err(unknown));
    }

    #[test]
    fn a_body_has_a_limit_of_bytes_and_of_fields() {
        let large = WireError::TooLarge { message: "one", bytes: 5, limit: 4 };
        assert_eq!(check(&[0x0a, 5, 0, 0, 0, 0, 0]), Err(large));
        let many = |fields: usize| {
            let content = [0x0a, 0].repeat(fields);
            let length = [(content.len() & 0x7f) as u8 | 0x80, (content.len() >> 7) as u8];
            check(&[[0x12].as_slice(), &length, &content].concat())
        };
        assert_eq!(many(MAX_FIELDS), Ok(()));
        let refused = many(MAX_FIELDS + 1).unwrap_err().to_string();
        assert_eq!(refused, "two: not a message of ripieno.v1: more than 1024 fields");
    }
}
