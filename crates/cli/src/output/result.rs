//! The result as one JSON object (docs/study.md, "Results").

use ripieno_analysis::Report;
use ripieno_study::{Digest, Study};
use serde::Serialize;

/// The result of a study, and how it came about.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Results {
    #[serde(flatten)]
    pub(crate) report: Report,
    pub(crate) name: String,
    pub(crate) study: Digest,
    /// Names of the sites in the last sum.
    pub(crate) sites: Vec<String>,
    pub(crate) rounds: Vec<Round>,
    pub(crate) protection: Protection,
    /// Sites that came to the same result by themselves, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<Vec<String>>,
    pub(crate) refusals: Vec<String>,
    /// Bytes that passed the network, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) traffic: Option<Vec<SiteTraffic>>,
    /// The seed of a simulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    pub(crate) seconds: f64,
    /// Names of all sites of the federation.
    #[serde(skip)]
    pub(crate) federation: Vec<String>,
}

/// An opened round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Round {
    pub(crate) round: u32,
    pub(crate) step: String,
    pub(crate) epoch: u64,
    pub(crate) slot: u32,
    pub(crate) minimum: u16,
    pub(crate) survivors: Vec<String>,
    pub(crate) missing: Vec<String>,
    pub(crate) voided: Vec<Voided>,
    pub(crate) seconds: f64,
}

/// A slot that was killed before the round's sum was opened in another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Voided {
    pub(crate) epoch: u64,
    pub(crate) slot: u32,
    pub(crate) missing: Vec<String>,
}

/// What protects a sum, and what is assumed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Protection {
    pub(crate) membership: &'static str,
    /// n, c, t and m.
    pub(crate) sites: u16,
    pub(crate) corrupt: u16,
    pub(crate) threshold: u16,
    pub(crate) minimum: u16,
    pub(crate) policy: &'static str,
    pub(crate) noise: &'static str,
}

/// Bytes that a site sent and received.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SiteTraffic {
    pub(crate) site: String,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Protection {
    /// Of a study whose sites each decide for themselves, or, in a simulation, not at all.
    pub(crate) fn new(
        study: &Study,
        [sites, corrupt, threshold, minimum]: [u16; 4],
        policy: &'static str,
    ) -> Self {
        let membership = study.manifest().aggregation.membership.name();
        Self { membership, sites, corrupt, threshold, minimum, policy, noise: "none" }
    }
}
