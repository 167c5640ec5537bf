//! Every field of every message has a rule, and its bad form is refused by name.

mod fields;
mod membership;
mod round;
mod set_up;

use bytes::Bytes;

use super::any::{from_site_variants, to_site_variants};
use super::{any, sample};
use crate::field::Wire;
use crate::{FromSite, ToSite, WireError};

/// The table of one message: a sample of it, then error and change of each case.
macro_rules! table {
    ($value:expr; $($expected:literal => $change:expr),+ $(,)?) => {{
        $(refused(&$value, $expected, $change);)+
    }};
}
use table;

/// Whether `value` is refused once `change` was made to its message, and with which words.
#[track_caller]
fn refused<T: Wire>(value: &T, expected: &str, change: impl FnOnce(&mut T::Proto)) {
    let mut proto = value.to_proto();
    change(&mut proto);
    let found = T::from_proto(proto).err().map(|error: WireError| error.to_string());
    assert_eq!(found.as_deref(), Some(expected));
}

/// So many bytes.
fn bytes(length: usize) -> Bytes {
    vec![0; length].into()
}

fn to_site(variant: usize) -> ToSite {
    sample(to_site_variants().swap_remove(variant))
}

fn from_site(variant: usize) -> FromSite {
    sample(from_site_variants().swap_remove(variant))
}
