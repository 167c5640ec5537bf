//! One made-up site: what it keeps from round to round, and its end of the network.

use bytes::Bytes;
use rand::rngs::ChaCha20Rng;
use ripieno_secagg::epoch::{Accepted, Advertised, Dealt, Epoch};
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Ledger, Party};
use ripieno_wire::{FromSite, ToSite};

use crate::error::SimulationError;
use crate::network::Traffic;

/// A site.
pub(super) struct Member {
    pub(super) party: Party,
    pub(super) ledger: Ledger<MemoryJournal>,
    pub(super) witness: Witness<MemoryJournal>,
    pub(super) rng: ChaCha20Rng,
    pub(super) traffic: Traffic,
    pub(super) stage: Stage,
}

/// How far a site is with an epoch.
pub(super) enum Stage {
    Idle,
    Advertised(Box<Advertised>),
    Dealt(Box<Dealt>),
    Accepted(Box<Accepted>),
    Joined(Box<Epoch>),
}

impl Member {
    pub(super) fn new(
        party: Party,
        rng: ChaCha20Rng,
        traffic: Traffic,
    ) -> Result<Self, SimulationError> {
        let ledger = Ledger::open(MemoryJournal::default(), &[])?;
        let witness = Witness::open(MemoryJournal::default(), &[])?;
        Ok(Self { party, ledger, witness, rng, traffic, stage: Stage::Idle })
    }

    /// A message of the site as the coordinator gets it.
    pub(super) fn up(&mut self, message: &FromSite) -> Result<FromSite, SimulationError> {
        let bytes = message.encode();
        self.traffic.sent += bytes.len() as u64;
        Ok(FromSite::decode(bytes)?)
    }

    /// A message of the coordinator as the site gets it.
    pub(super) fn down(&mut self, bytes: &Bytes) -> Result<ToSite, SimulationError> {
        self.traffic.received += bytes.len() as u64;
        Ok(ToSite::decode(bytes.clone())?)
    }

    /// The epoch that the site has joined, and what it writes to on the way.
    pub(super) fn epoch(&mut self) -> Result<Joined<'_>, SimulationError> {
        let Self { stage, ledger, witness, .. } = self;
        match stage {
            Stage::Joined(epoch) => Ok(Joined { epoch, ledger, witness }),
            _ => Err(SimulationError::Stuck),
        }
    }
}

/// A site in a round.
pub(super) struct Joined<'a> {
    pub(super) epoch: &'a mut Epoch,
    pub(super) ledger: &'a mut Ledger<MemoryJournal>,
    pub(super) witness: &'a mut Witness<MemoryJournal>,
}
