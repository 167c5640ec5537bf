//! A process of the test, which ends with it.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::logs::Logs;
use crate::wait::until;

/// A process, with what it prints. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    logs: Logs,
}

impl Process {
    /// Starts a command; what it prints goes to `logs`.
    ///
    /// # Panics
    /// Where there is no such program.
    #[must_use]
    pub fn start(command: &mut Command, logs: &Logs) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        child.stdout.take().into_iter().for_each(|stream| logs.take(stream));
        child.stderr.take().into_iter().for_each(|stream| logs.take(stream));
        Self { child, logs: logs.clone() }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, where it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it has ended by itself, and all that it printed is in the logs.
    pub async fn end(&mut self, deadline: Duration) -> ExitStatus {
        let logs = self.logs.clone();
        let status = until(deadline, "the end of a process", || {
            let ended = self.ended().ok_or_else(|| logs.text());
            async move { ended }
        })
        .await;
        complete(&self.logs).await;
        status
    }

    /// Ends it as a crash would: SIGKILL.
    pub fn kill(&mut self) {
        // Where it has ended already there is nothing to kill, and its status is kept.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// From now on it can write to no file.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn forbid_files(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        prlimit(pid, Resource::Fsize, none).expect("it runs");
    }

    /// Asks it to end: SIGTERM.
    pub fn terminate(&self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended just now.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command to its end with a text as its input.
///
/// # Panics
/// With what it printed, where it fails or takes longer than half a minute.
pub async fn run(command: &mut Command, input: &str) -> String {
    use std::io::Write as _;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let shown = format!("{command:?}");
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that reads nothing may be gone already.
        let _ = stdin.write_all(input.as_bytes());
    }
    let (out, errors) = (Logs::default(), Logs::default());
    child.stdout.take().into_iter().for_each(|stream| out.take(stream));
    child.stderr.take().into_iter().for_each(|stream| errors.take(stream));
    let mut process = Process { child, logs: errors.clone() };
    let status = process.end(Duration::from_secs(30)).await;
    complete(&out).await;
    assert!(status.success(), "{shown}: {status}\n{}\n{}", out.text(), errors.text());
    out.text()
}

/// Waits until everything that was printed is read.
async fn complete(logs: &Logs) {
    until(Duration::from_secs(30), "the last lines of a process", || {
        let complete = logs.is_complete().then_some(()).ok_or_else(|| logs.text());
        async move { complete }
    })
    .await;
}
