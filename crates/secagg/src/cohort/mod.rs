//! More sites than one cohort holds: who is in which cohort, and the sum over all of them
//! (docs/protocol.md §9). Within a cohort epochs and rounds are those of any other.

pub mod cut;
pub mod draw;
pub mod total;
pub mod word;

pub use draw::{CommitList, Committed, Draw, DrawCommit, Reveal, Revealed};
pub use total::{CohortSum, Total, VerifiedTotal};
pub use word::{Evidence, Vouched, Word};
