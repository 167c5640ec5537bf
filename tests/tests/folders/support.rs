//! Folders as they are, and daemons that start in them or do not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ripieno_client::{Config, Daemon};
use ripieno_rpc::StewardStatusRequest;
use ripieno_rpc::steward_service_client::StewardServiceClient;
use tokio::time::timeout;

/// A daemon that neither starts nor refuses within it hangs.
const START: Duration = Duration::from_secs(30);

/// Every file of a folder by its name, those of folders in it with theirs.
pub(crate) type Contents = BTreeMap<String, Vec<u8>>;

/// What a folder holds, but the socket.
pub(crate) fn contents(dir: &Path) -> Contents {
    let mut found = Contents::new();
    add(dir, "", &mut found);
    found
}

fn add(dir: &Path, before: &str, found: &mut Contents) {
    for entry in fs::read_dir(dir).expect("a folder of the test").flatten() {
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().expect("a file of the test");
        if kind.is_dir() {
            add(&entry.path(), &format!("{name}/"), found);
        } else if kind.is_file() {
            found.insert(name, fs::read(entry.path()).expect("a file of the test"));
        }
    }
}

/// Starts a daemon in a folder, and ends it again: its alarms, or why it does not start.
pub(crate) async fn start(dir: &Path) -> Result<Vec<String>, String> {
    let config = Config::load(dir).map_err(|error| error.to_string())?;
    let started = timeout(START, Daemon::start(config)).await.expect("it starts, or says no");
    let daemon = started.map_err(|failure| failure.text())?;
    let socket = ripieno_rpc::local::connect(daemon.steward_socket()).await;
    let mut steward = StewardServiceClient::new(socket.expect("a socket"));
    let status = steward.status(StewardStatusRequest {}).await.expect("a status").into_inner();
    let ended = timeout(START, daemon.shutdown()).await.expect("it ends");
    ended.map_err(|failure| failure.text())?;
    Ok(status.alarms)
}
