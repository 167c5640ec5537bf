//! A federation in one process: charter, keys, tables, sites, coordinator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_access::{Gate, Policy};
use ripieno_audit::{AuditLog, MemoryStorage};
use ripieno_catalog::{Catalog, Source};
use ripieno_client_engine::{ENTRIES_PER_SIGNATURE, MemoryShelf, Site, SiteParts};
use ripieno_coordinator_engine::{Coordinator, Limits, MemorySpools};
use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    Charter, CharterConsent, CharterFields, CharterSite, Credential, CredentialFields,
    FederationPolicy, RatifiedCharter, SigningKey, Submission,
};
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::ledger::Ledger;
use ripieno_secagg::params::{MAX_HOLDERS, Parameters};
use ripieno_secagg::witness::Witness;
use ripieno_study::{Hasher, Membership, SiteIndex, Study, Tag};

use crate::error::SimulationError;
use crate::tables::SiteTable;

/// The deadlines of a simulation, in virtual time.
pub(crate) fn limits() -> Limits {
    Limits {
        collect: Duration::from_secs(10),
        decide: Duration::from_secs(4),
        open: Duration::from_secs(4),
        void: Duration::from_secs(4),
        wait: Duration::from_secs(3600),
        ..Limits::default()
    }
}

/// The numbers that protect a simulated federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// n: sites.
    pub sites: u16,
    /// c: sites assumed corrupt.
    pub corrupt: u16,
    /// t: shares that open a sum.
    pub threshold: u16,
    /// m: the fewest survivors of a sum.
    pub minimum: u16,
}

/// The c that a simulation assumes where the study does not say: 1 where that leaves the sums that
/// the study wants, else 0. With three sites only 0 is possible; with four and c = 1 no site may
/// be missing, so a study of four whose membership may change gets 0.
#[must_use]
pub fn default_corrupt(sites: usize, membership: Membership) -> u16 {
    match (sites, membership) {
        (..=3, _) | (4, Membership::MayChange) => 0,
        _ => 1,
    }
}

/// A simulated site.
pub(crate) type LocalSite = Site<MemoryJournal, MemoryStorage, ChaCha20Rng, MemoryShelf>;

/// All parties, ready to start.
pub(crate) struct Federation {
    pub(crate) coordinator: Coordinator,
    pub(crate) charter: RatifiedCharter,
    pub(crate) sites: BTreeMap<SiteIndex, LocalSite>,
    pub(crate) names: BTreeMap<SiteIndex, String>,
    pub(crate) submission: Submission,
    pub(crate) numbers: Numbers,
    pub(crate) seed: u64,
}

impl Federation {
    /// Checks every table, then makes keys, charter and parties from the seed.
    pub(crate) fn new(
        study: &Study,
        tables: &[SiteTable],
        seed: u64,
    ) -> Result<Self, SimulationError> {
        let numbers = numbers(study, tables.len())?;
        let catalogs = register(study, tables)?;
        let mut rng = rng_for(seed, "coordinator");
        let coordinator_key = SigningKey::generate(&mut rng);
        let keys: Vec<Arc<SigningKey>> = tables
            .iter()
            .map(|table| Arc::new(SigningKey::generate(&mut rng_for(seed, &table.name))))
            .collect();
        let charter = charter(tables, &keys, &coordinator_key, numbers)?;
        let submission = submission(study, &charter, &keys, seed)?;
        let mut sites = BTreeMap::new();
        let mut names = BTreeMap::new();
        for ((table, key), gate) in tables.iter().zip(keys).zip(catalogs) {
            let index = charter.sites().iter().find(|site| site.name == table.name);
            let Some(index) = index.map(|site| site.index) else { continue };
            let storage = MemoryStorage::default();
            let audit = AuditLog::open(storage, Arc::clone(&key), ENTRIES_PER_SIGNATURE)?;
            let parts = SiteParts {
                index,
                key,
                charter: charter.clone(),
                gate,
                ledger: Ledger::open(MemoryJournal::default(), &[])?,
                witness: Witness::open(MemoryJournal::default(), &[])?,
                audit,
                shelf: MemoryShelf::default(),
                saved: Vec::new(),
                rng: rng_for(seed, &format!("secrets of {}", table.name)),
            };
            sites.insert(index, Site::new(parts)?);
            names.insert(index, table.name.clone());
        }
        let spools = Box::new(MemorySpools::default());
        let coordinator = Coordinator::new(charter.clone(), coordinator_key, limits(), spools);
        Ok(Self { coordinator, charter, sites, names, submission, numbers, seed })
    }
}

/// A generator of its own for each purpose, all from one seed.
pub(crate) fn rng_for(seed: u64, purpose: &str) -> ChaCha20Rng {
    let digest = Hasher::new(Tag::State).part("simulation").number(seed).part(purpose).finish();
    ChaCha20Rng::from_seed(*digest.as_bytes())
}

fn numbers(study: &Study, sites: usize) -> Result<Numbers, SimulationError> {
    if !(3..=MAX_HOLDERS).contains(&sites) {
        let reason = format!(
            "{sites} sites: a federation has 3 to {MAX_HOLDERS}; the sum of fewer hides nobody"
        );
        return Err(SimulationError::Sites(reason));
    }
    let aggregation = &study.manifest().aggregation;
    let corrupt =
        aggregation.corrupt.unwrap_or_else(|| default_corrupt(sites, aggregation.membership));
    let params = Parameters::new(sites, corrupt, 1)
        .map_err(|refusal| SimulationError::Sites(refusal.reason))?;
    let minimum = params.minimum(aggregation.minimum_sites);
    if usize::from(minimum) > sites {
        let reason = format!(
            "{sites} sites: the study opens no sum of fewer than {minimum}; lower minimum_sites, \
             or add sites"
        );
        return Err(SimulationError::Sites(reason));
    }
    let threshold = params.threshold();
    Ok(Numbers { sites: params.holders(), corrupt, threshold, minimum })
}

/// Scans every table before anything starts, and puts a gate before it.
fn register(study: &Study, tables: &[SiteTable]) -> Result<Vec<Gate>, SimulationError> {
    let name = study.manifest().data.as_ref().map(|data| data.dataset.clone());
    let gate = |table: &SiteTable| {
        let sources =
            name.iter().map(|name| Source { name: name.clone(), path: table.path.clone() });
        let (catalog, authority) = Catalog::new(&table.name, sources)?;
        if let Some(data) = &study.manifest().data {
            let set = catalog.data_set(&data.dataset)?;
            data.columns().try_for_each(|column| set.column(column).map(drop))?;
        }
        Ok(Gate::new(catalog, authority, Policy::laboratory()))
    };
    tables.iter().map(gate).collect()
}

fn charter(
    tables: &[SiteTable],
    keys: &[Arc<SigningKey>],
    coordinator: &SigningKey,
    numbers: Numbers,
) -> Result<RatifiedCharter, SimulationError> {
    let indices = (1..).filter_map(SiteIndex::new);
    let sites = indices.zip(tables).zip(keys).map(|((index, table), key)| CharterSite {
        index,
        name: table.name.clone(),
        key: key.public(),
    });
    let Numbers { sites: n, corrupt, .. } = numbers;
    let charter = Charter::new(CharterFields {
        federation: "simulation".into(),
        version: 1,
        previous: None,
        sites: sites.collect(),
        next_index: n + 1,
        coordinator: coordinator.public(),
        corrupt,
        quorum: (n + corrupt) / 2 + 1,
        policy: FederationPolicy { minimum_sites: corrupt + 3 },
    })?;
    let consents = charter.fields().sites.iter().zip(keys).map(|(site, key)| CharterConsent {
        site: site.index,
        signature: key.sign(&consent_digest(&charter, site.index)),
    });
    let consents = consents.collect();
    Ok(RatifiedCharter::found(charter, consents)?)
}

/// The researcher of a simulation, vouched for by the first site.
fn submission(
    study: &Study,
    charter: &RatifiedCharter,
    keys: &[Arc<SigningKey>],
    seed: u64,
) -> Result<Submission, SimulationError> {
    let researcher = SigningKey::generate(&mut rng_for(seed, "researcher"));
    let home = charter.sites().first().zip(keys.first());
    let Some((site, home)) = home else {
        return Err(SimulationError::Sites("there are no sites".into()));
    };
    let credential = Credential::issue(
        CredentialFields {
            name: "simulated researcher".into(),
            role: "researcher".into(),
            department: "laboratory".into(),
            clearance: "none".into(),
            expires: u64::MAX,
            federation: charter.federation().to_owned(),
            home: site.index,
            researcher: researcher.public(),
        },
        home,
    )?;
    Ok(Submission::sign(study.digest(), credential, &researcher))
}
