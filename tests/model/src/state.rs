//! A state: what each honest site holds, and what of it has gone out. The adversary keeps
//! everything that has gone out.

use crate::message::{Contract, MAX_HONEST, Outcome, Sites, Transcript};

/// The most transcripts that a site joins.
pub const MAX_EPOCHS: usize = 2;
/// The most slots of an epoch.
pub const MAX_SLOTS: usize = 2;
/// The most adverts of one site.
pub const MAX_DRAWS: usize = 3;

/// How far a slot has come at a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Not used. (A slot that is bound and has sent nothing can do no more than an unused one.)
    #[default]
    Fresh,
    /// The masked update has left.
    Uploaded,
    /// A survivor set was signed.
    Signed,
    /// Shares were released.
    Released,
    /// VOID was signed.
    Voided,
    /// A certificate has ended it.
    Closed,
}

/// How a slot stands in a site's ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Not entered.
    #[default]
    None,
    /// Entered.
    Unresolved,
    /// A certificate names survivors.
    Opened,
    /// A VOID certificate.
    Void,
}

/// A masked update that has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upload {
    /// The contract whose ctx salts the masks.
    pub contract: Contract,
    /// Which version of the site's rows it was computed from.
    pub data: u8,
}

/// One slot at one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// How far it has come; volatile.
    pub step: Step,
    /// The contract that it is bound to; volatile.
    pub bound: Contract,
    /// The survivors that were signed; volatile.
    pub survivors: Sites,
    /// In the ledger.
    pub standing: Standing,
    /// In the ledger, while it is entered.
    pub entry: Upload,
    /// What went out. The second place is for faults.
    pub uploads: [Upload; 2],
    /// The ledger's head in the trailer.
    pub head: Head,
    /// The sums of the study in the trailer: slots that the ledger counted as opened, one bit for
    /// each place in the site's epochs.
    pub history: u8,
    /// What went out.
    pub ballots: [Outcome; 2],
    /// The certificates that shares went out for.
    pub releases: [Outcome; 2],
}

/// Count of a ledger's records, and which of the site's lives wrote the last one. Two heads of one
/// count and life are the same; of two lives they differ, since the second life's slots are others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// Records.
    pub count: u8,
    /// 1 after a restore.
    pub life: u8,
}

/// One transcript that a site has joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch {
    /// Which; default for none.
    pub transcript: Transcript,
    /// Whether the site still holds its secrets.
    pub live: bool,
    /// Its slots.
    pub slots: [Slot; MAX_SLOTS],
}

/// The part of an advert that makes a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advert {
    /// Number of the epoch; 0 for none.
    pub number: u8,
    /// The ledger's head.
    pub head: Head,
}

/// One honest site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// In the order in which they were joined.
    pub epochs: [Epoch; MAX_EPOCHS],
    /// Everything that it ever advertised.
    pub adverts: [Advert; MAX_DRAWS],
    /// How many adverts there are.
    pub draws: u8,
    /// The advert that waits for those of the others, plus 1; 0 for none. Volatile.
    pub pending: u8,
    /// The highest number that it advertised for; durable.
    pub last: u8,
    /// Head of its ledger.
    pub head: Head,
    /// Version of its rows.
    pub data: u8,
    /// By peer and life, one bit for each count of records that it has seen; durable.
    pub seen: [[u8; 2]; MAX_HONEST],
    /// The highest count of each peer when it advertised; volatile.
    pub counts: [u8; MAX_HONEST],
}

/// All honest sites, and how many accidents there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// Those of the bounds; the rest is unused.
    pub sites: [Site; MAX_HONEST],
    /// Crashes so far.
    pub crashes: u8,
    /// Restores so far.
    pub restores: u8,
    /// Changes of rows so far.
    pub changes: u8,
}

impl Slot {
    /// The upload under a contract, if one went out.
    #[must_use]
    pub fn upload(&self, contract: Contract) -> Option<Upload> {
        self.uploads.into_iter().find(|upload| upload.contract == contract)
    }

    /// What comes back when a site has lost its memory, and what it had said has not.
    pub fn forget(&mut self) {
        self.step = Step::Fresh;
        self.bound = Contract::default();
        self.survivors = Sites::default();
    }
}

impl Site {
    /// The slot of a transcript, if the site has joined it.
    #[must_use]
    pub fn slot(&self, transcript: Transcript, slot: usize) -> Option<&Slot> {
        let epoch = self.epochs.iter().find(|epoch| epoch.transcript == transcript)?;
        epoch.slots.get(slot)
    }

    /// The slots that its ledger counts as opened, one bit for each place in its epochs.
    #[must_use]
    pub fn history(&self) -> u8 {
        let slots = self.epochs.iter().flat_map(|epoch| &epoch.slots);
        let opened = slots.map(|slot| u8::from(slot.standing == Standing::Opened));
        (0..).zip(opened).fold(0, |bits, (place, opened)| bits | opened << place)
    }

    /// What a history means to others.
    #[must_use]
    pub fn named(&self, history: u8) -> [(Transcript, u8); MAX_EPOCHS * MAX_SLOTS] {
        let mut named = [(Transcript::default(), 0); MAX_EPOCHS * MAX_SLOTS];
        for (place, name) in named.iter_mut().enumerate().filter(|(at, _)| history >> at & 1 == 1) {
            let slot = (place % MAX_SLOTS) as u8;
            *name = (self.epochs[place / MAX_SLOTS].transcript, slot);
        }
        named.sort_unstable();
        named
    }

    /// The highest count seen of a peer.
    #[must_use]
    pub fn highest(&self, peer: usize) -> u8 {
        let bits = self.seen[peer][0] | self.seen[peer][1];
        (8 - bits.leading_zeros()) as u8
    }
}

impl State {
    /// All of it as bytes: the same for equal states, and for no others. Unused places are one byte.
    pub fn write(&self, into: &mut Vec<u8>) {
        into.extend([self.crashes, self.restores, self.changes]);
        self.sites.iter().for_each(|site| site.write(into));
    }
}

impl Site {
    fn write(&self, into: &mut Vec<u8>) {
        if *self == Self::default() {
            return into.push(0);
        }
        into.push(1);
        for epoch in &self.epochs {
            into.extend(epoch.transcript.0.to_le_bytes());
            into.push(u8::from(epoch.live));
            epoch.slots.iter().for_each(|slot| slot.write(into));
        }
        for advert in &self.adverts {
            into.extend([advert.number, advert.head.count, advert.head.life]);
        }
        into.extend([
            self.draws,
            self.pending,
            self.last,
            self.head.count,
            self.head.life,
            self.data,
        ]);
        into.extend(self.seen.as_flattened());
        into.extend(self.counts);
    }
}

impl Slot {
    fn write(&self, into: &mut Vec<u8>) {
        if *self == Self::default() {
            return into.push(0);
        }
        into.extend([1, self.step as u8, self.standing as u8, self.survivors.0]);
        into.extend([self.head.count, self.head.life, self.history]);
        into.extend(self.bound.0.to_le_bytes());
        for upload in [self.entry].iter().chain(&self.uploads) {
            into.extend(upload.contract.0.to_le_bytes());
            into.push(upload.data);
        }
        for outcome in self.ballots.iter().chain(&self.releases) {
            into.extend(outcome.0.to_le_bytes());
        }
    }
}
