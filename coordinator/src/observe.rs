//! Who looks on while a coordinator works: tests, that end it at a commit or have it lie.

use ripieno_study::SiteSet;
use ripieno_wire::ToSite;

/// Called by a coordinator from within, at the points that matter; see
/// [`Server::start_observed`](crate::Server::start_observed).
pub trait Observer: Send + Sync {
    /// What the engine wants kept is about to be committed, for the `number`-th time since the
    /// start, from 1.
    fn before_commit(&self, number: u64) {
        let _ = number;
    }

    /// It is durable. Nothing of it was logged, sent or shown yet.
    fn after_commit(&self, number: u64) {
        let _ = number;
    }

    /// A message is about to leave for these sites.
    fn outgoing(&self, to: &SiteSet, message: &mut ToSite) {
        let _ = (to, message);
    }
}

/// Nobody looks on.
pub(crate) struct Nobody;

impl Observer for Nobody {}
