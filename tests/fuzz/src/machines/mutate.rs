//! Changed messages.

use std::ops::Range;

use crate::input::Input;

/// How deep messages are nested at the most.
const DEPTH: usize = 8;

/// The bytes of a message, changed: a bit, a byte, or a field that takes the content of another
/// one of the same length, of the same message or of the donor.
pub(crate) fn mutate(bytes: &[u8], donor: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    if changed.is_empty() {
        return changed;
    }
    match input.byte() % 4 {
        0 => {
            let at = input.below(changed.len());
            changed[at] ^= 1 << (input.byte() % 8);
        }
        1 => {
            let at = input.below(changed.len());
            changed[at] = input.byte();
        }
        2 => swap_fields(&mut changed, input),
        _ => take_field(&mut changed, donor, input),
    }
    changed
}

fn swap_fields(bytes: &mut [u8], input: &mut Input<'_>) {
    let fields = fields(bytes);
    let Some(one) = fields.get(input.below(fields.len())).cloned() else { return };
    let alike: Vec<_> =
        fields.iter().filter(|other| other.len() == one.len() && disjoint(other, &one)).collect();
    let Some(other) = alike.get(input.below(alike.len())) else { return };
    let content = bytes[one.clone()].to_vec();
    bytes.copy_within((*other).clone(), one.start);
    bytes[(*other).clone()].copy_from_slice(&content);
}

fn take_field(bytes: &mut [u8], donor: &[u8], input: &mut Input<'_>) {
    let own = fields(bytes);
    let Some(one) = own.get(input.below(own.len())).cloned() else { return };
    let given = fields(donor);
    let alike: Vec<_> = given.iter().filter(|other| other.len() == one.len()).collect();
    let Some(other) = alike.get(input.below(alike.len())) else { return };
    bytes[one].copy_from_slice(&donor[(*other).clone()]);
}

fn disjoint(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.end <= other.start || other.end <= one.start
}

/// Where the contents of all fields with a length lie, nested ones too.
fn fields(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    collect(bytes, 0, DEPTH, &mut found);
    found
}

/// Whether all of `bytes` are fields.
fn collect(bytes: &[u8], base: usize, depth: usize, found: &mut Vec<Range<usize>>) -> bool {
    let mut at = 0;
    let mark = found.len();
    while at < bytes.len() {
        let Some(next) = field(bytes, &mut at) else {
            found.truncate(mark);
            return false;
        };
        if let Some(content) = next.filter(|content| !content.is_empty()) {
            found.push(base + content.start..base + content.end);
            if depth > 0 {
                collect(&bytes[content.clone()], base + content.start, depth - 1, found);
            }
        }
    }
    true
}

/// Takes one field of a message; the content of one that has a length.
fn field(bytes: &[u8], at: &mut usize) -> Option<Option<Range<usize>>> {
    let key = varint(bytes, at)?;
    let length = match key & 7 {
        0 => {
            varint(bytes, at)?;
            return Some(None);
        }
        1 => 8,
        2 => usize::try_from(varint(bytes, at)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let content = *at..at.checked_add(length).filter(|end| *end <= bytes.len())?;
    *at = content.end;
    Some((key & 7 == 2).then_some(content))
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
