//! What is dropped is erased: the memory of this process is searched for it.

use std::convert::Infallible;
use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt;

use rand::rand_core::{TryCryptoRng, TryRng};
use ripieno_identity::SigningKey;
use ripieno_secagg::epoch::Advertised;
use ripieno_secagg::epoch::advertise::{Announcement, Numbers};
use ripieno_secagg::kdf::{Seed, self_seed};
use ripieno_secagg::round::open::SiteSecret;
use ripieno_secagg::shamir::{self, Polynomial};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::common::world::World;
use crate::common::{digest, site};

/// The mark, each bit turned over, so that this is no place where it is found.
const TURNED: [u8; 16] = *b"\x51\xae\x17\xe0\x2b\x9c\x66\xd3\x0f\x84\x3d\xfa\x72\xc9\x15\xb8";

/// Puts the mark into a key: not at its beginning, where an allocator writes when memory is given
/// back, and not into its highest byte, so that it is a scalar too.
fn put_mark(bytes: &mut [u8]) {
    bytes.fill(0);
    let turned = TURNED.iter().map(|byte| !std::hint::black_box(*byte));
    bytes.iter_mut().skip(15).zip(turned).for_each(|(byte, mark)| *byte = mark);
}

/// Draws nothing but the mark: as a key, and as a wide number that is a scalar already.
struct Marking;

impl TryRng for Marking {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys and scalars are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys and scalars are drawn as bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        put_mark(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Marking {}

/// How often the mark stands in memory that this process may write, but for the stack of this
/// thread: what returns leave there is gone with the next calls, and nobody can erase it.
fn found() -> usize {
    let memory = File::open("/proc/self/mem").expect("one's own memory");
    let maps = read_to_string("/proc/self/maps").expect("the list of mappings");
    let mut window = Box::new([0_u8; 1 << 16]);
    let here = std::ptr::from_ref(&memory).addr() as u64;
    let window_at = window.as_ptr().addr() as u64;
    let mut count = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().expect("a range"), words.next().expect("rights"));
        let (start, end) = range.split_once('-').expect("two ends");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (address(start), address(end));
        if !rights.starts_with("rw") || (start..end).contains(&here) {
            continue;
        }
        // Windows overlap, for a mark that lies across the end of one.
        let mut at = start;
        while at + (TURNED.len() as u64) <= end {
            let length = usize::try_from((end - at).min(window.len() as u64)).expect("a window");
            if memory.read_exact_at(&mut window[..length], at).is_err() {
                break;
            }
            let own = window_at..window_at + window.len() as u64;
            let starts = length + 1 - TURNED.len();
            let is_mark = |place: &usize| {
                let bytes = &window[*place..*place + TURNED.len()];
                bytes.iter().zip(&TURNED).all(|(byte, turned)| *byte == !turned)
                    && !own.contains(&(at + *place as u64))
            };
            count += (0..starts).filter(is_mark).count();
            window.zeroize();
            at += starts as u64;
        }
    }
    count
}

fn erases<T: ZeroizeOnDrop>() {}

#[test]
fn types_of_secrets_erase_themselves() {
    erases::<Seed>();
    erases::<SiteSecret>();
    erases::<x25519_dalek::StaticSecret>();
    erases::<x25519_dalek::SharedSecret>();
    erases::<zeroize::Zeroizing<curve25519_dalek::Scalar>>();
    erases::<zeroize::Zeroizing<Vec<curve25519_dalek::Scalar>>>();
    erases::<chacha20poly1305::XChaCha20Poly1305>();
    erases::<ripieno_secagg::mask::Masks>();
    let mut seed = self_seed(&[1; 32], site(1), &digest(1));
    seed.zeroize();
    assert_eq!(seed.as_bytes(), &[0; 32]);
    let mut share = SiteSecret { site: site(1), scalar: [7; 32] };
    share.zeroize();
    assert_eq!(share.scalar, [0; 32]);
}

/// All in one test: they would find each other's marks.
#[test]
fn dropped_secrets_are_nowhere_in_memory() {
    assert_eq!(found(), 0, "before anything is drawn");

    let secret = shamir::random_scalar(&mut Marking);
    let polynomial = Box::new(Polynomial::draw(&secret, 3, &mut Marking));
    assert!(found() >= 1, "the search finds the coefficients");
    drop(polynomial);
    assert_eq!(found(), 0, "a polynomial");

    let share = Box::new(SiteSecret { site: site(1), scalar: secret.to_bytes() });
    assert_eq!(found(), 1);
    drop(share);
    assert_eq!(found(), 0, "a share");
    drop(secret);

    let mut seed = zeroize::Zeroizing::new([0; 32]);
    put_mark(seed.as_mut_slice());
    let key = Box::new(SigningKey::from_seed(&seed));
    assert!(found() >= 1);
    drop(key);
    assert_eq!(found(), 0, "a signing key");
    drop(seed);

    let mut world = World::new(4, 1);
    let announced = Announcement { epoch: 1, slots: 2 };
    let marked = |world: &mut World| {
        let member = world.member(1);
        let (party, head) = (member.party.clone(), member.ledger.head());
        let numbers = Numbers { last: 0, before: 0 };
        Advertised::new(party, announced, numbers, head, &mut Marking).expect("a new epoch")
    };
    let advertised = marked(&mut world);
    // root, self and local of each slot, and the channel key
    assert!(found() >= 7, "the search finds an epoch");
    drop(advertised);
    assert_eq!(found(), 0, "an epoch that was advertised");
}
