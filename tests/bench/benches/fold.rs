//! The coordinator's fold of the uploads of a hundred sites with a million values, on one core, from memory:
//! `cargo bench -p ripieno-bench --bench fold`.
//!
//! The limit is a plain sum that reads each vector once from the beginning to the end, none of them in the cache.

use std::hint::black_box;

use ripieno_bench::{Bench, Contest, Goal};
use ripieno_mask::{Ring, accumulate_all};

const SITES: usize = 100;
/// Lanes of a million values, three to a lane.
const LANES: usize = 333_334;
/// Lanes of a tile.
const TILE: usize = 1 << 14;
/// How many uploads the coordinator adds in one pass.
const TOGETHER: usize = 8;

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start("the coordinator's fold");
    let uploads: Vec<Vec<u64>> = (0..SITES as u64).map(|site| vec![site; LANES]).collect();
    let megabytes = (SITES * LANES * 8) as f64 / 1e6;
    for ring in [Ring::Lane, Ring::Pair] {
        let name = format!("fold: n=100, d=1e6, {ring:?}: multiple of a plain sum of cold vectors");
        let goal = if ring == Ring::Lane { Goal::AtMost(1.3) } else { Goal::None };
        let contest = Contest::multiple(name, goal).unit("ns/MB").work(megabytes, megabytes);
        let (mut sum, mut plain) = (vec![0; LANES], vec![0; LANES]);
        bench.slices(
            &contest,
            || fold(black_box(&mut sum), &uploads, ring),
            || plain_sum(black_box(&mut plain), &uploads),
        );
    }
    bench.finish()
}

/// As `Opened` does it: tile by tile, several uploads in one pass.
fn fold(sum: &mut [u64], uploads: &[Vec<u64>], ring: Ring) {
    for (number, lanes) in sum.chunks_mut(TILE).enumerate() {
        for uploads in uploads.chunks(TOGETHER) {
            let tiles: Vec<&[u64]> = uploads
                .iter()
                .map(|upload| upload.get(number * TILE..).unwrap_or_default())
                .collect();
            accumulate_all(lanes, &tiles, ring);
        }
    }
}

fn plain_sum(sum: &mut [u64], uploads: &[Vec<u64>]) {
    for upload in uploads {
        sum.iter_mut().zip(upload).for_each(|(sum, lane)| *sum = sum.wrapping_add(*lane));
    }
}
