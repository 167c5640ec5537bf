//! What a simulation found.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_analysis::Report;
use ripieno_coordinator_engine::RoundSummary;
use ripieno_identity::RatifiedCharter;
use ripieno_secagg::SlotId;
use ripieno_secagg::round::publish::Receipt;
use ripieno_secagg::round::start::SignedContract;
use ripieno_study::SiteIndex;

use crate::federation::Numbers;
use crate::network::Traffic;

/// The result of a study, and how it came about.
#[derive(Debug)]
pub struct Outcome {
    /// The result.
    pub report: Report,
    /// Every opened round, in order.
    pub rounds: Vec<RoundRecord>,
    /// The receipt of every opened sum, in order.
    pub receipts: Vec<SumReceipt>,
    /// Names of the sites.
    pub names: BTreeMap<SiteIndex, String>,
    /// The charter: with the keys in it every signature of a receipt can be verified.
    pub charter: RatifiedCharter,
    /// The numbers that protect the federation.
    pub numbers: Numbers,
    /// Bytes that each site sent and received.
    pub traffic: BTreeMap<SiteIndex, Traffic>,
    /// What the coordinator saw of each site's first upload.
    pub seen: BTreeMap<SiteIndex, Seen>,
    /// Sites that recomputed every sum and every state, and came to the same result.
    pub verified: Vec<SiteIndex>,
    /// What was refused on the way: the site, and the refusal with its check.
    pub refusals: Vec<(SiteIndex, String)>,
    /// The seed: with it the run can be repeated.
    pub seed: u64,
    /// Time that the whole run took.
    pub elapsed: Duration,
}

/// An opened round.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundRecord {
    /// Slot, survivors, missing, voided slots.
    pub summary: RoundSummary,
    /// Time since the round before was finished.
    pub elapsed: Duration,
}

/// The receipt of an opened sum, with the contract that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct SumReceipt {
    /// The contract.
    pub contract: SignedContract,
    /// The receipt.
    pub receipt: Receipt,
}

/// The first lanes of an upload, as they passed the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The slot that they were masked for.
    pub slot: SlotId,
    /// Masked lanes, at most [`Seen::LANES`].
    pub lanes: Vec<u64>,
}

impl Seen {
    /// How many lanes are kept.
    pub const LANES: usize = 64;

    pub(crate) fn new(slot: SlotId) -> Self {
        Self { slot, lanes: Vec::new() }
    }

    /// Keeps the lanes of a tile that belongs to the upload, as far as there is room.
    pub(crate) fn add(&mut self, slot: SlotId, lanes: &[u64]) {
        if slot == self.slot {
            let room = Self::LANES.saturating_sub(self.lanes.len());
            self.lanes.extend(lanes.iter().take(room));
        }
    }
}
