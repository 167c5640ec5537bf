//! What holds secrets that are used once cannot be copied.

use ripieno_secagg::epoch::{Accepted, Advertised, Dealt, Epoch};
use ripieno_secagg::kdf::Seed;
use ripieno_secagg::locked::Vault;
use ripieno_secagg::round::outcome::Signed;
use ripieno_secagg::round::start::{Bound, Fresh};
use ripieno_secagg::round::upload::Uploaded;
use ripieno_secagg::shamir::Polynomial;

fn copied<T: Clone>() {}

fn main() {
    copied::<Advertised>();
    copied::<Dealt>();
    copied::<Accepted>();
    copied::<Epoch>();
    copied::<Fresh>();
    copied::<Bound>();
    copied::<Uploaded>();
    copied::<Signed>();
    copied::<Seed>();
    copied::<Polynomial>();
    copied::<Vault>();
}
