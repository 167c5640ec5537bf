//! Which sites drop out of which rounds.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand::rngs::ChaCha20Rng;
use ripieno_study::{SiteIndex, SiteSet};

/// Which participants are lost in a slot, before their upload is complete. A lost site comes back
/// when the slot is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Losses {
    /// None.
    #[default]
    None,
    /// Each participant of each slot with this probability, in `[0, 1]`.
    Rate(f64),
    /// These sites, by round; only in the first slot of the round.
    Script(BTreeMap<u32, BTreeSet<SiteIndex>>),
}

impl Losses {
    /// The sites lost in a slot, each with how many of its messages still arrive.
    pub(crate) fn draw(
        &self,
        round: u32,
        first_slot: bool,
        participants: &SiteSet,
        rng: &mut ChaCha20Rng,
    ) -> BTreeMap<SiteIndex, u32> {
        let lost: Vec<SiteIndex> = match self {
            Losses::None => Vec::new(),
            Losses::Rate(rate) => {
                participants.iter().filter(|_| rng.random::<f64>() < *rate).collect()
            }
            Losses::Script(script) => {
                let sites = script.get(&round).filter(|_| first_slot);
                let lost = |site: &SiteIndex| sites.is_some_and(|sites| sites.contains(site));
                participants.iter().filter(lost).collect()
            }
        };
        // Lost before the upload, or in the middle of it: at least the trailer never arrives.
        lost.into_iter().map(|site| (site, rng.random_range(0..=1))).collect()
    }
}
