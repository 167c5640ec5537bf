//! Shares leave a slot for which an outcome was signed, on a certificate, through the epoch alone.

use ripieno_secagg::round::open::{Certified, Released};
use ripieno_secagg::round::outcome::Signed;
use ripieno_secagg::round::start::Bound;

fn release_bound(bound: Bound, certified: Certified) -> Released {
    bound.release(certified)
}

fn release_signed(signed: Signed, certified: Certified) -> Released {
    signed.release(certified)
}

fn read_secrets(bound: &Bound) {
    let _ = &bound.secrets;
}

fn main() {}
