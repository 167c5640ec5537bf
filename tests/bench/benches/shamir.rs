//! Shamir's scheme against the multiplications that its formulas need, for a hundred holders of which 56 suffice:
//! `cargo bench -p ripieno-bench --bench shamir`.

use std::hint::black_box;

use curve25519_dalek::Scalar;
use ripieno_bench::{Bench, Contest, Goal};
use ripieno_mask::Generator;
use ripieno_secagg::shamir::{Interpolation, Polynomial, random_scalar};
use ripieno_study::SiteIndex;

const HOLDERS: u16 = 100;
const THRESHOLD: u16 = 56;

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start("Shamir's scheme");
    let mut random = Generator::new(&[1; 32]);
    let holders: Vec<_> = (1..=HOLDERS).filter_map(SiteIndex::new).collect();
    let releasing = &holders[..usize::from(THRESHOLD)];
    let (secret, other) = (random_scalar(&mut random), random_scalar(&mut random));
    let polynomial = Polynomial::draw(&secret, THRESHOLD, &mut random);
    let shares: Vec<Scalar> = releasing.iter().map(|holder| *polynomial.share(*holder)).collect();
    let weights = Interpolation::at_zero(releasing)?;
    let (n, t) = (f64::from(HOLDERS), f64::from(THRESHOLD));

    let one = || {
        let mut product = *other;
        for _ in 0..100 {
            product = black_box(product * *other);
        }
        black_box(product);
    };
    let name = "shamir: 100 shares of degree 55: multiple of n(t−1) multiplications";
    let contest =
        Contest::multiple(name, Goal::AtMost(1.3)).unit("ns/mul").work(n * (t - 1.0), 100.0);
    bench.slices(
        &contest,
        || holders.iter().for_each(|holder| drop(black_box(polynomial.share(*holder)))),
        one,
    );
    let name = "shamir: secret from 56 shares: multiple of t multiplications";
    let contest = Contest::multiple(name, Goal::AtMost(1.3)).unit("ns/mul").work(t, 100.0);
    bench.slices(&contest, || drop(black_box(weights.combine(&shares))), one);
    let name = "shamir: weights of 56 holders: multiple of 2t(t−1) multiplications, t inversions";
    let contest = Contest::multiple(name, Goal::AtMost(1.3)).unit("ns").work(1.0, 1.0);
    bench.slices(
        &contest,
        || drop(black_box(Interpolation::at_zero(releasing))),
        || {
            for _ in 0..THRESHOLD {
                let mut product = *other;
                for _ in 0..2 * (THRESHOLD - 1) {
                    product = black_box(product * *other);
                }
                black_box(product.invert());
            }
        },
    );
    bench.finish()
}
