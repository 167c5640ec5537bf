//! The mask kernel against the rate of the CPU's AES unit, on one core:
//! `cargo bench -p ripieno-bench --bench kernel`.
//!
//! The limit is the same keystream over as many tiles, by the same instructions, folded by xor in registers: no memory
//! is read or written for it.

use std::hint::black_box;

use ripieno_bench::{Bench, Contest, Goal};
use ripieno_mask::{Keys, Path, Position, Ring, Sign};

/// Lanes of a tile as it is hashed and sent: 128 KiB.
const LANES: usize = 1 << 14;
/// Tiles of the kernel in it.
const TILES: usize = LANES / 64;

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start("mask kernel");
    for path in Path::ALL.into_iter().filter(|path| path.is_here() && *path != Path::Portable) {
        for (count, ring) in
            [(10, Ring::Lane), (100, Ring::Lane), (10, Ring::Pair), (3, Ring::Lane)]
        {
            let name =
                format!("mask: {path:?}, {count} keys, {ring:?}: fraction of its AES-256 rate");
            let goal = if path == Path::best() { Goal::AtLeast(0.87) } else { Goal::None };
            against_unit(&mut bench, &name, goal, path, count, ring);
        }
    }
    against_portable(&mut bench);
    bench.finish()
}

fn against_unit(bench: &mut Bench, name: &str, goal: Goal, path: Path, count: u8, ring: Ring) {
    let keys = keys(path, count);
    let mut lanes = vec![0; LANES];
    let at = Position { vector: 1, first_lane: 0, ring };
    let kilobytes = f64::from(count) * (LANES * 8) as f64 / 1000.0;
    let contest = Contest::fraction(name, goal).unit("ns/kB").work(kilobytes, kilobytes);
    bench.slices(
        &contest,
        || keys.apply(black_box(&mut lanes), at),
        || {
            black_box(keys.unit_rate(black_box(TILES * usize::from(count))));
        },
    );
}

fn against_portable(bench: &mut Bench) {
    let (best, portable) = (keys(Path::best(), 10), keys(Path::Portable, 10));
    let at = Position { vector: 1, first_lane: 0, ring: Ring::Lane };
    let name = format!("mask: portable, 10 keys: multiple of the cost of {:?}", Path::best());
    let kilobytes = 10.0 * (LANES * 8) as f64 / 1000.0;
    let contest = Contest::multiple(name, Goal::None).unit("ns/kB").work(kilobytes, kilobytes);
    let (mut one, mut other) = (vec![0; LANES], vec![0; LANES]);
    bench.slices(
        &contest,
        || portable.apply(black_box(&mut one), at),
        || best.apply(black_box(&mut other), at),
    );
}

fn keys(path: Path, count: u8) -> Keys {
    let keys: Vec<_> = (0..count).map(|n| [n; 32]).collect();
    let sign = |n: usize| if n.is_multiple_of(2) { Sign::Add } else { Sign::Subtract };
    let signed = keys.iter().enumerate().map(|(n, key)| (key, sign(n)));
    Keys::on(path, signed).expect("a path that is here")
}
