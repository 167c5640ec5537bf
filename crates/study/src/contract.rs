//! The contract of a round: everything that defines it, hashed into `ctx` (docs/protocol.md §3).

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::plan::Plan;
use crate::site::SiteSet;
use crate::tag::Tag;

/// Name of the protocol suite.
pub const SUITE: &str = "ripieno-1";

/// Whether the set of summed sites may change within a study (docs/protocol.md §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Membership {
    /// Every slot opens with all participants or never.
    #[default]
    Fixed,
    /// A lost site is recovered and the study goes on without it: differencing is not prevented.
    MayChange,
}

impl Membership {
    /// The name in a study manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Membership::Fixed => "fixed",
            Membership::MayChange => "may-change",
        }
    }
}

/// What is done so that the sum itself gives less away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Privacy {
    /// No noise: each opened sum counts as one release against the site's limit.
    #[default]
    NoNoise,
}

/// Everything that defines one round. Sites that hold different contracts derive masks that do not
/// cancel.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// `T`: the transcript of the epoch.
    pub transcript: Digest,
    /// The slot of the epoch that this round uses up.
    pub slot: u16,
    /// Number of the cohort; 0 where there is one.
    pub cohort: u32,
    /// Digest of the study manifest.
    pub study: Digest,
    /// Number of the round within the study, from 1.
    pub round: u32,
    /// `P`: the sites that may take part.
    pub participants: SiteSet,
    /// `m`: the fewest survivors that may be opened.
    pub minimum: u16,
    /// The study's membership rule.
    pub membership: Membership,
    /// What is summed.
    pub plan: Plan,
    /// Privacy parameters.
    pub privacy: Privacy,
    /// Digest of the state that the sites start from.
    pub state: Digest,
}

impl Contract {
    /// `ctx`, the digest that salts every mask of the round.
    #[must_use]
    pub fn ctx(&self) -> Digest {
        let hasher = Hasher::new(Tag::Context)
            .part(SUITE)
            .part(self.transcript)
            .number(self.slot)
            .number(self.cohort)
            .part(self.study)
            .number(self.round);
        let hasher = self.participants.hash_into(hasher).number(self.minimum);
        let hasher = hasher.part(self.membership.name());
        let hasher = self.plan.hash_into(hasher);
        match self.privacy {
            Privacy::NoNoise => hasher.part("no-noise"),
        }
        .part(self.state)
        .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Encoding, InputSpec};
    use crate::site::SiteIndex;

    fn contract() -> Contract {
        let digest = |n: u64| Hasher::new(Tag::State).number(n).finish();
        Contract {
            transcript: digest(1),
            slot: 3,
            cohort: 0,
            study: digest(2),
            round: 7,
            participants: (1..=4).filter_map(SiteIndex::new).collect(),
            minimum: 3,
            membership: Membership::Fixed,
            plan: Plan {
                inputs: vec![InputSpec {
                    name: "gradient".into(),
                    length: 4,
                    encoding: Encoding::Wide,
                }],
                tile_lanes: 512,
            },
            privacy: Privacy::NoNoise,
            state: digest(3),
        }
    }

    #[test]
    fn every_field_changes_ctx() {
        let other = Hasher::new(Tag::State).number(9u64).finish();
        let changes: [fn(&mut Contract, Digest); 12] = [
            |c, d| c.transcript = d,
            |c, _| c.slot += 1,
            |c, _| c.cohort += 1,
            |c, d| c.study = d,
            |c, _| c.round += 1,
            |c, _| c.participants = SiteIndex::new(1).into_iter().collect(),
            |c, _| c.minimum -= 1,
            |c, _| c.membership = Membership::MayChange,
            |c, _| c.plan.tile_lanes *= 2,
            |c, _| c.plan.inputs[0].length += 1,
            |c, _| c.plan.inputs[0].name.push('s'),
            |c, d| c.state = d,
        ];
        let mut seen = vec![contract().ctx()];
        for change in changes {
            let mut changed = contract();
            change(&mut changed, other);
            let ctx = changed.ctx();
            assert!(!seen.contains(&ctx), "{changed:?}");
            seen.push(ctx);
        }
    }
}
