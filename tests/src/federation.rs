//! A federation: a coordinator, sites, a researcher, each where its folder is.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::panicking;
use std::time::Duration;

use ripieno_study::Digest;
use tempfile::TempDir;

use crate::audits::{self, Owner};
use crate::coordinator::{Coordinator, Special};
use crate::logs::Logs;
use crate::relay::Relay;
use crate::researcher::Researcher;
use crate::running::Kind;
use crate::settings;
use crate::site::Site;
use crate::wait::until;

/// How long the sites may take until all are there.
const GATHER: Duration = Duration::from_secs(60);
/// Name of the coordinator's folder; short, for the paths of sockets are.
pub(crate) const COORDINATOR: &str = "c";

/// The programs under test.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The coordinator.
    pub coordinator: PathBuf,
    /// A site.
    pub site: PathBuf,
    /// A coordinator that lies.
    pub liar: PathBuf,
}

/// The programs of this package, from a test or a bench of it.
#[macro_export]
macro_rules! programs {
    () => {
        $crate::Programs {
            coordinator: env!("CARGO_BIN_EXE_coordinator-under-test").into(),
            site: env!("CARGO_BIN_EXE_site-under-test").into(),
            liar: env!("CARGO_BIN_EXE_lying-coordinator").into(),
        }
    };
}

/// A federation under a charter that all sites signed. What it started ends with it.
pub struct Federation {
    /// The coordinator.
    pub coordinator: Coordinator,
    /// The sites, by increasing index in the charter, from 1.
    pub sites: Vec<Site>,
    /// A researcher for whom the first site vouches, behind a line of its own.
    pub researcher: Researcher,
    pub(crate) door: Relay,
    pub(crate) programs: Programs,
    pub(crate) direct: bool,
    pub(crate) folder: TempDir,
}

impl Federation {
    /// Starts the coordinator, and leads all lines to it.
    pub async fn start_coordinator(&mut self) {
        self.start_specially(Special::default()).await;
    }

    /// Starts the coordinator in a special way.
    ///
    /// # Panics
    /// Where it ends before it answers.
    pub async fn start_specially(&mut self, special: Special) {
        let started = self.try_start(special).await;
        started.unwrap_or_else(|error| panic!("the coordinator does not start: {error}"));
    }

    /// Starts the coordinator in a special way.
    ///
    /// # Errors
    /// Where it ends before it answers.
    pub async fn try_start(&mut self, special: Special) -> Result<(), String> {
        let address = self.coordinator.start(special).await?;
        self.lead_to(address);
        Ok(())
    }

    /// The program that lies is the coordinator from its next start on.
    pub fn replace_coordinator_by_liar(&mut self) {
        self.coordinator.replace(self.programs.liar.clone());
    }

    /// Kills the coordinator, and starts it again.
    pub async fn restart_coordinator(&mut self) {
        self.coordinator.kill().await;
        self.start_coordinator().await;
    }

    /// The researcher takes over the list of authorities that the coordinator shows, and connects
    /// anew.
    pub async fn follow_authorities(&mut self) {
        let federation = self.coordinator.status().await.federation;
        let authorities = self.folder.path().join("researcher.pem");
        self.researcher.authorities(&federation).await.save(&authorities).expect("it is kept");
        self.researcher = self.researcher.at(&authorities, &self.door());
    }

    /// Where the researcher finds the coordinator.
    #[must_use]
    pub fn door(&self) -> String {
        self.door.address()
    }

    /// Starts everything that does not run.
    pub async fn start(&mut self) {
        if self.coordinator.running.is_none() {
            self.start_coordinator().await;
        }
        for site in self.sites.iter_mut().filter(|site| site.running.is_none()) {
            site.start().await;
        }
    }

    /// Tells everything to end, and waits until it has.
    pub async fn stop(&mut self) {
        for site in &mut self.sites {
            site.stop().await;
        }
        self.coordinator.stop().await;
    }

    /// Kills everything.
    pub async fn kill(&mut self) {
        self.coordinator.kill().await;
        for site in &mut self.sites {
            site.kill().await;
        }
    }

    /// Waits until these sites, by their places in `sites`, are there under the charter in force,
    /// and no others.
    pub async fn present(&self, places: &[usize]) {
        let mut expected: Vec<_> =
            places.iter().map(|place| self.sites[*place].name.clone()).collect();
        expected.sort();
        until(GATHER, "sites to be there", || async {
            let version = self.coordinator.status().await.charter_version;
            let sites = self.coordinator.sites().await;
            let there = |site: &&ripieno_rpc::OperatorSite| {
                site.present && site.standing == "member" && site.charter_version == version
            };
            let mut names: Vec<_> = sites.iter().filter(there).map(|s| s.name.clone()).collect();
            names.sort();
            if names == expected { Ok(()) } else { Err(format!("there are {names:?}")) }
        })
        .await;
    }

    /// Waits until all sites are there.
    pub async fn all_present(&self) {
        let all: Vec<_> = (0..self.sites.len()).collect();
        self.present(&all).await;
    }

    /// Approves a study at these sites, once it waits for their stewards.
    pub async fn approve(&self, study: &Digest, places: &[usize]) {
        for place in places {
            self.sites[*place].decide(study, "approve").await;
        }
    }

    /// Another federation with the same people and the same past: a copy of all folders. Nothing of
    /// it runs. This one must not run either.
    pub async fn copy(&self, kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder for a test");
        self.at_rest().await;
        copy_folder(self.folder.path(), folder.path());
        let mut sites = Vec::with_capacity(self.sites.len());
        for site in &self.sites {
            let name = site.dir.file_name().expect("a site's folder has a name");
            let copy = Site {
                kind,
                program: site.program.clone(),
                dir: folder.path().join(name),
                name: site.name.clone(),
                relay: Relay::start().await,
                running: None,
                logs: Logs::default(),
            };
            settings::set_coordinator(&copy.dir, &copy.relay.address());
            sites.push(copy);
        }
        let door = Relay::start().await;
        let coordinator = Coordinator {
            kind,
            program: self.programs.coordinator.clone(),
            dir: folder.path().join(COORDINATOR),
            running: None,
            logs: Logs::default(),
        };
        let researcher =
            self.researcher.at(&coordinator.dir.join("authority.pem"), &door.address());
        let (programs, direct) = (self.programs.clone(), self.direct);
        Self { coordinator, sites, researcher, door, programs, direct, folder }
    }

    /// Verifies all audit logs, and that each goes on from what it was in `before`. Gives what they
    /// are now.
    pub fn verify_audits(&self, before: &[audits::Log]) -> Vec<audits::Log> {
        let sites = self.sites.iter().map(|site| Owner {
            name: site.name.clone(),
            key: site.dir.join("site.key"),
            log: site.dir.join("audit.log"),
        });
        let coordinator = Owner {
            name: "the coordinator".into(),
            key: self.coordinator.dir.join("coordinator.key"),
            log: self.coordinator.dir.join("audit.log"),
        };
        let logs: Vec<_> = sites.chain([coordinator]).map(|owner| audits::verify(&owner)).collect();
        for log in before {
            let now = logs.iter().find(|now| now.owner == log.owner).expect("it had a log");
            assert!(
                now.goes_on_from(log),
                "the audit log of {} was cut off or rewritten",
                log.owner
            );
        }
        logs
    }

    /// The digest of the charter in force, as the first site holds it.
    pub async fn charter(&self) -> Digest {
        let charter = self.sites[0].charter().await.in_force.expect("a charter in force");
        ripieno_wire::membership::decode_ratified(charter).expect("a charter").0.digest()
    }

    /// Waits until the coordinator's database is closed: then it is one file.
    async fn at_rest(&self) {
        let log = self.coordinator.dir.join("coordinator.db-wal");
        until(GATHER, "a closed database", || {
            let closed = !log.exists();
            async move { if closed { Ok(()) } else { Err("it is open".to_owned()) } }
        })
        .await;
    }

    fn lead_to(&self, address: SocketAddr) {
        self.door.lead_to(address);
        for site in &self.sites {
            site.relay.lead_to(address);
            if self.direct {
                settings::set_coordinator(&site.dir, &format!("127.0.0.1:{}", address.port()));
            }
        }
    }
}

impl Drop for Federation {
    fn drop(&mut self) {
        if !panicking() {
            return;
        }
        eprintln!("---- the coordinator\n{}", self.coordinator.logs.text());
        for site in &self.sites {
            eprintln!("---- {}\n{}", site.name, site.logs.text());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder of the test").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a file of the test");
        if kind.is_dir() {
            fs::create_dir(&target).expect("a new folder");
            copy_folder(&path, &target);
            let mode = fs::metadata(&path).expect("it was just read").permissions();
            fs::set_permissions(&target, mode).expect("an own folder");
        } else if kind.is_file() {
            fs::copy(&path, &target).expect("a copy of a file");
        }
    }
}
