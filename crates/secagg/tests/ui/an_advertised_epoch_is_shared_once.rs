//! The secrets of an epoch are dealt for one transcript: dealing consumes them.

use rand::rngs::ChaCha20Rng;
use ripieno_secagg::epoch::{Advert, Advertised};
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::witness::Witness;

fn share_twice(
    advertised: Advertised,
    one: Vec<Advert>,
    other: Vec<Advert>,
    witness: &mut Witness<MemoryJournal>,
    rng: &mut ChaCha20Rng,
) {
    let _ = advertised.share(one, witness, rng);
    let _ = advertised.share(other, witness, rng);
}

fn main() {}
