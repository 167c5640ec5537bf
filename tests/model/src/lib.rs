//! A model of the protocol (docs/verification.md): some honest sites, and one adversary that is the
//! coordinator, up to c corrupt sites, and the network at once. The adversary sends any site any
//! message that it can form from what it has seen; sites do what docs/protocol.md says, with each
//! of their checks as a [`Rule`] that a test can take away. Every state that can be reached within
//! the bounds of a scenario is visited.
//!
//! Nothing is computed here that hides or reveals a number: a share is the fact that it was
//! released, a mask the fact that it cancels. What t shares reveal, and which sums that opens, is
//! in [`knowledge`].

pub mod bounds;
pub mod checker;
pub mod coordinator;
pub mod knowledge;
pub mod message;
pub mod model;
pub mod properties;
pub mod rules;
pub mod scenarios;
pub mod site;
pub mod state;
pub mod symmetry;
pub mod words;

pub use model::Model;
pub use rules::{Rule, Rules};
