//! Every path that this CPU has, against the `ctr` crate: the same bits at every offset, length, vector number, ring
//! and sign.

use aes::Aes256;
use cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use ctr::Ctr64LE;
use proptest::prelude::*;
use rand::Rng;
use ripieno_mask::{Generator, Keys, Path, Position, Ring, Sign};

/// The keystream by the crate's own counter mode.
fn stream(key: &[u8; 32], at: Position, lanes: usize) -> Vec<u64> {
    let mut iv = [0; 16];
    iv[8..].copy_from_slice(&at.vector.to_le_bytes());
    let mut cipher = Ctr64LE::<Aes256>::new(key.into(), &iv.into());
    cipher.seek(at.first_lane * 8);
    let mut bytes = vec![0; lanes * 8];
    cipher.apply_keystream(&mut bytes);
    bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

fn oracle(lanes: &mut [u64], key: &[u8; 32], at: Position, sign: Sign) {
    let words = stream(key, at, lanes.len());
    match at.ring {
        Ring::Lane => lanes.iter_mut().zip(words).for_each(|(lane, word)| {
            *lane = match sign {
                Sign::Add => lane.wrapping_add(word),
                Sign::Subtract => lane.wrapping_sub(word),
            };
        }),
        Ring::Pair => {
            for (pair, word) in lanes.chunks_exact_mut(2).zip(words.chunks_exact(2)) {
                let wide = |pair: &[u64]| u128::from(pair[0]) | u128::from(pair[1]) << 64;
                let sum = match sign {
                    Sign::Add => wide(pair).wrapping_add(wide(word)),
                    Sign::Subtract => wide(pair).wrapping_sub(wide(word)),
                };
                pair.copy_from_slice(&[sum as u64, (sum >> 64) as u64]);
            }
        }
    }
}

fn here() -> Vec<Path> {
    let (here, not): (Vec<_>, Vec<_>) = Path::ALL.into_iter().partition(|path| path.is_here());
    println!("this CPU has {here:?}; without a test here: {not:?}");
    here
}

fn key(n: u8) -> [u8; 32] {
    std::array::from_fn(|i| n.wrapping_mul(151).wrapping_add((i as u8).wrapping_mul(29)))
}

/// Lanes at which carries are likely.
fn lane() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), Just(1 << 63)]
}

proptest! {
    #[test]
    fn all_paths_give_the_bits_of_counter_mode(
        start in prop::collection::vec(lane(), 0..400),
        first in prop_oneof![0_u64..300, 0..1_u64 << 30],
        vector in prop_oneof![0_u64..3, any::<u64>()],
        pairs: bool,
        signs in prop::collection::vec(any::<bool>(), 0..6),
    ) {
        let (ring, even) = if pairs { (Ring::Pair, !1) } else { (Ring::Lane, !0) };
        let start = &start[..start.len() & even];
        let at = Position { vector, first_lane: first & even as u64, ring };
        let keys: Vec<_> = signs.iter().zip(0..).map(|(add, n)| {
            (key(n), if *add { Sign::Add } else { Sign::Subtract })
        }).collect();
        let mut expected = start.to_vec();
        keys.iter().for_each(|(key, sign)| oracle(&mut expected, key, at, *sign));
        for path in here() {
            let mut lanes = start.to_vec();
            let keys = keys.iter().map(|(key, sign)| (key, *sign));
            Keys::on(path, keys).unwrap().apply(&mut lanes, at);
            prop_assert_eq!(&lanes, &expected, "{:?}", path);
        }
    }

    #[test]
    fn any_run_is_a_part_of_the_whole(first in 0usize..1500, len in 0usize..1500) {
        for path in here() {
            let keys = Keys::on(path, [(&key(3), Sign::Add), (&key(4), Sign::Subtract)]).unwrap();
            let at = Position { vector: 1, first_lane: 0, ring: Ring::Lane };
            let mut whole = vec![0; 3000];
            keys.apply(&mut whole, at);
            let mut run = vec![0; len];
            keys.apply(&mut run, Position { first_lane: first as u64, ..at });
            prop_assert_eq!(&run[..], &whole[first..first + len], "{:?}", path);
        }
    }
}

/// Carries and borrows out of the low lane of every pair, whatever the keystream: a lane that is just too large or too
/// small for it.
#[test]
fn every_carry_reaches_the_high_lane() {
    let at = Position { vector: 9, first_lane: 6, ring: Ring::Pair };
    let words = stream(&key(5), at, 200);
    for path in here() {
        for (sign, away) in
            [(Sign::Add, 0), (Sign::Add, 1), (Sign::Subtract, 0), (Sign::Subtract, 1)]
        {
            let edge = |word: &u64| match sign {
                Sign::Add => word.wrapping_neg().wrapping_sub(away),
                Sign::Subtract => word.wrapping_sub(away),
            };
            let start: Vec<u64> = words.iter().map(edge).collect();
            let (mut lanes, mut expected) = (start.clone(), start);
            oracle(&mut expected, &key(5), at, sign);
            Keys::on(path, [(&key(5), sign)]).unwrap().apply(&mut lanes, at);
            assert_eq!(lanes, expected, "{path:?} {sign:?} {away}");
        }
    }
}

/// The schedule of FIPS 197, appendix A.3, by the cipher of appendix C.3: block 0 of vector 0 and its neighbour.
#[test]
fn blocks_are_le_counter_then_le_vector_number() {
    use cipher::{BlockCipherEncrypt, KeyInit};
    let aes = Aes256::new(&key(1).into());
    let expected: Vec<u64> = (0_u128..40)
        .flat_map(|block| {
            let mut bytes = (block | 5 << 64).to_le_bytes().into();
            aes.encrypt_block(&mut bytes);
            let value = u128::from_le_bytes(bytes.into());
            [value as u64, (value >> 64) as u64]
        })
        .collect();
    for path in here() {
        let mut found = vec![0; 80];
        let at = Position { vector: 5, first_lane: 0, ring: Ring::Lane };
        Keys::on(path, [(&key(1), Sign::Add)]).unwrap().apply(&mut found, at);
        assert_eq!(found, expected, "{path:?}");
    }
}

#[test]
fn the_unit_rate_is_of_real_blocks() {
    let at = Position { vector: 0, first_lane: 0, ring: Ring::Lane };
    let folded = stream(&key(2), at, 5 * 64).into_iter().fold(0, |all, word| all ^ word);
    for path in here() {
        let keys = Keys::on(path, [(&key(2), Sign::Add)]).unwrap();
        let expected = (path != Path::Portable).then_some(folded);
        assert_eq!(keys.unit_rate(5), expected, "{path:?}");
    }
}

#[test]
fn a_generator_is_the_keystream_of_vector_zero() {
    let at = Position { vector: 0, first_lane: 0, ring: Ring::Lane };
    let expected = stream(&key(7), at, 3000);
    let mut bytes = vec![0; 8 * 2500];
    let mut generator = Generator::new(&key(7));
    generator.fill_bytes(&mut bytes);
    let words: Vec<_> = bytes.as_chunks::<8>().0.iter().map(|w| u64::from_le_bytes(*w)).collect();
    assert_eq!(words, expected[..2500]);
    assert_eq!(generator.next_u64(), expected[2500]);
    assert_eq!(format!("{generator:?}"), "Generator(<redacted>)");
}
