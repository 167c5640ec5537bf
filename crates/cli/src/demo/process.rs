//! Copies of this program: commands that end, and daemons that are gone when the demo is.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow};
use ripieno_terminal::{Exit, Failure};
use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// In the environment of every copy: the process that started it.
const PARENT: &str = "RIPIENO_DEMO";
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a daemon may take to end in order.
const GOODBYE: Duration = Duration::from_secs(5);

/// A copy of the demo dies with it, however the demo ends. Called first of all in every process;
/// does nothing in one that no demo started.
pub(crate) fn die_with_parent() {
    let Ok(parent) = std::env::var(PARENT) else { return };
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    // It may have died before: then another process is the parent by now.
    let there = getppid().is_some_and(|pid| pid.as_raw_nonzero().to_string() == parent);
    if bound.is_err() || !there {
        std::process::exit(i32::from(Exit::Internal as u8));
    }
}

/// This program, as it is started.
#[derive(Clone, Debug)]
pub(super) struct Program(PathBuf);

impl Program {
    pub(super) fn own() -> Result<Self, Failure> {
        let own = std::env::current_exe().context("this program does not find its own file");
        own.map(Self).map_err(|error| Failure::new(Exit::Internal, error))
    }

    /// Runs a command to its end; what it printed as JSON.
    pub(super) async fn json<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Value, Failure> {
        self.json_with(arguments, "").await
    }

    /// The same, with a text on its stdin.
    pub(super) async fn json_with<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
        input: &str,
    ) -> Result<Value, Failure> {
        let mut command = self.command(arguments);
        command.arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let text = shown(arguments);
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Internal, anyhow::Error::new(error).context(text.clone()))
        };
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await.map_err(failed)?;
        }
        let ended = timeout(PATIENCE, child.wait_with_output()).await;
        let late = |_| Failure::new(Exit::Internal, anyhow!("{text}: not done after 30 s"));
        let output = ended.map_err(late)?.map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let error = anyhow!("{text}: {}: {}", output.status, said.trim());
            return Err(Failure::new(Exit::Internal, error));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(Exit::Internal, anyhow!("{text}: {error}")))
    }

    /// Starts a daemon that writes what it says into a file.
    pub(super) fn daemon<S: AsRef<OsStr>>(
        &self,
        name: &str,
        arguments: &[S],
        log: &Path,
    ) -> Result<Daemon, Failure> {
        let failed = |error: std::io::Error| {
            let error = anyhow::Error::new(error).context(format!("{name} cannot be started"));
            Failure::new(Exit::Internal, error)
        };
        let file = File::options().create(true).append(true).open(log).map_err(failed)?;
        let both = file.try_clone().map_err(failed)?;
        let mut command = self.command(arguments);
        command.env("RIPIENO_LOG", "info").stdin(Stdio::null()).stdout(file).stderr(both);
        let child = command.spawn().map_err(failed)?;
        Ok(Daemon { name: name.to_owned(), child, log: log.to_owned() })
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.0);
        command.args(arguments).kill_on_drop(true);
        command.env(PARENT, std::process::id().to_string()).env_remove("RIPIENO_LOG");
        // The federation is on this machine: there is no proxy on the way.
        ["https_proxy", "HTTPS_PROXY"].iter().for_each(|name| {
            command.env_remove(name);
        });
        // Ctrl-C is for the demo, which ends the others.
        command.process_group(0);
        command
    }
}

/// A running daemon: killed when this is dropped.
#[derive(Debug)]
pub(super) struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Stops it where it is, without a word to anybody.
    pub(super) fn freeze(&self) -> Result<(), Failure> {
        self.signal(Signal::STOP)
    }

    /// Kills it, as a machine that loses its power.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        let killed = self.child.kill().await;
        killed.map_err(|error| Failure::new(Exit::Internal, error))
    }

    /// Ends it in order.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        self.signal(Signal::TERM)?;
        if timeout(GOODBYE, self.child.wait()).await.is_err() {
            self.kill().await?;
        }
        Ok(())
    }

    /// The most memory that it held, in bytes.
    pub(super) fn peak(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// Says that it has ended, where it has, with its last words.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        let ended = self.child.try_wait().map_err(|error| Failure::new(Exit::Internal, error))?;
        let Some(status) = ended else { return Ok(()) };
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = said.lines().rev().take(5).map(str::to_owned).collect::<Vec<_>>();
        let error = anyhow!("{} ended: {status}", self.name);
        Err(Failure::new(Exit::Internal, error).details(last.into_iter().rev().collect()))
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let gone = || Failure::new(Exit::Internal, anyhow!("{} has ended", self.name));
        kill_process(pid.ok_or_else(gone)?, signal)
            .map_err(|error| Failure::new(Exit::Internal, error))
    }
}

/// A command as it would be typed.
fn shown<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    let words = arguments.iter().map(|word| word.as_ref().to_string_lossy().into_owned());
    std::iter::once("ripieno".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
