//! The coordinator of a test: started, killed, started again in its folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ripieno_coordinator::{Config, Observer, Server, StartError};
use ripieno_rpc::operator_service_client::OperatorServiceClient;
use ripieno_rpc::{
    OperatorSite, OperatorStatusRequest, OperatorStatusResponse, ProposeCharterRequest,
    RevokeRequest, RevokeResponse, SitesRequest,
};
use tokio::time::sleep;
use tonic::transport::Channel;

use crate::logs::Logs;
use crate::process::Process;
use crate::running::{Hosted, Kind, Running};
use crate::unit;
use crate::wait::{PACE, until};

/// The unit that is shipped.
const UNIT: &str = include_str!("../../coordinator/ripieno-coordinator.service");

/// How long a daemon may take until it answers.
pub(crate) const START: Duration = Duration::from_secs(30);

/// A coordinator in its folder, running or not.
pub struct Coordinator {
    pub(crate) kind: Kind,
    pub(crate) program: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) running: Option<Running>,
    /// What its processes printed, all one after the other.
    pub logs: Logs,
}

/// What is special about a start.
#[derive(Clone, Default)]
pub struct Special {
    /// Arguments of a process besides the usual ones.
    pub arguments: Vec<String>,
    /// Whether its disk can be filled, where it is a process.
    pub scarce: bool,
    /// Looks on, where the coordinator is in this process.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Coordinator {
    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Another program from now on.
    pub(crate) fn replace(&mut self, program: PathBuf) {
        self.program = program;
    }

    /// Starts it, and says where it listens.
    ///
    /// # Errors
    /// Where it ends before it answers.
    pub(crate) async fn start(&mut self, special: Special) -> Result<SocketAddr, String> {
        assert!(self.running.is_none(), "the coordinator runs already");
        match self.kind {
            Kind::InProcess => {
                let (hosted, address) = self.host(special.observer).await?;
                self.running = Some(Running::InProcess(hosted));
                Ok(address)
            }
            Kind::Processes => {
                let mut command = match special.scarce {
                    true => scarce(&self.program),
                    false => Command::new(&self.program),
                };
                command.arg("serve").arg("--dir").arg(&self.dir).args(special.arguments);
                command.envs(unit::environment(UNIT));
                self.running = Some(Running::Process(Process::start(&mut command, &self.logs)));
                let status = self.answers().await?;
                status.listens.parse().map_err(|_| format!("it listens at {:?}", status.listens))
            }
        }
    }

    async fn host(
        &self,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<(Hosted, SocketAddr), String> {
        let dir = self.dir.clone();
        let start = move || async move {
            let config = Config::load(dir).map_err(|error| error.to_string())?;
            let started = match observer {
                Some(observer) => Server::start_observed(config, observer).await,
                None => Server::start(config).await,
            };
            started.map_err(|error: StartError| error.to_string())
        };
        let stop = |server: Server| async move {
            // A coordinator that a test has ended from within has nothing to say.
            let _ = server.shutdown().await;
        };
        Hosted::start(2, start, Server::address, stop).await
    }

    /// Waits until it answers its operator, or has ended.
    async fn answers(&mut self) -> Result<OperatorStatusResponse, String> {
        let (dir, logs) = (self.dir.clone(), self.logs.clone());
        until(START, "the coordinator", || {
            let ended = self.has_ended();
            let (dir, logs) = (&dir, &logs);
            async move {
                if ended {
                    return Ok(Err(format!("it has ended:\n{}", logs.text())));
                }
                let mut client = operator(dir).await?;
                let status = client.status(OperatorStatusRequest {}).await;
                let status = status.map_err(|status| format!("{status}\n{}", logs.text()))?;
                Ok(Ok(status.into_inner()))
            }
        })
        .await
    }

    /// From now on its disk takes nothing more.
    ///
    /// # Panics
    /// Where it is no process.
    pub fn fill_disk(&self) {
        match &self.running {
            Some(Running::Process(process)) => process.forbid_files(),
            _ => panic!("the coordinator is no process"),
        }
    }

    /// The number of its process.
    ///
    /// # Panics
    /// Where it does not run.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }

    /// Ends it as a crash would.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill().await;
        }
    }

    /// Tells it to end, and waits until it has.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Waits, for as long as it takes, until its process has ended by itself.
    pub async fn ended(&mut self) {
        while !self.has_ended() {
            sleep(PACE).await;
        }
    }

    /// Whether its process has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        match &mut self.running {
            Some(Running::Process(process)) => process.ended().is_some(),
            _ => false,
        }
    }

    /// What its operator can call.
    ///
    /// # Panics
    /// Where it does not run.
    pub async fn operator(&self) -> OperatorServiceClient<Channel> {
        operator(&self.dir).await.unwrap_or_else(|error| panic!("{error}\n{}", self.logs.text()))
    }

    /// Where it stands.
    pub async fn status(&self) -> OperatorStatusResponse {
        let status = self.operator().await.status(OperatorStatusRequest {}).await;
        status.expect("it answers its operator").into_inner()
    }

    /// The sites, as it shows them to its operator.
    pub async fn sites(&self) -> Vec<OperatorSite> {
        let sites = self.operator().await.sites(SitesRequest {}).await;
        sites.expect("it answers its operator").into_inner().sites
    }

    /// Proposes the next charter, of the sites that there are, with this quorum: the encoded
    /// charter.
    pub async fn propose(&self, quorum: u32) -> bytes::Bytes {
        let quorum = Some(quorum);
        let request = ProposeCharterRequest { quorum, ..ProposeCharterRequest::default() };
        let proposed = self.operator().await.propose_charter(request).await;
        proposed.expect("it answers its operator").into_inner().proposed
    }

    /// Revokes a site.
    pub async fn revoke(&self, site: &str, reason: &str) -> RevokeResponse {
        let request = RevokeRequest { site: site.into(), reason: reason.into(), corrupt: None };
        let revoked = self.operator().await.revoke(request).await;
        revoked.expect("it answers its operator").into_inner()
    }
}

/// A program that is not ended by the signal for a file that is too large.
fn scarce(program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg("trap '' XFSZ; exec \"$0\" \"$@\"").arg(program);
    command
}

async fn operator(dir: &Path) -> Result<OperatorServiceClient<Channel>, String> {
    let channel = ripieno_rpc::local::connect(&dir.join("operator.sock")).await;
    channel.map(OperatorServiceClient::new).map_err(|error| error.to_string())
}
