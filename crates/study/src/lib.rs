//! The vocabulary that every part of Ripieno shares.
//!
//! A *study* is what a researcher asks ([`manifest`]); a *contract* fixes one round of it
//! ([`contract`], [`plan`]); a *refusal* says why a site will not take part ([`refusal`]).
//! Digests ([`digest`]) with one tag per kind of message ([`tag`]) tie them together.
//! Nothing here does I/O.

pub mod contract;
pub mod digest;
pub mod manifest;
pub mod plan;
pub mod refusal;
pub mod site;
pub mod tag;

pub use contract::{Contract, Membership, Privacy};
pub use digest::{Digest, Hasher};
pub use manifest::{Manifest, ManifestError, Study};
pub use plan::{Encoding, InputSpec, Packing, Plan};
pub use refusal::{Check, Culprit, Refusal};
pub use site::{SiteIndex, SiteSet};
pub use tag::Tag;
