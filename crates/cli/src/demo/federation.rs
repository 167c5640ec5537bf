//! A federation of processes on this machine, from an empty folder to a charter in force.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use ripieno_rpc::local::connect;
use ripieno_rpc::operator_service_client::OperatorServiceClient;
use ripieno_rpc::{OperatorSite, SitesRequest};
use ripieno_terminal::{Exit, Failure};
use serde_json::Value;
use tonic::transport::Channel;

use super::hospitals::{DENIED, FEATURES, Hospital, OUTCOME};
use super::process::{Daemon, Program};
use super::wait::until;

/// The data set's name at every hospital.
pub(super) const DATA_SET: &str = "tumours";
/// The federation's name.
pub(super) const NAME: &str = "four hospitals";
/// Added to the coordinator's configuration: a lost hospital has so long to come back.
const PHASES: &str = "\n[phases]\nrejoin_seconds = 20\n";

/// The processes, and where they are.
pub(super) struct Federation {
    pub(super) program: Program,
    pub(super) folder: PathBuf,
    pub(super) address: String,
    /// The authority's fingerprint and the coordinator's key, as `init` printed them.
    pub(super) authority: String,
    pub(super) key: String,
    pub(super) coordinator: Daemon,
    pub(super) sites: BTreeMap<String, Daemon>,
}

impl Federation {
    /// Makes and starts a coordinator.
    pub(super) async fn start(program: Program, folder: &Path) -> Result<Self, Failure> {
        let address = free_address()?;
        let dir = folder.join("coordinator");
        let made = program
            .json(&[
                "coordinator",
                "init",
                "--dir",
                text(&dir)?,
                "--federation",
                NAME,
                "--listen",
                &address,
                "--address",
                &address,
            ])
            .await?;
        let config = dir.join("coordinator.toml");
        let written = fs::read_to_string(&config).map_err(Failure::output)? + PHASES;
        fs::write(&config, written).map_err(Failure::output)?;
        let log = folder.join("coordinator.log");
        let arguments = ["coordinator", "serve", "--dir", text(&dir)?];
        let mut coordinator = program.daemon("the coordinator", &arguments, &log)?;
        let socket = dir.join("operator.sock");
        until("the coordinator answers", async || {
            coordinator.check()?;
            Ok(connect(&socket).await.ok())
        })
        .await?;
        Ok(Self {
            program,
            folder: folder.to_owned(),
            address,
            authority: string(&made, "authority")?,
            key: string(&made, "key")?,
            coordinator,
            sites: BTreeMap::new(),
        })
    }

    /// Where the coordinator's files are.
    pub(super) fn coordinator_dir(&self) -> PathBuf {
        self.folder.join("coordinator")
    }

    /// Where a hospital's files are.
    pub(super) fn site_dir(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command of a hospital, in its folder.
    pub(super) async fn at_site(
        &self,
        name: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<Value, Failure> {
        let dir = self.site_dir(name);
        let words = [&["site"], arguments, &["--dir", text(&dir)?]].concat();
        self.program.json_with(&words, input).await
    }

    /// Invites a hospital, which makes its folder, registers its table, writes its policy, enrols,
    /// and starts.
    pub(super) async fn enrol(&mut self, hospital: &Hospital) -> Result<(), Failure> {
        let name = hospital.name;
        let dir = self.site_dir(name);
        let table = self.folder.join("tables").join(format!("{name}.csv"));
        let coordinator = self.coordinator_dir();
        let invite = ["coordinator", "invite", name, "--dir", text(&coordinator)?];
        let invitation = string(&self.program.json(&invite).await?, "invitation")?;
        self.at_site(name, &["init", "--name", name], "").await?;
        fs::write(dir.join("policy.toml"), policy()).map_err(Failure::output)?;
        self.at_site(name, &["data", "add", DATA_SET, text(&table)?], "").await?;
        // The steward looks at the suggested classes, here by the program that plays all four.
        self.at_site(name, &["data", "classify", DATA_SET, "--confirm"], "").await?;
        self.at_site(name, &["enroll"], &invitation).await?;
        self.run_site(name)
    }

    /// Starts a hospital's daemon.
    pub(super) fn run_site(&mut self, name: &str) -> Result<(), Failure> {
        let dir = self.site_dir(name);
        let log = self.folder.join(format!("{name}.log"));
        let daemon = self.program.daemon(name, &["site", "run", "--dir", text(&dir)?], &log)?;
        self.sites.insert(name.to_owned(), daemon);
        Ok(())
    }

    /// Has the charter proposed, compared and signed; its words.
    pub(super) async fn ratify(&mut self) -> Result<Vec<String>, Failure> {
        self.until_sites("all hospitals are connected", |site| site.present).await?;
        let dir = self.coordinator_dir();
        let propose = ["coordinator", "charter", "propose", "--corrupt", "0", "--dir", text(&dir)?];
        let proposed = words(&self.program.json(&propose).await?);
        for name in self.names() {
            let shown = until("the proposal is at every hospital", async || {
                let shown = self.at_site(&name, &["charter", "show"], "").await?;
                Ok(Some(words(&shown["proposed"])).filter(|words| !words.is_empty()))
            })
            .await?;
            // The stewards compare them, here by the program that plays all four.
            if shown != proposed || shown.len() != 24 {
                return Err(internal(format!("{name} was shown another charter")));
            }
            self.at_site(&name, &["charter", "sign"], &shown.join(" ")).await?;
        }
        self.until_sites("the charter is in force", |site| site.charter_version == 1).await?;
        Ok(proposed)
    }

    /// Waits until something is true of every hospital.
    pub(super) async fn until_sites(
        &mut self,
        what: &str,
        is: impl Fn(&OperatorSite) -> bool,
    ) -> Result<(), Failure> {
        let all = self.sites.len();
        let mut office = self.office().await?;
        until(what, async || {
            self.check()?;
            let sites = office.sites(SitesRequest {}).await.map_err(internal)?.into_inner().sites;
            Ok((sites.iter().filter(|site| is(site)).count() == all).then_some(()))
        })
        .await
    }

    /// The most memory of the coordinator, and of the largest hospital, in bytes.
    pub(super) fn peaks(&self) -> (Option<u64>, Option<u64>) {
        (self.coordinator.peak(), self.sites.values().filter_map(Daemon::peak).max())
    }

    /// Ends all processes in order.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        for daemon in self.sites.into_values().chain([self.coordinator]) {
            daemon.stop().await?;
        }
        Ok(())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.sites.keys().cloned().collect()
    }

    async fn office(&self) -> Result<OperatorServiceClient<Channel>, Failure> {
        let socket = self.coordinator_dir().join("operator.sock");
        Ok(OperatorServiceClient::new(connect(&socket).await.map_err(internal)?))
    }

    /// Says which process has ended that should run.
    fn check(&mut self) -> Result<(), Failure> {
        self.sites.values_mut().chain([&mut self.coordinator]).try_for_each(Daemon::check)
    }
}

/// What every hospital allows: every column but those that name people, and its steward is asked.
fn policy() -> String {
    let list = |names: &[&str]| {
        names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
    };
    format!(
        "[[dataset]]\nname = \"{DATA_SET}\"\ncolumns = [{}]\ndenied_columns = [{}]\npurposes = \
         [\"research\"]\nanalyses = [\"glm\"]\nroles = [\"statistician\"]\nmembership = \
         [\"fixed\", \"may-change\"]\non_match = \"ask\"\n",
        list(&[&[OUTCOME], FEATURES.as_slice()].concat()),
        list(&DENIED)
    )
}

/// An address of this machine on which nobody listens.
fn free_address() -> Result<String, Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    let bound = bound.context("no port of this machine is free");
    Ok(bound.map_err(|error| Failure::new(Exit::Internal, error))?.to_string())
}

fn words(charter: &Value) -> Vec<String> {
    let words = charter["words"].as_array().into_iter().flatten();
    words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

/// A text of what a command printed.
pub(super) fn string(value: &Value, key: &str) -> Result<String, Failure> {
    let text = value[key].as_str().map(str::to_owned);
    text.ok_or_else(|| internal(format!("a command printed no {key:?}")))
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| internal(format!("{} is not in UTF-8", path.display())))
}

pub(super) fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Internal, anyhow!("{error}"))
        .next("please report this, with what was printed")
}
