//! The members of a made-up federation: keys, and a charter that all of them have signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    Charter, CharterConsent, CharterFields, CharterSite, FederationPolicy, RatifiedCharter,
    SigningKey,
};
use ripieno_secagg::Roster;
use ripieno_secagg::params::MAX_HOLDERS;
use ripieno_study::{SiteIndex, Study};

use crate::cohorts::CohortOptions;
use crate::error::SimulationError;
use crate::federation::{default_corrupt, rng_for};

/// Everybody, before cohorts are drawn.
pub(super) struct Cast {
    pub(super) charter: RatifiedCharter,
    pub(super) roster: Arc<Roster>,
    pub(super) coordinator: SigningKey,
    pub(super) keys: BTreeMap<SiteIndex, Arc<SigningKey>>,
    pub(super) seed: u64,
    /// The fewest survivors of a cohort that the study wants.
    pub(super) minimum: u16,
    /// c that the study wants.
    pub(super) corrupt: u16,
}

impl Cast {
    pub(super) fn new(
        study: &Study,
        options: &CohortOptions,
        seed: u64,
    ) -> Result<Self, SimulationError> {
        let sites = options.sites;
        if usize::from(sites) <= MAX_HOLDERS || sites == u16::MAX {
            let reason = format!(
                "{sites} sites: cohorts are for more than {MAX_HOLDERS} and fewer than {}",
                u16::MAX
            );
            return Err(SimulationError::Sites(reason));
        }
        let aggregation = &study.manifest().aggregation;
        let corrupt = aggregation
            .corrupt
            .unwrap_or_else(|| default_corrupt(usize::from(sites), aggregation.membership));
        let coordinator = SigningKey::generate(&mut rng_for(seed, "coordinator"));
        let keys: BTreeMap<_, _> = (1..=sites)
            .filter_map(SiteIndex::new)
            .map(|site| (site, Arc::new(SigningKey::generate(&mut rng_for(seed, &name(site))))))
            .collect();
        let charter = charter(&keys, &coordinator, corrupt)?;
        let roster = Arc::new(Roster::from(&charter));
        let minimum = aggregation.minimum_sites;
        Ok(Self { charter, roster, coordinator, keys, seed, minimum, corrupt })
    }
}

/// The name of a made-up site.
pub(super) fn name(site: SiteIndex) -> String {
    format!("site-{:05}", site.get())
}

fn charter(
    keys: &BTreeMap<SiteIndex, Arc<SigningKey>>,
    coordinator: &SigningKey,
    corrupt: u16,
) -> Result<RatifiedCharter, SimulationError> {
    let member = |(site, key): (&SiteIndex, &Arc<SigningKey>)| CharterSite {
        index: *site,
        name: name(*site),
        key: key.public(),
    };
    let count = u16::try_from(keys.len()).unwrap_or(u16::MAX);
    let charter = Charter::new(CharterFields {
        federation: "simulation".into(),
        version: 1,
        previous: None,
        sites: keys.iter().map(member).collect(),
        next_index: count.saturating_add(1),
        coordinator: coordinator.public(),
        corrupt,
        quorum: u16::midpoint(count, corrupt).saturating_add(1),
        policy: FederationPolicy { minimum_sites: corrupt.saturating_add(3) },
    })?;
    let consent = |(site, key): (&SiteIndex, &Arc<SigningKey>)| CharterConsent {
        site: *site,
        signature: key.sign(&consent_digest(&charter, *site)),
    };
    let consents = keys.iter().map(consent).collect();
    Ok(RatifiedCharter::found(charter, consents)?)
}
