//! A `Fresh` slot serves one contract: binding it consumes it.

use ripieno_secagg::round::start::{Bound, Checked, Fresh};

fn bind_twice(slot: Fresh, one: Checked, other: Checked) -> (Bound, Bound) {
    (slot.bind(one), slot.bind(other))
}

fn main() {}
