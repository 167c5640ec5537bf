//! The outbound connection: made, lost, and made again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::RngExt as _;
use ripieno_transport::TlsIdentity;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tracing::{info, warn};

use super::alarms::About;
use super::backoff::Backoff;
use super::keeper::Word;
use super::parcel::BadParcel;
use super::renewal;
use super::session::{Farewell, Session, SessionError};
use crate::clock::seconds;
use crate::config::{Config, Retry};
use crate::link::{self, Client, Credentials, NoWay, Problem};
use crate::state::Inventory;

/// A session that lasted so long was good: the next wait is a short one again.
const GOOD: Duration = Duration::from_secs(10);
/// The longest that a coordinator may send a site away for.
const MAX_AWAY: Duration = Duration::from_secs(600);
/// A site that was sent away stays so many times as long at the most.
const JITTER: f64 = 1.25;
/// What is logged of the name that the coordinator gives its program, in characters.
const MAX_PROGRAM: usize = 64;
/// How often it is looked whether the certificate ends.
const LOOK: Duration = Duration::from_secs(3600);

/// How the connection stands, for whoever asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    pub(crate) phase: Phase,
    /// Why it is not connected, and what to do.
    pub(crate) problem: String,
    pub(crate) next_attempt: Option<Instant>,
    /// The proxy on the way, or nothing.
    pub(crate) proxy: String,
    /// Seconds since 1970.
    pub(crate) certificate_ends: u64,
}

/// In a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Connecting,
    Connected,
    Waiting,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Waiting => "waiting",
        }
    }
}

/// Keeps the site connected.
pub(crate) struct Remote {
    pub(crate) config: Config,
    pub(crate) inventory: Inventory,
    pub(crate) words: mpsc::Sender<Word>,
    pub(crate) connection: watch::Sender<Connection>,
    pub(crate) stop: CancellationToken,
    /// Room for one parcel, from its fetching until it is handled.
    pub(crate) parcels: Arc<Semaphore>,
}

/// Why an attempt failed.
#[derive(Debug)]
enum Failed {
    NoWay(NoWay),
    Session(SessionError),
}

/// What an attempt says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// After a wait that grows with the failures.
    BackOff,
    /// After a first wait.
    Soon,
    /// When the coordinator said, to all sites.
    After(Duration),
    /// When the coordinator said, to this one: there were too many.
    Away(Duration),
    /// Never.
    Stop,
}

impl Remote {
    /// Attends one session after the other, until it is stopped.
    pub(crate) async fn run(self) {
        let (retry, stop) = (self.config.site.retry, self.stop.clone());
        again(retry, &stop, self).await;
    }
}

impl Attempts for Remote {
    fn waiting(&self, wait: Duration) {
        let at = Instant::now() + wait;
        self.connection.send_modify(|connection| {
            connection.phase = Phase::Waiting;
            connection.next_attempt = Some(at);
        });
    }

    async fn attempt(&mut self) -> Next {
        self.connection.send_modify(|connection| {
            connection.phase = Phase::Connecting;
            connection.next_attempt = None;
        });
        let begun = Instant::now();
        let outcome = self.session().await;
        let lasted = begun.elapsed();
        match outcome {
            Ok(Farewell::Stopped) | Err(Failed::Session(SessionError::Stopping)) => Next::Stop,
            Ok(Farewell::Closed(away)) => {
                info!(lasted = lasted.as_secs(), "the coordinator closed the session");
                self.problem("the coordinator closed the session".into());
                match away {
                    Some(away) => Next::After(away.min(MAX_AWAY)),
                    None if lasted >= GOOD => Next::Soon,
                    None => Next::BackOff,
                }
            }
            Err(failed) => {
                let problem = failed.problem();
                warn!(problem = problem.text, "no session");
                self.problem(format!("{}. {}", problem.text, problem.advice));
                if let Some(alarm) = failed.alarm() {
                    // Where nobody listens any more, nobody has to know.
                    let _ = self.words.send(Word::Alarm(About::Admission, alarm)).await;
                }
                if let Some(away) = failed.pushback() {
                    return Next::Away(away.min(MAX_AWAY));
                }
                let soon = lasted >= GOOD && failed.was_connected() && !failed.comes_again();
                if soon { Next::Soon } else { Next::BackOff }
            }
        }
    }
}

impl Remote {
    async fn session(&self) -> Result<Farewell, Failed> {
        let credentials = Credentials::load(&self.config).map_err(Failed::NoWay)?;
        let connector = link::connector(&self.config, &credentials).map_err(Failed::NoWay)?;
        let proxy = connector.proxy().map(|proxy| proxy.endpoint().to_string());
        let certificate = credentials.identity.certificate().clone();
        self.connection.send_modify(|connection| {
            connection.proxy = proxy.unwrap_or_default();
            connection.certificate_ends = seconds(certificate.not_after);
        });
        let (client, folder) = (link::client(connector), self.config.layout.dir());
        let (words, stop, parcels) = (&self.words, &self.stop, &self.parcels);
        let listed = Notify::new();
        let session =
            Session { client: client.clone(), words, stop, parcels, folder, listed: &listed };
        let attending = session.attend(|welcome| {
            info!(program = link::bounded(&welcome.program, MAX_PROGRAM), "connected");
            self.connection.send_modify(|connection| {
                connection.phase = Phase::Connected;
                connection.problem.clear();
            });
        });
        tokio::select! {
            farewell = attending => farewell.map_err(Failed::Session),
            never = self.keep_certificate(client, credentials.identity, &listed) => never,
        }
    }

    /// Renews the certificate when its time comes, or when another authority certifies. The session
    /// goes on with the old one.
    async fn keep_certificate<T>(
        &self,
        mut client: Client,
        mut identity: TlsIdentity,
        listed: &Notify,
    ) -> T {
        // Not before the session stands.
        sleep(Duration::from_secs(1)).await;
        loop {
            let superseded = renewal::is_superseded(&self.config, &identity);
            if superseded || renewal::is_due(identity.certificate(), SystemTime::now()) {
                let word = match renewal::renew(&self.config, &self.inventory, &mut client).await {
                    Ok(renewed) => {
                        identity = renewed;
                        let ends = seconds(identity.certificate().not_after);
                        info!(ends, superseded, "new certificate");
                        self.connection.send_modify(|c| c.certificate_ends = ends);
                        Word::Recertified
                    }
                    Err(error) => Word::Alarm(About::Certificate, not_renewed(superseded, &error)),
                };
                // Where nobody listens any more, nobody has to know.
                let _ = self.words.send(word).await;
            }
            let _ = timeout(LOOK, listed.notified()).await;
        }
    }

    fn problem(&self, text: String) {
        self.connection.send_modify(|connection| connection.problem = text);
    }
}

fn not_renewed(superseded: bool, error: &renewal::NotRenewed) -> String {
    let what = match superseded {
        true => "the certificate is by an authority that is being replaced",
        false => "the certificate ends soon",
    };
    format!("{what} and could not be renewed: {error}. {}", error.advice())
}

impl Failed {
    fn problem(&self) -> Problem {
        match self {
            Self::NoWay(error) => error.into(),
            Self::Session(SessionError::Call(status)) => status.into(),
            Self::Session(error) => Problem {
                text: error.to_string(),
                advice: format!("if it stays so: {} doctor", crate::program()),
                exit: ripieno_terminal::Exit::Unreachable,
            },
        }
    }

    fn alarm(&self) -> Option<String> {
        match self {
            Self::Session(SessionError::Call(status)) if link::is_revoked(status) => {
                let problem = Problem::from(status);
                Some(format!("{}. {}", problem.text, problem.advice))
            }
            _ => None,
        }
    }

    /// How long the coordinator wants this site to stay away.
    fn pushback(&self) -> Option<Duration> {
        match self {
            Self::Session(SessionError::Call(status)) => ripieno_rpc::pushback(status),
            _ => None,
        }
    }

    /// Whether the same large sum would be fetched again for nothing: a disk, here or there, has to
    /// be mended first.
    fn comes_again(&self) -> bool {
        match self {
            Self::Session(SessionError::Parcel(BadParcel::Call(status))) => {
                status.code() == Code::DataLoss
            }
            Self::Session(SessionError::Parcel(BadParcel::Disk { .. })) => true,
            _ => false,
        }
    }

    fn was_connected(&self) -> bool {
        match self {
            Self::NoWay(_) => false,
            Self::Session(SessionError::Call(status)) => {
                ripieno_rpc::connect_error(status).is_none()
            }
            Self::Session(_) => true,
        }
    }
}

/// Something that is tried again and again.
trait Attempts {
    /// Once.
    fn attempt(&mut self) -> impl Future<Output = Next> + Send;

    /// The next time comes after this.
    fn waiting(&self, wait: Duration);
}

/// Makes attempts, with waits between them, until one says that it was the last or `stop` comes.
async fn again(retry: Retry, stop: &CancellationToken, mut attempts: impl Attempts) {
    let mut backoff = Backoff::new(retry);
    while !stop.is_cancelled() {
        let wait = match attempts.attempt().await {
            Next::Stop => return,
            Next::BackOff => backoff.next(),
            Next::Soon => {
                backoff.reset();
                backoff.next()
            }
            // Each was given a time of its own. Where it is still one too many, it is told again.
            Next::Away(away) => {
                backoff.reset();
                away.mul_f64(rand::rng().random_range(1.0..JITTER)) + backoff.next()
            }
            // All sites were told the same.
            Next::After(away) => {
                backoff.reset();
                away + backoff.next()
            }
        };
        attempts.waiting(wait);
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    /// Attempts that each say what comes next, and when each of them was.
    struct Script<'a> {
        next: Vec<Next>,
        at: &'a mut Vec<Instant>,
    }

    impl Attempts for Script<'_> {
        async fn attempt(&mut self) -> Next {
            self.at.push(Instant::now());
            if self.next.is_empty() { Next::Stop } else { self.next.remove(0) }
        }

        fn waiting(&self, _: Duration) {}
    }

    /// The seconds between the attempts of a script.
    async fn waits(next: Vec<Next>) -> Vec<f64> {
        let (stop, mut at) = (CancellationToken::new(), Vec::new());
        again(Retry::default(), &stop, Script { next, at: &mut at }).await;
        at.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_with_failures_and_shrink_after_a_good_session() {
        let mut script = vec![Next::BackOff; 9];
        script.push(Next::Soon);
        let waits = waits(script).await;
        let wholes = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 0.5];
        assert_eq!(waits.len(), wholes.len());
        for (wait, whole) in waits.iter().zip(wholes) {
            // The clock counts in milliseconds.
            assert!((0.5 * whole..=whole + 0.002).contains(wait), "{wait} of {whole}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_coordinator_says_when_to_come_back() {
        let waits = waits(vec![Next::After(Duration::from_secs(30))]).await;
        assert!((30.25..30.51).contains(&waits[0]), "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_site_that_was_one_too_many_comes_back_when_it_was_told_and_not_before() {
        let told = vec![Next::Away(Duration::from_secs(40)); 20];
        let waits = waits(told).await;
        assert!(waits.iter().all(|wait| (40.25..50.51).contains(wait)), "{waits:?}");
        let spread = |wait: &f64| (wait - waits[0]).abs() > 0.6;
        assert!(waits.iter().any(spread), "sites that were told the same come apart: {waits:?}");
    }

    #[test]
    fn a_refusal_is_asked_for_a_time_to_come_back() {
        let failed = |status| Failed::Session(SessionError::Call(status));
        let wait = Duration::from_secs(7);
        let told = ripieno_rpc::come_back_after(Status::unavailable("too many"), wait);
        assert_eq!(failed(told).pushback(), Some(wait));
        assert_eq!(failed(Status::unavailable("gone")).pushback(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_it_is_stopped() {
        let stop = CancellationToken::new();
        let begun = Instant::now();
        let stopping = async {
            sleep(Duration::from_millis(100)).await;
            stop.cancel();
        };
        let mut at = Vec::new();
        let next = vec![Next::After(Duration::from_secs(600))];
        let trying = again(Retry::default(), &stop, Script { next, at: &mut at });
        tokio::join!(trying, stopping);
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert_eq!(at.len(), 1);
    }
}
