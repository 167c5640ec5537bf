//! An epoch that can be used, and what was seen of a site's ledger.

use bytes::Bytes;
use prost::Message;
use ripieno_secagg::coordinator::Epoch;
use ripieno_secagg::epoch::{Acceptance, Advert};
use ripieno_secagg::ledger::Head;
use ripieno_wire::ToSite;

use super::{misplaced, to_site};

/// An epoch in which rounds may be under way. Which of its slots were used is not stored: after a
/// restart none of them serves another round.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EpochRecord {
    /// [`ToSite::Adverts`].
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) adverts: Bytes,
    /// [`ToSite::Acceptances`].
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) acceptances: Bytes,
}

/// The public facts of an epoch, not verified.
pub(crate) struct EpochFacts {
    pub(crate) epoch: u64,
    pub(crate) slots: u16,
    pub(crate) adverts: Vec<Advert>,
    pub(crate) acceptances: Vec<Acceptance>,
}

impl EpochRecord {
    pub(crate) fn new(epoch: &Epoch) -> Self {
        let transcript = epoch.transcript();
        let adverts = transcript.adverts().map(|(_, advert)| advert.clone()).collect();
        let (number, slots) = (transcript.epoch(), transcript.params().slots());
        let acceptances = epoch.acceptances();
        Self {
            adverts: ToSite::Adverts { epoch: number, slots, adverts }.encode(),
            acceptances: ToSite::Acceptances { epoch: number, acceptances }.encode(),
        }
    }

    pub(crate) fn facts(&self) -> Result<EpochFacts, String> {
        let ToSite::Adverts { epoch, slots, adverts } = to_site(&self.adverts)? else {
            return Err(misplaced("adverts"));
        };
        match to_site(&self.acceptances)? {
            ToSite::Acceptances { epoch: of, acceptances } if of == epoch => {
                Ok(EpochFacts { epoch, slots, adverts, acceptances })
            }
            _ => Err(misplaced("acceptances of this epoch")),
        }
    }
}

/// The last heads of a site's ledger that were seen.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SeenRecord {
    /// A JSON list of heads.
    #[prost(bytes = "bytes", tag = "1")]
    heads: Bytes,
}

impl SeenRecord {
    pub(crate) fn new<'a>(heads: impl Iterator<Item = &'a Head>) -> Self {
        let heads: Vec<&Head> = heads.collect();
        // Numbers and digests: nothing in them that JSON cannot hold.
        Self { heads: serde_json::to_vec(&heads).unwrap_or_default().into() }
    }

    pub(crate) fn heads(&self) -> Result<Vec<Head>, String> {
        serde_json::from_slice(&self.heads).map_err(|error| error.to_string())
    }
}
