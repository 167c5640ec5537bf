//! Opened sums, kept for as long as a site may still need them.

use std::collections::BTreeMap;

use ripieno_secagg::coordinator::{Opened, SpoolError};
use ripieno_secagg::epoch::Transcript;
use ripieno_secagg::round::publish::{Receipt, SumRecord};
use ripieno_study::{Digest, SiteIndex, SiteSet};
use ripieno_wire::{Parts, Published, ToSite};

use crate::coordinator::Desk;
use crate::phases::SlotContext;

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

    /// Sends the sum to every site of `sites`, each with what it is to verify.
    pub(crate) fn send(&self, sites: &SiteSet, desk: &mut Desk) -> Result<(), SpoolError> {
        self.send_adverts(sites, desk);
        if self.record.is_in_parts() {
            return sites
                .iter()
                .try_for_each(|site| self.send_tiles(site, &self.record.assigned(site), desk));
        }
        let uploads = self.opened.uploads(&self.context.spool)?;
        desk.send(sites.clone(), self.message(Parts::Whole(uploads)));
        Ok(())
    }

    /// Asks one site to verify these tiles.
    pub(crate) fn send_tiles(
        &self,
        site: SiteIndex,
        tiles: &[u32],
        desk: &mut Desk,
    ) -> Result<(), SpoolError> {
        let part = |tile: &u32| {
            let parts = self.opened.tile_parts(*tile as usize, &self.context.spool)?;
            Ok((*tile, parts))
        };
        let tiles: Result<BTreeMap<_, _>, SpoolError> = tiles.iter().map(part).collect();
        desk.send(site.into(), self.message(Parts::Tiles(tiles?)));
        Ok(())
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

    fn message(&self, parts: Parts) -> ToSite {
        ToSite::Published(Published {
            contract: self.opened.signed().clone(),
            receipt: self.receipt.clone(),
            sum: self.opened.sum().to_vec(),
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
    /// Keeps a sum, and forgets the oldest ones.
    pub(crate) fn keep(&mut self, sum: Sum) {
        let most = if sum.record.is_in_parts() { KEPT_LARGE } else { KEPT };
        self.kept.push(sum);
        if self.kept.len() > most {
            self.kept.remove(0);
        }
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
    pub(crate) fn acknowledge(&mut self, site: SiteIndex, ctx: &Digest, willing: &SiteSet) {
        let Some(round) = self.kept.iter().find(|sum| sum.is_of(ctx)).map(|sum| sum.round) else {
            return;
        };
        let last = self.acknowledged.entry(site).or_insert(0);
        *last = round.max(*last);
        let seen = |site: SiteIndex| self.acknowledged.get(&site).copied().unwrap_or(0);
        let everyone = willing.iter().map(seen).min().unwrap_or(0);
        let newest = self.kept.last().map_or(0, |sum| sum.round);
        self.kept.retain(|sum| sum.round > everyone || sum.round == newest);
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
            return Ok(());
        }
        self.kept.iter().filter(|sum| sum.round >= next).try_for_each(|sum| sum.send(&to, desk))
    }
}
