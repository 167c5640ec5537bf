//! What a test does to a coordinator from within: it ends it at a commit, and lies in its name.

use std::fmt;
use std::panic::resume_unwind;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ripieno_coordinator::Observer;
use ripieno_identity::SigningKey;
use ripieno_secagg::round::publish::Receipt;
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_study::{Digest, SiteSet};
use ripieno_wire::ToSite;
use tokio::sync::Notify;

use crate::relay::Scissors;
use crate::researcher::some_digest;

/// A place at which a coordinator ends: before or after it commits for the n-th time, from 1, since
/// it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Crash {
    /// Nothing of it is durable.
    Before(u64),
    /// It is durable; nobody has been told.
    After(u64),
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Crash::Before(number) => write!(f, "before:{number}"),
            Crash::After(number) => write!(f, "after:{number}"),
        }
    }
}

impl FromStr for Crash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no before:N or after:N");
        let (side, number) = text.split_once(':').ok_or_else(wrong)?;
        let number = number.parse().map_err(|_| wrong())?;
        match side {
            "before" => Ok(Crash::Before(number)),
            "after" => Ok(Crash::After(number)),
            _ => Err(wrong()),
        }
    }
}

/// Ends the process at a crash point.
#[derive(Debug)]
pub struct Abort(pub Crash);

impl Observer for Abort {
    fn before_commit(&self, number: u64) {
        if self.0 == Crash::Before(number) {
            std::process::abort();
        }
    }

    fn after_commit(&self, number: u64) {
        if self.0 == Crash::After(number) {
            std::process::abort();
        }
    }
}

/// Counts commits; at a crash point it ends the task that commits, without a word.
#[derive(Debug, Default)]
pub struct Unwind {
    crash: Option<Crash>,
    commits: AtomicU64,
    crashed: AtomicBool,
    tell: Notify,
}

impl Unwind {
    /// Ends the task at `crash`.
    #[must_use]
    pub fn at(crash: Crash) -> Arc<Self> {
        Arc::new(Self { crash: Some(crash), ..Self::default() })
    }

    /// Counts only.
    #[must_use]
    pub fn never() -> Arc<Self> {
        Arc::default()
    }

    /// How often it was committed so far.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Waits until the point was reached.
    pub async fn reached(&self) {
        let told = self.tell.notified();
        if !self.crashed.load(Ordering::SeqCst) {
            told.await;
        }
    }

    fn look(&self, here: Crash) {
        if self.crash == Some(here) {
            self.crashed.store(true, Ordering::SeqCst);
            self.tell.notify_waiters();
            self.tell.notify_one();
            resume_unwind(Box::new("the coordinator ends here"));
        }
    }
}

impl Observer for Unwind {
    fn before_commit(&self, number: u64) {
        self.look(Crash::Before(number));
    }

    fn after_commit(&self, number: u64) {
        self.commits.store(number, Ordering::SeqCst);
        self.look(Crash::After(number));
    }
}

/// Cuts the line of a site at the first message to sites for which a test says so, before that
/// leaves; once it was armed.
pub struct Trip {
    at: fn(&ToSite) -> bool,
    line: Scissors,
    armed: AtomicBool,
    tell: Notify,
}

impl Trip {
    /// Cuts `line` at the first message for which `at` holds.
    #[must_use]
    pub fn new(line: Scissors, at: fn(&ToSite) -> bool) -> Arc<Self> {
        Arc::new(Self { at, line, armed: AtomicBool::new(false), tell: Notify::new() })
    }

    /// From now on.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Waits until the line was cut.
    pub async fn tripped(&self) {
        self.tell.notified().await;
    }
}

impl Observer for Trip {
    fn outgoing(&self, _to: &SiteSet, message: &mut ToSite) {
        if (self.at)(message) && self.armed.swap(false, Ordering::SeqCst) {
            self.line.cut();
            self.tell.notify_one();
        }
    }
}

/// What a coordinator changes in what it publishes. It has its own key, so it signs what it has
/// changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// One lane of the sum, and nothing else.
    Sum,
    /// One lane of the sum, with a receipt that fits it.
    SignedSum,
    /// The next state, in a receipt that is signed again.
    NextState,
    /// When it was, in a receipt that is not signed again.
    Receipt,
    /// The state from which the second round starts, in a contract that is signed again.
    State,
}

impl FromStr for Lie {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lies = [
            ("sum", Lie::Sum),
            ("signed-sum", Lie::SignedSum),
            ("next-state", Lie::NextState),
            ("receipt", Lie::Receipt),
            ("state", Lie::State),
        ];
        let found = lies.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, lie)| lie).ok_or_else(|| format!("{text:?} is no lie"))
    }
}

/// Lies to every site.
pub struct Liar {
    /// How.
    pub lie: Lie,
    /// The coordinator's own key.
    pub key: SigningKey,
    /// Digest of the charter in force.
    pub charter: Digest,
}

impl fmt::Debug for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Liar({:?})", self.lie)
    }
}

impl Liar {
    fn sign(&self, receipt: &mut Receipt) {
        receipt.signature = self.key.sign(&receipt.digest(&self.charter));
    }
}

impl Observer for Liar {
    fn outgoing(&self, _to: &SiteSet, message: &mut ToSite) {
        match (self.lie, message) {
            (Lie::Sum, ToSite::Published(published)) => bump(&mut published.sum),
            (Lie::SignedSum, ToSite::Published(published)) => {
                bump(&mut published.sum);
                let plan = &published.contract.contract.plan;
                published.receipt.sum = tiles::root(Content::Sum, plan, &published.sum);
                self.sign(&mut published.receipt);
            }
            (Lie::NextState, ToSite::Published(published)) => {
                published.receipt.next_state = some_digest("another state");
                self.sign(&mut published.receipt);
            }
            (Lie::Receipt, ToSite::Published(published)) => published.receipt.at += 1,
            (Lie::State, ToSite::Contract(signed)) if signed.contract.round > 1 => {
                signed.contract.state = some_digest("another state");
                signed.signature = self.key.sign(&signed.digest(&self.charter));
            }
            _ => (),
        }
    }
}

fn bump(lanes: &mut [u64]) {
    if let Some(lane) = lanes.first_mut() {
        *lane = lane.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crash_points_are_read_as_they_are_written() {
        for crash in [Crash::Before(1), Crash::After(u64::MAX)] {
            assert_eq!(crash.to_string().parse(), Ok(crash));
        }
        for text in ["", "before", "after:", "during:3", "before:-1"] {
            assert!(text.parse::<Crash>().is_err(), "{text}");
        }
    }
}
