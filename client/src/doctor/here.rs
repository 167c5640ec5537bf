//! What can be seen on this machine: folder, policy, tables, memory, daemon.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ripieno_catalog::Catalog;
use ripieno_rpc::steward_service_client::StewardServiceClient;
use ripieno_rpc::{StewardStatusRequest, StewardStatusResponse, local};
use ripieno_terminal::{Exit, bytes, counted};
use rustix::process::{Resource, getrlimit};

use super::step::Step;
use crate::config::{Config, ConfigError};
use crate::state::signing_key;
use crate::{gate, lineage, program};

/// What the secrets of an epoch of the largest size take, twice: the next one is set up beside it.
const LOCKED: u64 = 8 << 20;

/// The daemon of the folder, if it runs.
pub(super) struct Running {
    pub(super) step: Step,
    pub(super) status: Option<StewardStatusResponse>,
}

pub(super) fn folder(dir: &Path) -> (Step, Option<Config>) {
    const NAME: &str = "folder";
    let tried = format!("{}: configuration, permissions, key", dir.display());
    let bad = |problem: String, advice: String| {
        (Step::bad(NAME, tried.clone(), Exit::Output, problem, advice), None)
    };
    let config = match Config::load(dir) {
        Ok(config) => config,
        Err(error @ ConfigError::Missing(_)) => {
            return bad(error.to_string(), format!("{} init, or give the right --dir", program()));
        }
        Err(error) => return bad(error.to_string(), "correct the file".into()),
    };
    let mode = match std::fs::metadata(dir) {
        Ok(meta) => meta.permissions().mode() & 0o777,
        Err(error) => return bad(error.to_string(), "run this as the user of the daemon".into()),
    };
    if mode & 0o077 != 0 {
        let problem = format!("other users of this machine may reach the folder (mode {mode:03o})");
        return bad(problem, format!("chmod 700 {}", dir.display()));
    }
    if let Err(failure) = signing_key(&config.layout) {
        let problem = failure.text().replace("error: ", "");
        return bad(problem, "restore site.key from its backup; a new key is a new site".into());
    }
    if let Err(error) = config.proxy() {
        return bad(error.to_string(), "correct it, or unset it".into());
    }
    (Step::good(NAME, tried), Some(config))
}

pub(super) fn policy(config: &Config) -> Step {
    const NAME: &str = "policy";
    let tried = config.policy().display().to_string();
    match gate::policy(config) {
        Ok(policy) => Step::good(NAME, format!("{tried}: {policy}")),
        Err(failure) => {
            let problem = failure.text().replace("error: ", "");
            Step::bad(NAME, tried, Exit::Output, problem, "correct the file")
        }
    }
}

pub(super) fn data(config: &Config) -> Step {
    const NAME: &str = "data sets";
    let label = match lineage::read(&config.layout) {
        Ok(label) => label,
        Err(failure) => {
            let tried = config.layout.lineage().display().to_string();
            let problem = failure.text().replace("error: ", "");
            return Step::bad(NAME, tried, Exit::Output, problem, "restore it from the backup");
        }
    };
    let mut readable = Vec::new();
    for source in config.sources() {
        let name = source.name.clone();
        match Catalog::new(&label, [source]) {
            Ok((catalog, _)) => {
                let rows = catalog.data_sets().map(ripieno_catalog::DataSet::rows).sum::<u64>();
                readable.push(format!("{name} ({})", counted(rows, "row")));
            }
            Err(error) => {
                let advice =
                    format!("mend the file, or take it out: {} data remove {name}", program());
                let problem = anyhow::Error::new(error);
                return Step::bad(NAME, name, Exit::Output, format!("{problem:#}"), advice);
            }
        }
    }
    let tried = if readable.is_empty() { "none is registered".into() } else { readable.join(", ") };
    Step::good(NAME, tried)
}

pub(super) fn memory() -> Step {
    judge_memory(getrlimit(Resource::Memlock).current)
}

fn judge_memory(limit: Option<u64>) -> Step {
    const NAME: &str = "memory";
    match limit {
        Some(limit) if limit < LOCKED => Step::bad(
            NAME,
            "how much memory may be locked, so that no secret is swapped to a disk",
            Exit::Output,
            format!("{} for this user, {} are needed", bytes(limit), bytes(LOCKED)),
            "LimitMEMLOCK=64M in the service's unit, or ulimit -l 65536 before the daemon starts",
        ),
        Some(limit) => Step::good(NAME, format!("{} may be locked", bytes(limit))),
        None => Step::good(NAME, "any amount may be locked"),
    }
}

pub(super) async fn daemon(config: &Config) -> Running {
    const NAME: &str = "daemon";
    let socket = config.layout.socket();
    let tried = socket.display().to_string();
    let start = format!("{} run --dir {}", program(), config.layout.dir().display());
    let bad = |problem: String| {
        let step = Step::bad(NAME, tried.clone(), Exit::Unreachable, problem, start.clone());
        Running { step, status: None }
    };
    let channel = match local::connect(&socket).await {
        Ok(channel) => channel,
        Err(error) => return bad(error.to_string()),
    };
    match StewardServiceClient::new(channel).status(StewardStatusRequest {}).await {
        Ok(status) => {
            let status = status.into_inner();
            let step = judge_daemon(&tried, &status);
            Running { step, status: Some(status) }
        }
        Err(error) => bad(error.message().to_owned()),
    }
}

/// Whether a daemon that runs is connected, and has nothing to say to its people.
fn judge_daemon(socket: &str, status: &StewardStatusResponse) -> Step {
    const NAME: &str = "daemon";
    let tried = format!("{socket}: running, {}", status.connection);
    if status.connection != "connected" && !status.problem.is_empty() {
        let advice = "mend what failed above, or do what the line says; the daemon tries again by \
                      itself";
        return Step::bad(NAME, tried, Exit::Unreachable, status.problem.clone(), advice);
    }
    // That its records cannot be written is a step of its own.
    let other =
        |alarm: &&String| status.trouble.is_empty() || !alarm.contains(status.trouble.as_str());
    match status.alarms.iter().rfind(other) {
        None => Step::good(NAME, tried),
        Some(alarm) => {
            let advice = format!("{} status shows all alarms", program());
            Step::bad(NAME, tried, Exit::Refused, alarm.clone(), advice)
        }
    }
}

/// Whether the daemon could write everything down that it must not forget.
pub(super) fn records(daemon: &Running) -> Step {
    const NAME: &str = "records";
    let Some(status) = &daemon.status else {
        return Step::not_tried(NAME, "the daemon would say whether it can write them");
    };
    let tried = "ledger, audit log, studies";
    if status.trouble.is_empty() {
        return Step::good(NAME, format!("{tried}: written, as far as the daemon tried"));
    }
    let advice = "make room on the disk, or mend it; then restart the daemon, which takes part in \
                  nothing until then";
    Step::bad(NAME, tried, Exit::Output, status.trouble.clone(), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_cannot_be_written_are_a_failure_and_say_what_to_do() {
        let running = |trouble: &str| {
            let trouble = trouble.to_owned();
            let status = StewardStatusResponse { trouble, ..StewardStatusResponse::default() };
            Running { step: Step::good("daemon", ""), status: Some(status) }
        };
        assert_eq!(records(&running("")).exit(), None);
        let bad = records(&running("the ledger: No space left on device"));
        assert_eq!(bad.exit(), Some(Exit::Output));
        let text = format!("{bad:?}");
        assert!(text.contains("No space left") && text.contains("restart the daemon"), "{text}");
        let away = Running { step: Step::good("daemon", ""), status: None };
        assert_eq!(records(&away).exit(), None);
    }

    #[test]
    fn a_daemon_that_is_turned_away_or_waits_is_a_failure() {
        let status = |connection: &str, problem: &str| StewardStatusResponse {
            connection: connection.into(),
            problem: problem.into(),
            ..StewardStatusResponse::default()
        };
        let exit = |connection, problem| judge_daemon("s", &status(connection, problem)).exit();
        assert_eq!(exit("connected", ""), None);
        assert_eq!(exit("connecting", ""), None, "its first attempt");
        for connection in ["waiting", "connecting"] {
            assert_eq!(exit(connection, "turned away"), Some(Exit::Unreachable));
        }
        let alarm = StewardStatusResponse { alarms: vec!["a".into()], ..status("connected", "") };
        assert_eq!(judge_daemon("s", &alarm).exit(), Some(Exit::Refused));
    }

    #[test]
    fn a_small_limit_of_locked_memory_is_named() {
        assert!(judge_memory(None).exit().is_none());
        assert!(judge_memory(Some(LOCKED)).exit().is_none());
        let step = judge_memory(Some(64 << 10));
        assert_eq!(step.exit(), Some(Exit::Output));
        assert!(format!("{step:?}").contains("64.0 KiB for this user"), "{step:?}");
    }
}
