//! What is known of a message before it is decoded: which body it has, and whether that is small
//! enough.

use bytes::Bytes;
use prost::Message;

use crate::error::WireError;
use crate::limits::{BYTES_A_FIELD, MAX_ALL_FIELDS, MAX_FIELDS};

/// A body that a message may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    /// Its field number.
    pub(crate) number: u32,
    /// Its name, for errors.
    pub(crate) name: &'static str,
    /// The most bytes it may have.
    pub(crate) limit: usize,
    /// The messages in it that have lists of their own.
    pub(crate) inner: &'static [Inner],
}

/// A message within another one, of which the fields are counted too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inner {
    /// Its field number.
    pub(crate) number: u32,
    /// The most fields it may have.
    pub(crate) most: usize,
    /// Such messages within it.
    pub(crate) inner: &'static [Inner],
}

/// A field: its number, and its content where it has a length of its own.
pub(crate) type Field<'a> = (u32, Option<&'a [u8]>);

/// A body with this number, name and limit.
pub(crate) const fn body(number: u32, name: &'static str, limit: usize) -> Body {
    Body { number, name, limit, inner: &[] }
}

/// A message with at most as many fields as a body.
pub(crate) const fn inner(number: u32, inner: &'static [Inner]) -> Inner {
    Inner { number, most: MAX_FIELDS, inner }
}

impl Body {
    /// The same with messages that have lists of their own.
    pub(crate) const fn with(self, inner: &'static [Inner]) -> Self {
        Self { inner, ..self }
    }
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
    within(*body, content)
}

/// Checks that the content of a body is within its limits.
pub(crate) fn within(body: Body, content: &[u8]) -> Result<(), WireError> {
    let (message, limit) = (body.name, body.limit);
    if content.len() > limit {
        return Err(WireError::TooLarge { message, bytes: content.len(), limit });
    }
    let mut room =
        MAX_ALL_FIELDS.saturating_add(content.len().checked_div(BYTES_A_FIELD).unwrap_or(0));
    count(message, content, MAX_FIELDS, body.inner, &mut room)
}

/// A message by itself, within its limits of bytes and of fields. Returns its fields in order.
pub(crate) fn whole(body: Body, bytes: &[u8], most: usize) -> Result<Vec<Field<'_>>, WireError> {
    let (message, limit) = (body.name, body.limit);
    if bytes.len() > limit {
        return Err(WireError::TooLarge { message, bytes: bytes.len(), limit });
    }
    fields(message, bytes, most)
}

/// Checks a message by itself, within its limits of bytes and of fields, also of those in the
/// messages in it.
pub(crate) fn counted(body: Body, bytes: &[u8], most: usize) -> Result<(), WireError> {
    let (message, limit) = (body.name, body.limit);
    if bytes.len() > limit {
        return Err(WireError::TooLarge { message, bytes: bytes.len(), limit });
    }
    let mut room =
        MAX_ALL_FIELDS.saturating_add(bytes.len().checked_div(BYTES_A_FIELD).unwrap_or(0));
    count(message, bytes, most, body.inner, &mut room)
}

/// The generated form of a message of which bytes and fields were counted.
pub(crate) fn parse<M: Message + Default>(body: Body, bytes: Bytes) -> Result<M, WireError> {
    M::decode(bytes)
        .map_err(|error| WireError::Malformed { message: body.name, reason: error.to_string() })
}

/// The fields of a message, at most so many.
fn fields<'a>(
    message: &'static str,
    mut content: &'a [u8],
    most: usize,
) -> Result<Vec<Field<'a>>, WireError> {
    let malformed = |reason: String| WireError::Malformed { message, reason };
    let mut found = Vec::new();
    while !content.is_empty() {
        if found.len() == most {
            return Err(malformed(format!("more than {most} fields")));
        }
        let next = field(&mut content);
        found.push(next.ok_or_else(|| malformed("a field is cut short".into()))?);
    }
    Ok(found)
}

/// Counts the fields of a message and of those in it. All together have `room`: Protocol Buffers
/// join the parts of a message that stands twice, and so would their lists.
fn count(
    message: &'static str,
    mut content: &[u8],
    most: usize,
    inner: &[Inner],
    room: &mut usize,
) -> Result<(), WireError> {
    let malformed = |reason: String| WireError::Malformed { message, reason };
    let mut left = most;
    while !content.is_empty() {
        left = left.checked_sub(1).ok_or_else(|| malformed(format!("more than {most} fields")))?;
        let less = room.checked_sub(1);
        *room = less.ok_or_else(|| malformed("too many fields for so few bytes".into()))?;
        let next = field(&mut content);
        let (number, within) = next.ok_or_else(|| malformed("a field is cut short".into()))?;
        if let (Some(within), Some(next)) = (within, inner.iter().find(|i| i.number == number)) {
            count(message, within, next.most, next.inner, room)?;
        }
    }
    Ok(())
}

/// Takes key and length off a field that has a length; what it holds is left.
pub(crate) fn head(bytes: &mut &[u8]) -> Option<(u32, u64)> {
    let key = u32::try_from(varint(bytes)?).ok()?;
    if key & 7 != 2 {
        return None;
    }
    Some((key >> 3, varint(bytes)?))
}

/// Takes a field off that is a number.
pub(crate) fn number(bytes: &mut &[u8]) -> Option<(u32, u64)> {
    let key = u32::try_from(varint(bytes)?).ok()?;
    if key & 7 != 0 {
        return None;
    }
    Some((key >> 3, varint(bytes)?))
}

/// Takes one field off.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<Field<'a>> {
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
