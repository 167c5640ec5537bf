//! What holds secrets has no form on disk or on the wire.

use ripieno_secagg::epoch::{Advertised, Epoch};
use ripieno_secagg::kdf::Seed;
use ripieno_secagg::round::open::SiteSecret;
use ripieno_secagg::round::start::Bound;
use serde::Serialize;

fn written<T: Serialize>() {}

fn main() {
    written::<Advertised>();
    written::<Epoch>();
    written::<Bound>();
    written::<Seed>();
    written::<SiteSecret>();
}
