//! A site of a test: started, killed, started again in its folder, behind a line that can be cut.

use std::path::{Path, PathBuf};
use std::process::Command;

use ripieno_client::{Config, Daemon};
use ripieno_rpc::Keepalive;
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::steward_service_client::StewardServiceClient;
use ripieno_rpc::{
    DecideStudyRequest, ShowStudyRequest, ShowStudyResponse, SignCharterRequest,
    SiteCharterRequest, SiteCharterResponse, StewardStatusRequest, StewardStatusResponse,
    StewardStudiesRequest, StewardStudy, VouchRequest,
};
use ripieno_study::Digest;
use ripieno_transport::client::{ClientTls, Connector, Deadlines, ProxySettings};
use ripieno_transport::{TlsIdentity, TrustedAuthorities};
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::coordinator::START;
use crate::logs::Logs;
use crate::process::Process;
use crate::relay::Relay;
use crate::running::{Hosted, Kind, Running};
use crate::unit;
use crate::wait::until;

/// The unit that is shipped.
const UNIT: &str = include_str!("../../client/ripieno-site.service");

/// Who decides at sites.
pub const STEWARD: &str = "steward";

/// A site in its folder, running or not.
pub struct Site {
    pub(crate) kind: Kind,
    pub(crate) program: PathBuf,
    pub(crate) dir: PathBuf,
    /// Its name.
    pub name: String,
    /// The line to the coordinator.
    pub relay: Relay,
    pub(crate) running: Option<Running>,
    /// What its processes printed, all one after the other.
    pub logs: Logs,
}

impl Site {
    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts it, and waits until it answers its steward.
    pub async fn start(&mut self) {
        assert!(self.running.is_none(), "{} runs already", self.name);
        self.running = Some(match self.kind {
            Kind::InProcess => Running::InProcess(self.host().await),
            Kind::Processes => {
                let mut command = Command::new(&self.program);
                command.arg("run").arg("--dir").arg(&self.dir).envs(unit::environment(UNIT));
                Running::Process(Process::start(&mut command, &self.logs))
            }
        });
        let (dir, logs) = (self.dir.clone(), self.logs.clone());
        until(START, "a site", || async {
            let mut client = steward(&dir).await?;
            let status = client.status(StewardStatusRequest {}).await;
            status.map(drop).map_err(|status| format!("{status}\n{}", logs.text()))
        })
        .await;
    }

    async fn host(&self) -> Hosted {
        let dir = self.dir.clone();
        let start = move || async move {
            let config = Config::load(dir).map_err(|error| error.to_string())?;
            Daemon::start(config).await.map_err(|failure| failure.text())
        };
        let stop = |daemon: Daemon| async move {
            if let Err(failure) = daemon.shutdown().await {
                eprintln!("a site does not end in order: {}", failure.text());
            }
        };
        match Hosted::start(2, start, |_| (), stop).await {
            Ok((hosted, ())) => hosted,
            Err(error) => panic!("{} does not start: {error}", self.name),
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

    /// Kills it, and starts it again.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.start().await;
    }

    /// What its people can call.
    ///
    /// # Panics
    /// Where it does not run.
    pub async fn steward(&self) -> StewardServiceClient<Channel> {
        steward(&self.dir).await.unwrap_or_else(|error| panic!("{error}\n{}", self.logs.text()))
    }

    /// Where it stands.
    pub async fn status(&self) -> StewardStatusResponse {
        answer(self.steward().await.status(StewardStatusRequest {}).await)
    }

    /// The studies that it knows.
    pub async fn studies(&self) -> Vec<StewardStudy> {
        answer(self.steward().await.studies(StewardStudiesRequest {}).await).studies
    }

    /// A study, with the result where this site has computed it.
    pub async fn show(&self, study: &Digest) -> ShowStudyResponse {
        let request = ShowStudyRequest { study: study.to_string() };
        answer(self.steward().await.show_study(request).await)
    }

    /// Waits until a study waits for the steward, and decides it.
    pub async fn decide(&self, study: &Digest, decision: &str) {
        until(START, "a study to decide", || async {
            let known = self.studies().await;
            let pending = known.iter().find(|s| s.study[..] == study.as_bytes()[..]);
            match pending {
                Some(study) if study.status == "pending" => Ok(()),
                Some(study) => Err(format!("it is {}", study.status)),
                None => Err(format!("{} does not know it", self.name)),
            }
        })
        .await;
        let request = DecideStudyRequest {
            study: study.to_string(),
            decision: decision.into(),
            steward: STEWARD.into(),
            reason: "as agreed".into(),
        };
        answer(self.steward().await.decide_study(request).await);
    }

    /// The charters that it holds.
    pub async fn charter(&self) -> SiteCharterResponse {
        answer(self.steward().await.show_charter(SiteCharterRequest {}).await)
    }

    /// Signs the charter with these words, and says which version it is.
    ///
    /// # Errors
    /// What the site says.
    pub async fn sign(&self, words: &str) -> Result<u32, Status> {
        let request = SignCharterRequest { words: words.into(), steward: STEWARD.into() };
        let signed = self.steward().await.sign_charter(request).await;
        signed.map(|response| response.into_inner().version)
    }

    /// Vouches for a researcher: the encoded credential.
    pub async fn vouch(&self, researcher: &[u8; 32]) -> bytes::Bytes {
        let request = VouchRequest {
            name: "a researcher".into(),
            role: "researcher".into(),
            department: "statistics".into(),
            clearance: "none".into(),
            researcher: researcher.to_vec().into(),
            days: 30,
            steward: STEWARD.into(),
        };
        answer(self.steward().await.vouch(request).await).credential
    }

    /// Calls in the site's name: with its certificate, over its line.
    ///
    /// # Panics
    /// Where it has none.
    #[must_use]
    pub fn calls(&self) -> SiteServiceClient<Channel> {
        let trusted = TrustedAuthorities::load(&self.dir.join("authorities.pem"));
        let identity = TlsIdentity::load(&self.dir.join("connection.pem")).expect("a certificate");
        let tls = ClientTls::new(&trusted.expect("authorities"), Some(&identity));
        let (tls, target) = (tls.expect("a certificate"), self.relay.address());
        let target = target.parse().expect("an address");
        let connector = Connector::new(target, tls, ProxySettings::none(), Deadlines::default());
        let connector = connector.expect("an address that a certificate can be for");
        SiteServiceClient::new(ripieno_rpc::channel(connector, Keepalive::default()))
    }
}

async fn steward(dir: &Path) -> Result<StewardServiceClient<Channel>, String> {
    let channel = ripieno_rpc::local::connect(&dir.join("site.sock")).await;
    let client = channel.map(StewardServiceClient::new).map_err(|error| error.to_string())?;
    Ok(client.max_decoding_message_size(64 << 20))
}

#[track_caller]
fn answer<T>(response: Result<Response<T>, Status>) -> T {
    match response {
        Ok(response) => response.into_inner(),
        Err(status) => panic!("a site refuses what its steward asks: {status}"),
    }
}
