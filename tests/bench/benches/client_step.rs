//! What a site does with an update of a million values among ten sites, on one core: quantise, pack, mask, hash.
//! `cargo bench -p ripieno-bench --bench client_step`.
//!
//! The limit is the keystream alone at the rate of the AES unit (its own and nine pair masks, docs/protocol.md §8), and SHA-256
//! of the lanes.

use std::hint::black_box;

use rand::RngExt;
use ripieno_bench::{Bench, Contest, Goal};
use ripieno_encoding::{NamedVector, encode, plan_for};
use ripieno_mask::{Generator, Keys, Path, Sign};
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_study::plan::{Clip, STANDARD_TILE};
use ripieno_study::{Encoding, Hasher, InputSpec, Packing, Plan, Tag};

const SITES: u8 = 10;
const LENGTH: usize = 1_000_000;

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start("a site's step");
    let (plan, update) = (plan(), update());
    let keys: Vec<_> = (0..SITES).map(|n| [n; 32]).collect();
    let signed = || keys.iter().map(|key| (key, Sign::Add));
    let lanes = vec![7_u64; usize::try_from(plan.lanes())?];
    let unit = Keys::new(signed());
    let prg = || black_box(unit.unit_rate(lanes.len().div_ceil(64) * usize::from(SITES)));
    let hash = || black_box(Hasher::new(Tag::Tile).lanes(&lanes).finish());
    let values = LENGTH as f64;

    let encoded = || {
        let mut rounding = Generator::new(&[9; 32]);
        encode(&plan, &update, usize::from(SITES), &mut rounding).expect("within the range").lanes
    };
    let step = || {
        let mut lanes = encoded();
        let masks = Keys::new(signed());
        let leaves: Vec<_> = tiles::tiles(&plan)
            .map(|tile| {
                let own = tile.of_mut(&mut lanes);
                masks.apply(own, tile.at);
                tiles::leaf(Content::Masked, tile.number, own)
            })
            .collect();
        black_box((lanes, leaves));
    };
    if Path::best() == Path::Portable {
        println!("this CPU has no AES unit that is known here: its rate is not measured");
        return bench.finish();
    }
    let name = "site: whole step, n=10, d=1e6: multiple of PRG bytes at the AES rate + SHA-256";
    let contest = Contest::multiple(name, Goal::AtMost(1.5)).unit("ns/value").work(values, values);
    bench.slices(&contest, step, || {
        prg();
        hash();
    });
    let name = "site: encode alone, d=1e6: multiple of PRG bytes at the AES rate (n=10)";
    let contest = Contest::multiple(name, Goal::None).unit("ns/value").work(values, values);
    bench.slices(
        &contest,
        || {
            black_box(encoded());
        },
        || {
            prg();
        },
    );
    let name = "site: SHA-256 of the lanes, d=1e6: multiple of PRG bytes at the AES rate (n=10)";
    let contest = Contest::multiple(name, Goal::None).unit("ns/value").work(values, values);
    bench.slices(
        &contest,
        || {
            hash();
        },
        || {
            prg();
        },
    );
    bench.finish()
}

fn plan() -> Plan {
    let encoding = Encoding::Packed { packing: Packing::Three, range: 1.0, clip: Clip::Coordinate };
    plan_for(&[InputSpec { name: "update".into(), length: LENGTH as u64, encoding }], STANDARD_TILE)
}

fn update() -> Vec<NamedVector> {
    let mut random = Generator::new(&[8; 32]);
    let values = (0..LENGTH).map(|_| random.random_range(-1.0..1.0)).collect();
    vec![NamedVector::new("update", values)]
}
