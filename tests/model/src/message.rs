//! What messages say: packed into small numbers, because a state holds many of them.

/// The most sites: five of the charter, and two that the coordinator may invent.
pub const MAX_SITES: usize = 7;
/// The most honest sites.
pub const MAX_HONEST: usize = 5;

/// A set of sites, one bit each: honest ones first, then corrupt ones, then invented ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sites(pub u8);

impl Sites {
    /// The first `count` sites.
    #[must_use]
    pub fn first(count: usize) -> Self {
        Self(((1_u16 << count) - 1) as u8)
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> u8 {
        self.0.count_ones() as u8
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the site is in the set.
    #[must_use]
    pub fn contains(self, site: usize) -> bool {
        self.0 >> site & 1 == 1
    }

    /// Whether all sites of this set are in the other.
    #[must_use]
    pub fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The sites of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The sites of this set alone.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The sites, from the lowest.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..MAX_SITES).filter(move |site| self.contains(*site))
    }

    /// Every subset, the empty one and itself included.
    pub fn subsets(self) -> impl Iterator<Item = Self> {
        (0..=self.0).filter(move |bits| bits & !self.0 == 0).map(Self)
    }
}

/// `T`: number, holders, which advert of each honest holder, and the numbers that go into the
/// threshold. Never all zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transcript(pub u32);

impl Transcript {
    /// `draws` gives for each honest site which of its adverts is meant. `corrupt` is the c that
    /// the threshold is computed for, `lowered` whether it is one less than it should be.
    #[must_use]
    pub fn new(
        number: u8,
        holders: Sites,
        draws: [u8; MAX_HONEST],
        corrupt: u8,
        lowered: bool,
    ) -> Self {
        let mut bits = u32::from(number) | u32::from(holders.0) << 2 | u32::from(corrupt) << 19;
        for (site, draw) in
            draws.into_iter().enumerate().filter(|(site, _)| holders.contains(*site))
        {
            bits |= u32::from(draw) << (9 + 2 * site);
        }
        Self(bits | u32::from(lowered) << 21)
    }

    /// Number of the epoch.
    #[must_use]
    pub fn number(self) -> u8 {
        (self.0 & 3) as u8
    }

    /// The share-holders.
    #[must_use]
    pub fn holders(self) -> Sites {
        Sites((self.0 >> 2 & 0x7f) as u8)
    }

    /// Which of its adverts an honest holder is in with.
    #[must_use]
    pub fn draw(self, site: usize) -> u8 {
        (self.0 >> (9 + 2 * site) & 3) as u8
    }

    /// The c that the threshold is computed for.
    #[must_use]
    pub fn corrupt(self) -> u8 {
        (self.0 >> 19 & 3) as u8
    }

    /// Whether the threshold is one less than it should be.
    #[must_use]
    pub fn lowered(self) -> bool {
        self.0 >> 21 & 1 == 1
    }
}

/// What of a contract makes a difference here: P, m, the membership rule, and a salt that stands
/// for study, round, state and plan. 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contract(pub u16);

impl Contract {
    /// A contract.
    #[must_use]
    pub fn new(participants: Sites, minimum: u8, fixed: bool, salt: u8) -> Self {
        let minimum = u16::from(minimum.min(7)) << 7;
        Self(
            u16::from(participants.0)
                | minimum
                | u16::from(fixed) << 10
                | u16::from(salt) << 11
                | 1 << 12,
        )
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// P.
    #[must_use]
    pub fn participants(self) -> Sites {
        Sites((self.0 & 0x7f) as u8)
    }

    /// m.
    #[must_use]
    pub fn minimum(self) -> u8 {
        (self.0 >> 7 & 7) as u8
    }

    /// Whether membership is fixed.
    #[must_use]
    pub fn fixed(self) -> bool {
        self.0 >> 10 & 1 == 1
    }

    /// What stands for the rest.
    #[must_use]
    pub fn salt(self) -> u8 {
        (self.0 >> 11 & 1) as u8
    }
}

/// A survivor set under a contract, or VOID. 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome(pub u32);

impl Outcome {
    /// VOID.
    pub const VOID: Self = Self(u32::MAX);

    /// U under a contract.
    #[must_use]
    pub fn new(contract: Contract, survivors: Sites) -> Self {
        Self(u32::from(contract.0) << 8 | u32::from(survivors.0))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The contract.
    #[must_use]
    pub fn contract(self) -> Contract {
        Contract((self.0 >> 8) as u16)
    }

    /// U.
    #[must_use]
    pub fn survivors(self) -> Sites {
        Sites((self.0 & 0x7f) as u8)
    }
}

/// Where a step is cut off by a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nowhere: it is done as a whole.
    None,
    /// After the ledger's record is durable, before the message leaves.
    Recorded,
    /// After the message has left; only where it may leave before the record is durable.
    Sent,
}

/// One message of the adversary to one site, or one accident. A site is given by its number, an
/// epoch by its place at the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields have the names of the texts")]
pub enum Action {
    /// E1: the coordinator announces an epoch to a site.
    Advertise { site: usize, number: u8 },
    /// E2 to E4: a site is shown the adverts of a transcript, and joins it.
    Join { site: usize, transcript: Transcript },
    /// E1 to E4 in one step, for all honest members that agree.
    SetUp { number: u8, holders: Sites, corrupt: u8, lowered: bool },
    /// R1 and R2: a participant gets a contract, and uploads.
    Upload { site: usize, epoch: usize, slot: usize, contract: Contract, cut: Cut },
    /// R3: a holder gets a proposal, and signs it.
    Sign { site: usize, epoch: usize, slot: usize, outcome: Outcome },
    /// R3: a holder is asked for VOID, or its own clock ends the slot.
    Void { site: usize, epoch: usize, slot: usize },
    /// R3 for just as many holders as a certificate needs.
    Decide { transcript: Transcript, slot: usize, outcome: Outcome, signers: Sites },
    /// R4: a holder gets a certificate, and releases shares.
    Open { site: usize, epoch: usize, slot: usize, outcome: Outcome, cut: Cut },
    /// R5: a site whose data is in the slot learns of a certificate for survivors.
    Learn { site: usize, epoch: usize, slot: usize, outcome: Outcome },
    /// A site whose data is in the slot learns of a VOID certificate.
    LearnVoid { site: usize, epoch: usize, slot: usize },
    /// A site crashes and starts again.
    Crash { site: usize },
    /// A site is restored from a backup that is older than its first entry, data and all.
    Restore { site: usize },
    /// The rows at a site change.
    Change { site: usize },
}
