//! The coordinator under attack.

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ripieno_coordinator::{Folder, Settings, init};
use ripieno_rpc::operator_service_client::OperatorServiceClient;
use ripieno_rpc::{InviteRequest, OperatorStatusRequest, local};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, ProxySettings};
use ripieno_transport::{TlsIdentity, TrustedAuthorities};
use ripieno_wire::Invitation;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;

/// Far more than any of these tests needs: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often something is looked at that nothing announces.
const PACE: Duration = Duration::from_millis(10);

/// Waits for something that must happen.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it happens in time")
}

/// Looks until there is something to see.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    in_time(async {
        loop {
            match look().await {
                Some(seen) => return seen,
                None => sleep(PACE).await,
            }
        }
    })
    .await
}

/// A coordinator in a process, which ends with the test.
pub(crate) struct Server {
    dir: TempDir,
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// One that waits for a second or two where others wait for fifteen.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listen = ([127, 0, 0, 1], 0).into();
        let mut settings = Settings::new("North".into(), listen, vec!["127.0.0.1:1".into()]);
        settings.connections.handshake_seconds = 2;
        settings.connections.idle_seconds = 2;
        settings.connections.stall_seconds = 2;
        settings.connections.request_seconds = 3;
        change(&mut settings);
        let folder = dir.path().join("hub");
        init(&Folder::at(&folder), &settings).await.unwrap();
        let program = env!("CARGO_BIN_EXE_ripieno-coordinator");
        let mut command = Command::new(program);
        command.arg("serve").arg("--dir").arg(&folder).env("RIPIENO_LOG", "info");
        // A file needs nobody who reads on.
        let log = fs::File::create(dir.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().unwrap();
        let mut server = Self { dir, process, address: listen };
        server.address = until(|| server.listens()).await;
        server
    }

    /// Where it listens, once it answers its operator.
    async fn listens(&self) -> Option<SocketAddr> {
        let mut operator = OperatorServiceClient::new(self.socket().await?);
        let status = operator.status(OperatorStatusRequest {}).await.ok()?;
        status.into_inner().listens.parse().ok()
    }

    async fn socket(&self) -> Option<Channel> {
        local::connect(&self.folder().join("operator.sock")).await.ok()
    }

    pub(crate) async fn operator(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(in_time(self.socket()).await.unwrap())
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("hub")
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    pub(crate) fn trusted(&self) -> TrustedAuthorities {
        TrustedAuthorities::load(&self.folder().join("authority.pem")).unwrap()
    }

    /// Connects to it, as who has this certificate.
    pub(crate) fn connector(&self, shown: Option<&TlsIdentity>) -> Connector {
        self.connector_to(self.address, shown)
    }

    /// The same over another address.
    pub(crate) fn connector_to(
        &self,
        address: SocketAddr,
        shown: Option<&TlsIdentity>,
    ) -> Connector {
        let tls = ClientTls::new(&self.trusted(), shown).unwrap();
        let target = address.to_string().parse().unwrap();
        Connector::new(target, tls, ProxySettings::none(), Deadlines::default()).unwrap()
    }

    pub(crate) async fn invite(&self, site: &str) -> Invitation {
        let request = InviteRequest { site: site.into(), hours: 1 };
        let made = in_time(self.operator().await.invite(request)).await.unwrap().into_inner();
        Invitation::from_text(&made.invitation).unwrap()
    }

    /// What its memory held at most so far, and what it holds now, in KiB.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let path = format!("/proc/{}/status", self.process.id());
        let text = fs::read_to_string(path).unwrap();
        let field = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        (field("VmHWM:"), field("VmRSS:"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
