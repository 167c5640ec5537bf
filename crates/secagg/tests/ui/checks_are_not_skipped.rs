//! What a check returns is made by that check alone.

use ripieno_secagg::round::outcome::{Agreed, Outcome};
use ripieno_secagg::round::start::{Checked, SignedContract};
use ripieno_study::Digest;

fn checked(signed: SignedContract, ctx: Digest) -> Checked {
    Checked { signed, ctx }
}

fn agreed(outcome: Outcome) -> Agreed {
    Agreed { outcome }
}

fn main() {}
