//! Opened sums, kept for as long as a site may still need them.

use std::collections::BTreeMap;

use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator::{Opened, SpoolError};
use ripieno_secagg::epoch::Transcript;
use ripieno_secagg::round::publish::{Receipt, SumRecord};
use ripieno_study::{Digest, SiteIndex, SiteSet};
use ripieno_wire::{Parts, Published, StoredTiles, ToSite};

use crate::changes::Change;
use crate::desk::Desk;
use crate::phases::SlotContext;
use crate::records::{self, SumRecord as Stored, no_parts};

/// Small sums that are kept for sites that were away; of large ones, which hold their uploads,
/// [`KEPT_LARGE`].
const KEPT: usize = 64;
/// Large sums that are kept.
const KEPT_LARGE: usize = 2;

/// A sum that was opened.
pub(crate) struct Sum {
    pub(crate) round: u32,
    pub(crate) receipt: Receipt,
    pub(crate) record: SumRecord,
    pub(crate) opened: Opened,
    pub(crate) context: SlotContext,
}

impl Sum {
    /// Whether it is of the round with this `ctx`.
    pub(crate) fn is_of(&self, ctx: &Digest) -> bool {
        self.receipt.certificate.outcome.ctx == *ctx
    }

    /// Sends the sum to every site of `sites`, each with what it is to verify. Of an epoch of an
    /// earlier charter only those can verify it who were in it.
    pub(crate) fn send(&self, sites: &SiteSet, desk: &mut Desk) -> Result<(), SpoolError> {
        let epoch = &self.context.epoch;
        let in_force = epoch.roster().charter == desk.roster.charter;
        let able = |site: &SiteIndex| in_force || epoch.joined().contains(*site);
        let sites: SiteSet = sites.iter().filter(able).collect();
        let sites = &sites;
        self.send_adverts(sites, desk);
        if self.record.is_in_parts() {
            for site in sites.iter() {
                self.send_tiles(site, &self.record.assigned(site), desk);
            }
            return Ok(());
        }
        let uploads = self.opened.uploads(self.context.spool())?;
        desk.send(sites.clone(), self.message(Parts::Whole(uploads)));
        Ok(())
    }

    /// Asks one site to verify these tiles. They are read when they are sent.
    pub(crate) fn send_tiles(&self, site: SiteIndex, tiles: &[u32], desk: &mut Desk) {
        let source = self.opened.parts(self.context.spool());
        let numbers = tiles.iter().copied().collect();
        let parts = Parts::Stored(StoredTiles { numbers, source });
        desk.send(site.into(), self.message(parts));
    }

    /// Sites that are not in the epoch know its transcript from the adverts: also one that
    /// advertised, and was lost before it had joined.
    fn send_adverts(&self, sites: &SiteSet, desk: &mut Desk) {
        let transcript: &Transcript = self.context.epoch.transcript();
        let away = sites.difference(&self.context.epoch.joined());
        if !away.is_empty() {
            let adverts = transcript.adverts().map(|(_, advert)| advert.clone()).collect();
            let (epoch, slots) = (transcript.epoch(), transcript.params().slots());
            desk.send(away, ToSite::Adverts { epoch, slots, adverts });
        }
    }

    /// What is stored of it.
    fn stored(&self, study: Digest) -> Change {
        let epoch = self.context.epoch.transcript().epoch();
        let published = self.message(no_parts()).encode();
        let record = records::seal(&Stored { epoch, published });
        Change::Sum { study, round: self.round, record }
    }

    fn message(&self, parts: Parts) -> ToSite {
        ToSite::Published(Published {
            contract: self.opened.signed().clone(),
            receipt: self.receipt.clone(),
            sum: self.opened.sum().clone(),
            parts,
        })
    }
}

/// The sums of a study, oldest first.
#[derive(Default)]
pub(crate) struct Sums {
    kept: Vec<Sum>,
    acknowledged: BTreeMap<SiteIndex, u32>,
}

impl Sums {
    /// The sums that were stored, oldest first.
    pub(crate) fn restore(kept: Vec<Sum>) -> Self {
        Self { kept, acknowledged: BTreeMap::new() }
    }

    /// Keeps a sum, and forgets the oldest ones.
    pub(crate) fn keep(&mut self, study: Digest, sum: Sum, desk: &mut Desk) {
        let most = if sum.record.is_in_parts() { KEPT_LARGE } else { KEPT };
        desk.save(sum.stored(study));
        self.kept.push(sum);
        if self.kept.len() > most {
            let oldest = self.kept.remove(0);
            desk.save(Change::SumGone { study, round: oldest.round });
        }
    }

    /// The slots that were opened for them.
    pub(crate) fn slots(&self) -> impl Iterator<Item = SlotId> + '_ {
        self.kept.iter().map(|sum| sum.receipt.certificate.outcome.id)
    }

    /// The rounds of which a sum is kept.
    pub(crate) fn rounds(&self) -> impl Iterator<Item = u32> + '_ {
        self.kept.iter().map(|sum| sum.round)
    }

    /// The sum of a round.
    pub(crate) fn of(&self, round: u32) -> Option<&Sum> {
        self.kept.iter().find(|sum| sum.round == round)
    }

    /// Whether one of them is of the round with this `ctx`.
    pub(crate) fn contains(&self, ctx: &Digest) -> bool {
        self.kept.iter().any(|sum| sum.is_of(ctx))
    }

    /// A site has verified a sum. What everyone has verified is forgotten, but the newest one.
    pub(crate) fn acknowledge(
        &mut self,
        (study, ctx): (Digest, &Digest),
        site: SiteIndex,
        willing: &SiteSet,
        desk: &mut Desk,
    ) {
        let Some(round) = self.kept.iter().find(|sum| sum.is_of(ctx)).map(|sum| sum.round) else {
            return;
        };
        let last = self.acknowledged.entry(site).or_insert(0);
        *last = round.max(*last);
        let seen = |site: SiteIndex| self.acknowledged.get(&site).copied().unwrap_or(0);
        let everyone = willing.iter().map(seen).min().unwrap_or(0);
        let newest = self.kept.last().map_or(0, |sum| sum.round);
        self.kept.retain(|sum| {
            let needed = sum.round > everyone || sum.round == newest;
            if !needed {
                desk.save(Change::SumGone { study, round: sum.round });
            }
            needed
        });
    }

    /// Sends a site every sum from round `next` on; none where that one is no longer kept, since a
    /// site can verify no sum without the one before.
    pub(crate) fn send_from(
        &self,
        next: u32,
        site: SiteIndex,
        desk: &mut Desk,
    ) -> Result<(), SpoolError> {
        let to = site.into();
        if self.kept.first().is_some_and(|oldest| oldest.round > next) {
            // Whoever is in the newest sum had come further than it says: its own trailer shows it
            // to it (check L1).
            let newest = self.kept.last().filter(|sum| sum.receipt.survivors().contains(site));
            return newest.map_or(Ok(()), |sum| sum.send(&to, desk));
        }
        self.kept.iter().filter(|sum| sum.round >= next).try_for_each(|sum| sum.send(&to, desk))
    }
}
