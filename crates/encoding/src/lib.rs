//! Clip, quantise and pack values into 64-bit lanes; decode the sum (docs/protocol.md §7).
//!
//! A [`Plan`](ripieno_study::Plan) names vectors and says how each sits in lanes. [`encode`] turns
//! a site's values into lanes, [`decode`] turns the sum of lanes over the survivors into values.
//! Lanes are summed mod 2^64, except those of wide vectors: there two lanes (low first) make one
//! value, summed mod 2^128.

mod decode;
mod encode;
mod packed;
mod total;
mod vector;
mod wide;

pub use decode::{DecodeError, decode};
pub use encode::{EncodeError, Encoded, encode};
pub use packed::resolution;
pub use total::{CohortLanes, decode_total};
pub use vector::{NamedVector, clipped_name, plan_for};
