//! The set-up of an epoch by an evil coordinator, which can stop after each step and do another.

use std::collections::BTreeMap;

use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Advert, Bundle, Transcript};
use ripieno_study::SiteIndex;
use ripieno_wire::{FromSite, ToSite};

use super::Stage;
use crate::forger::{Deal, Forger, honest};

/// E1 is done: what every site advertised, the corrupt one too.
pub(crate) struct Gathered {
    pub(crate) announced: Announcement,
    pub(crate) adverts: BTreeMap<SiteIndex, Advert>,
    pub(crate) forger: Forger,
}

/// E2 is done.
pub(crate) struct Sharing {
    pub(crate) announced: Announcement,
    pub(crate) transcript: Transcript,
    /// By holder.
    pub(crate) bundles: BTreeMap<SiteIndex, Vec<Bundle>>,
    pub(crate) forger: Forger,
}

/// An epoch in use.
pub(crate) struct Run {
    pub(crate) transcript: Transcript,
    pub(crate) forger: Forger,
}

impl Gathered {
    /// The adverts as they came, in order.
    pub(crate) fn list(&self) -> Vec<Advert> {
        self.adverts.values().cloned().collect()
    }

    /// These adverts as a message.
    pub(crate) fn message(&self, adverts: Vec<Advert>) -> ToSite {
        let Announcement { epoch, slots } = self.announced;
        ToSite::Adverts { epoch, slots, adverts }
    }
}

impl Sharing {
    /// These bundles as a message.
    pub(crate) fn message(&self, bundles: Vec<Bundle>) -> ToSite {
        ToSite::Bundles { epoch: self.announced.epoch, bundles }
    }
}

impl Stage {
    /// The next epoch, announced to nobody yet.
    pub(crate) fn next_epoch(&mut self, slots: u16) -> Announcement {
        self.epoch += 1;
        Announcement { epoch: self.epoch, slots }
    }

    /// E1 at one site.
    pub(crate) async fn advert(
        &self,
        site: SiteIndex,
        announced: Announcement,
    ) -> Result<Advert, String> {
        let message = ToSite::Announce(announced);
        self.expect(site, message, |said| match said {
            FromSite::Advert(advert) => Some(advert),
            _ => None,
        })
        .await
    }

    /// E1 at every site.
    pub(crate) async fn gather(&mut self, slots: u16) -> Result<Gathered, String> {
        let announced = self.next_epoch(slots);
        let forger = self.corrupt.advertise(announced);
        let mut adverts = BTreeMap::from([(forger.site, forger.advert.clone())]);
        for site in &self.honest {
            adverts.insert(*site, self.advert(*site, announced).await?);
        }
        Ok(Gathered { announced, adverts, forger })
    }

    /// E2 at one site: the bundles that it deals.
    pub(crate) async fn bundles(
        &self,
        site: SiteIndex,
        adverts: ToSite,
    ) -> Result<Vec<Bundle>, String> {
        self.expect(site, adverts, |said| match said {
            FromSite::Bundles(bundles) => Some(bundles),
            _ => None,
        })
        .await
    }

    /// E2 at these sites, with the shares of the corrupt one as `deal` makes them.
    pub(crate) async fn share(
        &mut self,
        gathered: Gathered,
        sites: &[SiteIndex],
        deal: Deal<'_>,
    ) -> Result<Sharing, String> {
        let Announcement { epoch, slots } = gathered.announced;
        let transcript = Transcript::from_adverts(&self.roster, epoch, slots, gathered.list());
        let transcript = transcript.map_err(|refusal| refusal.to_string())?;
        let mut all = Vec::new();
        for site in sites {
            all.extend(self.bundles(*site, gathered.message(gathered.list())).await?);
        }
        let Gathered { announced, mut forger, .. } = gathered;
        all.extend(forger.bundles(&mut self.corrupt.rng, &transcript, deal));
        let mut bundles: BTreeMap<_, Vec<_>> = BTreeMap::new();
        all.into_iter().for_each(|bundle| bundles.entry(bundle.to).or_default().push(bundle));
        Ok(Sharing { announced, transcript, bundles, forger })
    }

    /// E3 at one site.
    pub(crate) async fn accept(
        &self,
        site: SiteIndex,
        bundles: ToSite,
    ) -> Result<Acceptance, String> {
        self.expect(site, bundles, |said| match said {
            FromSite::Acceptance(acceptance) => Some(acceptance),
            _ => None,
        })
        .await
    }

    /// E3 everywhere: who accepted whom.
    pub(crate) async fn acceptances(&self, sharing: &Sharing) -> Result<Vec<Acceptance>, String> {
        let mut acceptances = Vec::new();
        for site in &self.honest {
            let bundles = sharing.message(sharing.bundles[site].clone());
            acceptances.push(self.accept(*site, bundles).await?);
        }
        let all = sharing.transcript.holders();
        acceptances.push(sharing.forger.acceptance(&sharing.transcript, all));
        Ok(acceptances)
    }

    /// E1 to E4, with nothing amiss.
    pub(crate) async fn run(&mut self, slots: u16) -> Result<Run, String> {
        let gathered = self.gather(slots).await?;
        self.finish(gathered).await
    }

    /// E2 to E4, with nothing amiss.
    pub(crate) async fn finish(&mut self, gathered: Gathered) -> Result<Run, String> {
        let honest_sites = self.honest.clone();
        let sharing = self.share(gathered, &honest_sites, &honest).await?;
        let acceptances = self.acceptances(&sharing).await?;
        for site in &self.honest {
            let (epoch, acceptances) = (sharing.announced.epoch, acceptances.clone());
            let said = self.ask(*site, ToSite::Acceptances { epoch, acceptances }).await?;
            if !said.is_empty() {
                return Err(format!("{site} answers honest acceptances with {said:?}"));
            }
        }
        Ok(Run { transcript: sharing.transcript, forger: sharing.forger })
    }
}
