//! How large a scenario is: everything that is not said here is unbounded.

use ripieno_secagg::params::Parameters;

use crate::message::{MAX_SITES, Sites, Transcript};
use crate::rules::{Rule, Rules};

/// The size of a scenario. Whatever the adversary can do within it, is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What tests and texts call it.
    pub name: &'static str,
    /// Honest sites, at most 5.
    pub honest: usize,
    /// c of the charter, and so many corrupt sites.
    pub corrupt: usize,
    /// Slots of an epoch, 1 or 2.
    pub slots: usize,
    /// Whether the first epoch has one slot alone.
    pub short: bool,
    /// Numbers of epochs that the coordinator announces, 1 or 2.
    pub epochs: u8,
    /// Whether the first epoch is joined by everyone at the beginning.
    pub founded: bool,
    /// Whether an epoch is set up in one step, or message by message.
    pub steps: Setup,
    /// Whether the study's membership is fixed.
    pub fixed: bool,
    /// The least minimum that study and sites require; 0 where they require none.
    pub wanted: u8,
    /// Opened sums that each site's approval allows.
    pub limit: u8,
    /// Contracts that differ in nothing else, 1 or 2.
    pub salts: u8,
    /// Crashes in all.
    pub crashes: u8,
    /// Restores in all, at most one a site.
    pub restores: u8,
    /// Changes of rows in all.
    pub changes: u8,
    /// The participants that contracts name.
    pub menu: Menu,
    /// When certificates are shown.
    pub pace: Pace,
}

/// Which sets of participants contracts name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    /// All that are large enough.
    Any,
    /// All holders, or all but the last honest one. The other honest sites are alike.
    Nested,
    /// All holders of the epoch.
    All,
}

/// When certificates are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At any time, to any site, or never.
    Any,
    /// At once, to all whom they concern; the votes that make one are given in one step, and then
    /// nothing more happens in that slot. A vote alone only binds who gave it, and a site that knows
    /// the outcome of a slot refuses no more than one that does not. So this loses nothing but the
    /// accidents between the votes of one slot, which are tried at the other pace.
    Prompt,
}

/// How fine the steps of a set-up are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// All at once: nothing happens between a site's advert and its shares.
    Whole,
    /// Each message by itself, but no proposal is shown to a site whose advert waits.
    Quiet,
    /// Each message by itself, while rounds go on.
    Pipelined,
}

/// t, m and v of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// t.
    pub threshold: u8,
    /// The least m.
    pub minimum: u8,
    /// v.
    pub void: u8,
}

impl Bounds {
    /// Sites of the charter.
    #[must_use]
    pub fn charter(&self) -> Sites {
        Sites::first(self.honest + self.corrupt)
    }

    /// How many honest sites, from the first, can change names with each other.
    #[must_use]
    pub fn alike(&self) -> usize {
        match self.menu {
            Menu::Any | Menu::All => self.honest,
            Menu::Nested => self.honest - 1,
        }
    }

    /// Whether a contract may name these participants.
    #[must_use]
    pub fn names(&self, participants: Sites, holders: Sites) -> bool {
        let last = Sites(1 << (self.honest - 1));
        match self.menu {
            Menu::Any => true,
            Menu::All => participants == holders,
            Menu::Nested => participants == holders || participants == holders.without(last),
        }
    }

    /// Slots of an epoch.
    #[must_use]
    pub fn slots_of(&self, transcript: Transcript) -> usize {
        if self.short && transcript.number() == 1 { 1 } else { self.slots }
    }

    /// The honest ones.
    #[must_use]
    pub fn honest_sites(&self) -> Sites {
        Sites::first(self.honest)
    }

    /// All that can be in a transcript: with two that the coordinator invents, where adverts need
    /// not be signed.
    #[must_use]
    pub fn everyone(&self, rules: Rules) -> Sites {
        let invented = if rules.on(Rule::AdvertSigned) { 0 } else { 2 };
        Sites::first((self.honest + self.corrupt + invented).min(MAX_SITES))
    }

    /// t, m and v as the code computes them, or `None` where it refuses an epoch of this size.
    #[must_use]
    pub fn numbers(&self, transcript: Transcript, rules: Rules) -> Option<Numbers> {
        let (n, c) = (transcript.holders().len(), transcript.corrupt());
        let numbers = match Parameters::new(usize::from(n), u16::from(c), 1) {
            Ok(params) => Numbers {
                threshold: params.threshold() as u8,
                minimum: params.minimum(0) as u8,
                void: params.void_quorum() as u8,
            },
            Err(_) if rules.on(Rule::EpochSize) || n == 0 => return None,
            Err(_) => by_hand(n, c, ((n + c) / 2 + 1).max(c + 1)),
        };
        let lowered = by_hand(n, c, numbers.threshold - 1);
        Some(if transcript.lowered() { lowered } else { numbers })
    }
}

/// The same formulas (docs/protocol.md §1) for numbers that the code refuses.
fn by_hand(n: u8, c: u8, threshold: u8) -> Numbers {
    let void = (n + 1 + c).saturating_sub(threshold);
    Numbers { threshold, minimum: threshold.max(c + 3), void }
}
