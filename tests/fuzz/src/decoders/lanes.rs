//! Vectors in lanes: packed and wide, of any plan.

use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;
use ripieno_encoding::{NamedVector, decode, encode, plan_for};
use ripieno_study::plan::Clip;
use ripieno_study::{Encoding, InputSpec, Packing, Plan};

use super::fair;
use crate::allocations::within;
use crate::input::Input;

/// A plan, and lanes or values of it.
pub fn lanes(data: &[u8]) {
    let mut input = Input::new(data);
    let plan = plan(&mut input);
    let survivors = usize::from(input.byte());
    let participants = usize::from(input.byte());
    let values = input.byte() % 2 == 1;
    let rest = input.rest();
    within(fair(data.len()), || match values {
        // Nobody's lanes are no sum.
        true => round_trip(&plan, participants.max(1), rest),
        false => open(&plan, survivors, participants, rest),
    });
}

/// At most three vectors, mostly short ones.
fn plan(input: &mut Input<'_>) -> Plan {
    let vectors = 1 + input.byte() % 3;
    let specs: Vec<InputSpec> = (0..vectors)
        .map(|number| {
            let encoding = encoding(input);
            let length = match input.byte() {
                255 => u64::from(input.number()) << 32 | u64::from(input.number()),
                short => u64::from(short),
            };
            InputSpec { name: format!("vector {number}"), length, encoding }
        })
        .collect();
    let tile_lanes = match input.byte() {
        255 => u32::from(input.number()),
        small => 512 << (small % 9),
    };
    plan_for(&specs, tile_lanes)
}

fn encoding(input: &mut Input<'_>) -> Encoding {
    let clip = [Clip::Refuse, Clip::Coordinate, Clip::L2][input.below(3)];
    match Packing::from_fields(u32::from(input.byte() % 5)) {
        None => Encoding::Wide,
        Some(packing) => Encoding::Packed { packing, range: input.float(), clip },
    }
}

/// Any lanes are decoded to finite values of the lengths that the plan says, or refused.
fn open(plan: &Plan, survivors: usize, participants: usize, bytes: &[u8]) {
    let lanes: Vec<u64> =
        bytes.as_chunks::<8>().0.iter().map(|lane| u64::from_le_bytes(*lane)).collect();
    let Ok(vectors) = decode(plan, &lanes, survivors, participants) else { return };
    assert_eq!(vectors.len(), plan.inputs.len());
    for (vector, spec) in vectors.iter().zip(&plan.inputs) {
        assert_eq!((&vector.name, vector.values.len() as u64), (&spec.name, spec.length));
    }
}

/// Any values are refused, or are in lanes that a sum over one site can hold.
fn round_trip(plan: &Plan, participants: usize, bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let given = plan.inputs.iter().filter(|spec| !spec.name.ends_with(".clipped"));
    let vectors: Vec<NamedVector> = given
        .map(|spec| {
            // One more than there are bytes for is enough to be of a wrong length.
            let length = spec.length.min(bytes.len() as u64 / 8 + 1);
            NamedVector::new(&spec.name, (0..length).map(|_| input.float()).collect())
        })
        .collect();
    let few = plan.inputs.iter().all(|spec| spec.length <= bytes.len() as u64 / 8 + 1);
    if !few {
        return;
    }
    let mut rounding = ChaCha20Rng::seed_from_u64(7);
    let Ok(encoded) = encode(plan, &vectors, participants, &mut rounding) else { return };
    assert_eq!(encoded.lanes.len() as u64, plan.lanes());
    decode(plan, &encoded.lanes, 1, participants).expect("one site's lanes are a sum of one");
}
