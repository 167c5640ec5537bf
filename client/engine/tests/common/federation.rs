//! Keys, charter, tables and parties, all from fixed seeds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, SeedableRng};
use ripieno_access::{Gate, Policy};
use ripieno_audit::AuditLog;
use ripieno_catalog::{Catalog, Source};
use ripieno_client_engine::{ENTRIES_PER_SIGNATURE, Key, Site, SiteParts, StartError};
use ripieno_coordinator_engine::{Coordinator, Limits, Saved};
use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    Charter, CharterConsent, CharterFields, CharterSite, Credential, CredentialFields,
    FederationPolicy, RatifiedCharter, SigningKey, Submission,
};
use ripieno_secagg::ledger::Ledger;
use ripieno_secagg::witness::Witness;
use ripieno_study::{Digest, Hasher, SiteIndex, Study, Tag};
use tempfile::TempDir;

use super::crashes::{Crashes, TestSpools};
use super::network::Network;
use super::studies::{DATA_SET, write_table};
use super::tape::{Board, Fuse, Tape};

/// When the tests begin, in seconds since 1970.
pub(crate) const START: u64 = 1_700_000_000;

pub(crate) type TestSite = Site<Tape, Tape, ChaCha20Rng, Board>;

/// What a test chooses.
pub(crate) struct Settings {
    pub(crate) sites: u16,
    pub(crate) corrupt: u16,
    pub(crate) slots: u16,
    pub(crate) policy: Policy,
}

impl Settings {
    pub(crate) fn new(sites: u16, corrupt: u16) -> Self {
        Self { sites, corrupt, slots: 16, policy: Policy::laboratory() }
    }

    pub(crate) fn slots(self, slots: u16) -> Self {
        Self { slots, ..self }
    }

    pub(crate) fn policy(self, text: &str) -> Self {
        Self { policy: Policy::parse(text).expect("a policy"), ..self }
    }
}

/// The journals and the shelf of a site. A [`Fuse`] that they share fails them all at once.
#[derive(Clone, Default)]
pub(crate) struct Tapes {
    pub(crate) ledger: Tape,
    pub(crate) witness: Tape,
    pub(crate) audit: Tape,
    pub(crate) shelf: Board,
}

impl Tapes {
    fn new() -> Self {
        let fuse = Fuse::default();
        Self {
            ledger: Tape::new(&fuse),
            witness: Tape::new(&fuse),
            audit: Tape::new(&fuse),
            shelf: Board::new(&fuse),
        }
    }

    /// What ends the site's process in a test.
    pub(crate) fn fuse(&self) -> Fuse {
        self.shelf.fuse()
    }

    /// A copy of everything, as a backup has it.
    pub(crate) fn backup(&self) -> Backup {
        Backup {
            ledger: self.ledger.len(),
            witness: self.witness.len(),
            audit: self.audit.len(),
            shelf: self.shelf.saved(),
        }
    }

    /// The copy takes the place of everything.
    pub(crate) fn go_back(&self, backup: &Backup) {
        self.ledger.go_back(backup.ledger);
        self.witness.go_back(backup.witness);
        self.audit.go_back(backup.audit);
        self.shelf.go_back(&backup.shelf);
    }
}

/// What a site's disk held once: how much of each journal, and the shelf.
#[derive(Clone)]
pub(crate) struct Backup {
    pub(crate) ledger: usize,
    witness: usize,
    audit: usize,
    shelf: Vec<(Key, Vec<u8>)>,
}

/// All parties.
pub(crate) struct Federation {
    pub(crate) charter: RatifiedCharter,
    pub(crate) keys: BTreeMap<SiteIndex, Arc<SigningKey>>,
    pub(crate) sites: BTreeMap<SiteIndex, TestSite>,
    pub(crate) tapes: BTreeMap<SiteIndex, Tapes>,
    pub(crate) coordinator: Coordinator,
    /// What the coordinator has made durable.
    pub(crate) saved: Saved,
    /// Uploads outlive the coordinator.
    pub(crate) spools: TestSpools,
    pub(crate) crashes: Crashes,
    pub(crate) limits: Limits,
    pub(crate) network: Network,
    pub(crate) policy: Policy,
    restarts: u32,
    folder: TempDir,
}

impl Federation {
    /// A federation in which every site is there, before any study.
    pub(crate) fn new(settings: &Settings) -> Self {
        let indices = || (1..=settings.sites).filter_map(SiteIndex::new);
        let keys: BTreeMap<_, _> = indices().map(|i| (i, Arc::new(site_key(i)))).collect();
        let charter = charter(settings, &keys, &coordinator_key());
        let folder = tempfile::tempdir().expect("a folder for tables");
        let tapes: BTreeMap<_, _> = indices().map(|i| (i, Tapes::new())).collect();
        let limits = Limits {
            collect: Duration::from_secs(10),
            decide: Duration::from_secs(4),
            open: Duration::from_secs(4),
            void: Duration::from_secs(4),
            wait: Duration::from_secs(3600),
            slots: settings.slots,
            ..Limits::default()
        };
        let spools = TestSpools::default();
        let storage = Box::new(spools.clone());
        let key = coordinator_key();
        let mut federation = Self {
            coordinator: Coordinator::new(charter.clone(), key, limits.clone(), storage),
            saved: Saved::default(),
            spools,
            crashes: Crashes::default(),
            limits,
            charter,
            keys,
            sites: BTreeMap::new(),
            tapes,
            network: Network::default(),
            policy: settings.policy.clone(),
            restarts: 0,
            folder,
        };
        for index in indices() {
            write_table(&federation.table(index), index);
            let site = federation.make_site(index);
            federation.sites.insert(index, site);
        }
        federation
    }

    /// A site's process ends, and another begins with what journals and shelf hold. It says nothing
    /// yet.
    pub(crate) fn restart(&mut self, index: SiteIndex) {
        self.restarts += 1;
        self.tapes[&index].fuse().mend();
        let site = self.make_site(index);
        self.sites.insert(index, site);
    }

    /// The file of a site's table.
    pub(crate) fn table(&self, site: SiteIndex) -> PathBuf {
        self.folder.path().join(format!("{}.csv", name(site)))
    }

    /// A researcher's submission, vouched for by the first site.
    pub(crate) fn submission(&self, text: &str) -> Submission {
        let study = Study::parse(text).expect("a study").digest();
        self.submission_until(study, u64::MAX)
    }

    /// The same with a credential that ends at `expires`.
    pub(crate) fn submission_until(&self, study: Digest, expires: u64) -> Submission {
        let researcher = key("researcher");
        let home = SiteIndex::new(1).expect("1 is an index");
        let credential = Credential::issue(
            CredentialFields {
                name: "Ada".into(),
                role: "researcher".into(),
                department: "statistics".into(),
                clearance: "none".into(),
                expires,
                federation: self.charter.federation().to_owned(),
                home,
                researcher: researcher.public(),
            },
            &self.keys[&home],
        );
        Submission::sign(study, credential.expect("a credential"), &researcher)
    }

    fn make_site(&self, index: SiteIndex) -> TestSite {
        self.make_site_with(index, self.tapes[&index].clone(), self.secrets(index))
    }

    /// A gate to a site's table as it is now.
    pub(crate) fn gate(&self, index: SiteIndex, policy: Policy) -> Gate {
        let source = Source { name: DATA_SET.into(), path: self.table(index) };
        let (catalog, authority) = Catalog::new(&name(index), [source]).expect("a table");
        Gate::new(catalog, authority, policy)
    }

    /// A site of the charter with other journals, or other secrets.
    pub(crate) fn make_site_with<R: CryptoRng>(
        &self,
        index: SiteIndex,
        tapes: Tapes,
        rng: R,
    ) -> Site<Tape, Tape, R, Board> {
        self.try_make_site(index, tapes, rng).expect("the charter lists the site")
    }

    /// The same where the site may not start.
    pub(crate) fn try_make_site<R: CryptoRng>(
        &self,
        index: SiteIndex,
        tapes: Tapes,
        rng: R,
    ) -> Result<Site<Tape, Tape, R, Board>, StartError> {
        let (ledger, witness) = (tapes.ledger.records(), tapes.witness.records());
        let key = self.keys[&index].clone();
        let audit = AuditLog::open(tapes.audit, key.clone(), ENTRIES_PER_SIGNATURE);
        let parts = SiteParts {
            index,
            key,
            charter: self.charter.clone(),
            gate: self.gate(index, self.policy.clone()),
            ledger: Ledger::open(tapes.ledger, &ledger).expect("a ledger"),
            witness: Witness::open(tapes.witness, &witness).expect("a witness"),
            audit: audit.expect("a log"),
            saved: tapes.shelf.saved(),
            shelf: tapes.shelf,
            rng,
        };
        Site::new(parts)
    }

    /// The charter after the one in force, with a change, signed by all of its sites.
    pub(crate) fn successor(&self, change: impl FnOnce(&mut CharterFields)) -> RatifiedCharter {
        let current = self.charter.charter().fields();
        let (version, previous) = (current.version + 1, Some(self.charter.digest()));
        let mut fields = CharterFields { version, previous, ..current.clone() };
        change(&mut fields);
        let next = Charter::new(fields).expect("a charter");
        let consents = self.charter.sites().iter().map(|listed| CharterConsent {
            site: listed.index,
            signature: self.keys[&listed.index].sign(&consent_digest(&next, listed.index)),
        });
        let consents = consents.collect();
        self.charter.succeed(next, consents).expect("every site consents")
    }

    /// The charter after another one, unchanged, signed by all of its sites.
    pub(crate) fn successor_of(&self, current: &RatifiedCharter) -> RatifiedCharter {
        let fields = current.charter().fields();
        let (version, previous) = (fields.version + 1, Some(current.digest()));
        let next = Charter::new(CharterFields { version, previous, ..fields.clone() });
        let next = next.expect("a charter");
        let consents = current.sites().iter().map(|listed| CharterConsent {
            site: listed.index,
            signature: self.keys[&listed.index].sign(&consent_digest(&next, listed.index)),
        });
        let consents = consents.collect();
        current.succeed(next, consents).expect("every site consents")
    }

    /// Where a site's secrets come from: others after every restart.
    pub(crate) fn secrets(&self, index: SiteIndex) -> ChaCha20Rng {
        self.secrets_after(index, self.restarts)
    }

    /// Where they came from after so many restarts of whatever site.
    pub(crate) fn secrets_after(&self, index: SiteIndex, restarts: u32) -> ChaCha20Rng {
        rng(&format!("secrets of {}, {restarts} restarts", name(index)))
    }

    /// How often a site was restarted.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }
}

/// The coordinator's key: a test that plays a lying coordinator signs with it too.
pub(crate) fn coordinator_key() -> SigningKey {
    key("coordinator")
}

/// A key, the same for the same name.
pub(crate) fn key(name: &str) -> SigningKey {
    SigningKey::generate(&mut rng(name))
}

/// A generator, the same for the same purpose.
pub(crate) fn rng(purpose: &str) -> ChaCha20Rng {
    let digest = Hasher::new(Tag::State).part("test").part(purpose).finish();
    ChaCha20Rng::from_seed(*digest.as_bytes())
}

fn name(site: SiteIndex) -> String {
    format!("site-{:02}", site.get())
}

fn site_key(site: SiteIndex) -> SigningKey {
    key(&name(site))
}

fn charter(
    settings: &Settings,
    keys: &BTreeMap<SiteIndex, Arc<SigningKey>>,
    coordinator: &SigningKey,
) -> RatifiedCharter {
    let Settings { sites, corrupt, .. } = *settings;
    let listed = keys.iter().map(|(index, key)| CharterSite {
        index: *index,
        name: name(*index),
        key: key.public(),
    });
    let charter = Charter::new(CharterFields {
        federation: "test".into(),
        version: 1,
        previous: None,
        sites: listed.collect(),
        next_index: sites + 1,
        coordinator: coordinator.public(),
        corrupt,
        quorum: (sites + corrupt) / 2 + 1,
        policy: FederationPolicy { minimum_sites: corrupt + 3 },
    });
    let charter = charter.expect("a charter");
    let consents = keys.iter().map(|(site, key)| CharterConsent {
        site: *site,
        signature: key.sign(&consent_digest(&charter, *site)),
    });
    let consents = consents.collect();
    RatifiedCharter::found(charter, consents).expect("every site consents")
}
