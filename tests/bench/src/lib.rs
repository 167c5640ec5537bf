//! How the benches measure (docs/performance.md).
//!
//! A figure is a ratio: a *subject* beside a *reference* that stands for the limit, both measured in
//! the same run. Kernels are measured in slices of about a millisecond, longer jobs one by one; either
//! way subject, reference and the reference again take turns in changing order, so that what else
//! the machine does meets all three. The second reading of the reference shows the noise.
//!
//! ```no_run
//! use ripieno_bench::{Bench, Contest, Goal};
//!
//! let mut bench = Bench::start("copies");
//! let contest = Contest::fraction("copy of 1 MiB, fraction of a fill", Goal::AtLeast(0.4)).unit("ns");
//! let (mut a, b) = (vec![0_u8; 1 << 20], vec![1_u8; 1 << 20]);
//! let mut c = vec![0_u8; 1 << 20];
//! bench.slices(&contest, || a.copy_from_slice(&b), || c.fill(1));
//! bench.finish().unwrap();
//! ```

mod bench;
mod contest;
mod machine;
pub mod measure;
mod row;
pub mod stats;

pub use bench::Bench;
pub use contest::{Contest, Goal};
pub use row::{Row, merge};
