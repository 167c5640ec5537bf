//! What the coordinator computes to open a sum of a hundred sites of which ten are lost, with a million values, on one
//! core: secrets from shares, each against what was published, the key exchanges of lost sites and survivors, and
//! all masks off. `cargo bench -p ripieno-bench --bench recovery`.
//!
//! The limit is the keystream alone at the rate of the AES unit: 8·L·(|U| + |P∖U|·|U|) bytes (docs/protocol.md §8).

use std::hint::black_box;

use curve25519_dalek::Scalar;
use ripieno_bench::{Bench, Contest, Goal};
use ripieno_mask::{Generator, Keys, Path};
use ripieno_secagg::kdf::{self, End, Seed, SlotName};
use ripieno_secagg::mask::{Masks, Position, Ring, Sign};
use ripieno_secagg::shamir::{Interpolation, Polynomial, random_scalar};
use ripieno_study::{Digest, Hasher, SiteIndex, Tag};
use x25519_dalek::PublicKey;

const SITES: u16 = 100;
const LOST: u16 = 10;
/// (n + c)/2 + 1 for c = 10.
const THRESHOLD: u16 = 56;
/// Lanes of a million values, three to a lane.
const LANES: usize = 333_334;
const TILE: usize = 1 << 14;
const NAME: SlotName<'_> = SlotName { federation: "bench", epoch: 1, slot: 0 };

/// What is revealed of a site, and what it had published.
struct Site {
    index: SiteIndex,
    shares: Vec<Scalar>,
    mask_key: [u8; 32],
    self_commitment: Digest,
}

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start("recovery of lost sites");
    if Path::best() == Path::Portable {
        println!("this CPU has no AES unit that is known here: its rate is not measured");
        return bench.finish();
    }
    let holders: Vec<_> = (1..=SITES).filter_map(SiteIndex::new).collect();
    let sites: Vec<_> = holders.iter().map(|index| site(*index, &holders)).collect();
    let ctx = Hasher::new(Tag::Context).finish();
    let masks = usize::from((SITES - LOST) * (1 + LOST));
    let keys = Keys::new([(&[1; 32], Sign::Add)]);
    let mut sum = vec![0; LANES];
    let gigabytes = (masks * LANES * 8) as f64 / 1e9;
    let name = "recovery: n=100, 10 % lost, d=1e6: multiple of its PRG bytes at the AES rate";
    let contest =
        Contest::multiple(name, Goal::AtMost(1.3)).unit("ns/GB").work(gigabytes, gigabytes);
    bench.slices(
        &contest,
        || {
            let masks =
                Masks::new(seeds(&sites, &holders, &ctx).iter().map(|(s, sign)| (s, *sign)));
            for (number, lanes) in sum.chunks_mut(TILE).enumerate() {
                let first_lane = (number * TILE) as u64;
                masks.apply(lanes, Position { vector: 0, first_lane, ring: Ring::Lane });
            }
        },
        || {
            black_box(keys.unit_rate(LANES.div_ceil(64) * masks));
        },
    );
    bench.finish()
}

fn site(index: SiteIndex, holders: &[SiteIndex]) -> Site {
    let mut random = Generator::new(&[index.get() as u8; 32]);
    let secret = random_scalar(&mut random);
    let polynomial = Polynomial::draw(&secret, THRESHOLD, &mut random);
    let releasing = &holders[..usize::from(THRESHOLD)];
    Site {
        index,
        shares: releasing.iter().map(|holder| *polynomial.share(*holder)).collect(),
        mask_key: PublicKey::from(&kdf::mask_key(&secret.to_bytes(), NAME, index)).to_bytes(),
        self_commitment: kdf::self_commitment(&secret.to_bytes(), NAME, index),
    }
}

/// As `Opening` and `Unmasking` do it.
fn seeds(sites: &[Site], holders: &[SiteIndex], ctx: &Digest) -> Vec<(Seed, Sign)> {
    let weights = Interpolation::at_zero(&holders[..usize::from(THRESHOLD)]).expect("distinct");
    let secret = |site: &Site| weights.combine(&site.shares).expect("a share each").to_bytes();
    let (lost, survivors) = sites.split_at(usize::from(LOST));
    let mut seeds = Vec::with_capacity(survivors.len() * (1 + lost.len()));
    for site in survivors {
        let secret = secret(site);
        assert_eq!(kdf::self_commitment(&secret, NAME, site.index), site.self_commitment);
        seeds.push((kdf::self_seed(&secret, site.index, ctx), Sign::Subtract));
    }
    let end = |site: &Site| End { site: site.index, key: site.mask_key };
    for gone in lost {
        let key = kdf::mask_key(&secret(gone), NAME, gone.index);
        assert_eq!(PublicKey::from(&key).to_bytes(), gone.mask_key);
        seeds.extend(survivors.iter().map(|site| {
            let seed = kdf::pair_seed(&key, end(gone), end(site), ctx).expect("contributory");
            (seed, if site.index < gone.index { Sign::Subtract } else { Sign::Add })
        }));
    }
    seeds
}
