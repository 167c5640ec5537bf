//! A corrupt site that speaks with a true coordinator: it has the key and the certificate of the
//! last site, and says what it likes. The four other sites are the real daemon, behind lines that
//! can be held up, so that a step lasts for as long as there is something to try in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ripieno_identity::RatifiedCharter;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Heard;
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::{Arrival, AttendRequest, UploadRequest};
use ripieno_secagg::Roster;
use ripieno_secagg::epoch::Transcript;
use ripieno_study::{Check, Digest, SiteIndex};
use ripieno_tests::audits::{self, Log, Owner};
use ripieno_tests::{Federation, Kind, Programs, Setup, unix_now};
use ripieno_wire::membership::decode_ratified;
use ripieno_wire::{FromSite, Hello, StudyAnswer, StudyVerdict, ToSite};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Channel;

use crate::forger::{Corrupt, Forger, honest};
use crate::stage::key;
use crate::table::Row;

/// How long the coordinator may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often its log is looked at.
const PACE: Duration = Duration::from_millis(10);
const SITES: usize = 5;

/// A corrupt site, and the federation that it is in.
pub(crate) struct Intruder {
    pub(crate) federation: Federation,
    pub(crate) corrupt: Corrupt,
    pub(crate) rows: Vec<Row>,
    pub(crate) honest: Vec<SiteIndex>,
    calls: SiteServiceClient<Channel>,
    charter: Digest,
    session: mpsc::Sender<AttendRequest>,
    heard: Arc<Mutex<Vec<ToSite>>>,
    count: watch::Receiver<usize>,
    name: String,
}

/// What it has in an epoch.
pub(crate) struct Place {
    pub(crate) transcript: Transcript,
    pub(crate) forger: Forger,
    /// What each dealer dealt to it: of each slot, the shares of root and self.
    pub(crate) shares: BTreeMap<SiteIndex, Vec<[u8; 32]>>,
}

impl Intruder {
    /// Founds a federation, and takes the last site's place.
    pub(crate) async fn enter(programs: Programs) -> Result<Self, String> {
        let mut federation = Setup::new(programs, Kind::InProcess, SITES).corrupt(1).found().await;
        let charter = federation.sites[0].charter().await.in_force.expect("a charter");
        let (charter, consents) = decode_ratified(charter).expect("a charter");
        let charter = RatifiedCharter::found(charter, consents).expect("a charter in force");
        let roster = Arc::new(Roster::from(&charter));
        let last = federation.sites.last_mut().expect("there are sites");
        last.stop().await;
        let (name, calls) = (last.name.clone(), last.calls());
        let own = Arc::new(key(&last.dir().join("site.key")));
        let listed = |site: &&ripieno_identity::CharterSite| site.key == own.public();
        let site = charter.sites().iter().find(listed).expect("it is listed").index;
        let others = charter.sites().iter().map(|site| site.index);
        let honest = others.filter(|other| *other != site).collect();
        let corrupt = Corrupt::new(site, own, roster);
        let charter = charter.digest();
        let (session, heard, count) = attend(calls.clone(), charter).await?;
        let rows = Vec::new();
        let intruder =
            Self { federation, corrupt, rows, honest, calls, charter, session, heard, count, name };
        intruder.say(FromSite::Hello(hello(0))).await;
        Ok(intruder)
    }

    /// Comes again with a new session.
    pub(crate) async fn come_back(&mut self) -> Result<(), String> {
        let (session, heard, count) = attend(self.calls.clone(), self.charter).await?;
        (self.session, self.heard, self.count) = (session, heard, count);
        self.say(FromSite::Hello(hello(0))).await;
        Ok(())
    }

    /// Says something in its session.
    pub(crate) async fn say(&self, message: FromSite) {
        self.say_bytes(message.encode()).await;
    }

    /// Says any bytes.
    pub(crate) async fn say_bytes(&self, bytes: Bytes) {
        // Where the session is over, what should have come of it is missed.
        let _ = self.session.send(AttendRequest { body: Some(Said::FromSite(bytes)) }).await;
    }

    /// Sends messages in one upload; what the coordinator says to that.
    pub(crate) async fn upload(&self, messages: Vec<FromSite>) -> Result<(), Status> {
        let requests = messages.into_iter().map(|m| UploadRequest { from_site: m.encode() });
        self.upload_bytes(requests.collect()).await
    }

    /// The same with any bytes.
    pub(crate) async fn upload_bytes(&self, requests: Vec<UploadRequest>) -> Result<(), Status> {
        let mut calls = self.calls.clone();
        calls.upload(tokio_stream::iter(requests)).await.map(drop)
    }

    /// Waits for a message of the coordinator, and takes it and all before it away.
    pub(crate) async fn hear<T>(
        &mut self,
        what: &str,
        take: impl Fn(&ToSite) -> Option<T>,
    ) -> Result<T, String> {
        let found = timeout(PATIENCE, async {
            loop {
                self.count.borrow_and_update();
                {
                    let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
                    let found = heard.iter().enumerate().find_map(|(at, m)| Some((at, take(m)?)));
                    if let Some((at, found)) = found {
                        heard.drain(..=at);
                        return Some(found);
                    }
                }
                self.count.changed().await.ok()?;
            }
        });
        let found = found.await.map_err(|_| format!("{what} did not come"))?;
        found.ok_or_else(|| format!("the session ended before {what} came"))
    }

    /// Does something evil. The coordinator must refuse it by this check in the intruder's name,
    /// and write so.
    pub(crate) async fn refused(
        &mut self,
        name: &'static str,
        check: Check,
        act: impl AsyncFnOnce(&Self),
    ) {
        self.refused_by(name, &check.to_string(), act).await;
    }

    /// The same for what has no check, because it is no message.
    pub(crate) async fn refused_by(
        &mut self,
        name: &'static str,
        rule: &str,
        act: impl AsyncFnOnce(&Self),
    ) {
        let from = self.audit().entries.len();
        act(self).await;
        let end = Instant::now() + PATIENCE / 6;
        let fits = |entry: &serde_json::Value| {
            let fields = &entry["fields"];
            let field = if rule == "wire" { "what" } else { "check" };
            let by = if rule == "wire" { "malformed" } else { rule };
            entry["kind"] == "refusal" && fields[field] == by && fields["culprit"] == self.name
        };
        let evidence = loop {
            let log = self.audit();
            if let Some(at) = log.entries.iter().skip(from).position(fits) {
                break Ok(format!("coordinator audit #{}", from + at));
            }
            if Instant::now() > end {
                break Err(format!("the coordinator wrote {:?}", &log.entries[from..]));
            }
            sleep(PACE).await;
        };
        let culprit = format!("site {}", self.corrupt.site.get());
        Row::new(name, rule, culprit, evidence).join(&mut self.rows);
    }

    /// The coordinator's audit log, verified.
    pub(crate) fn audit(&self) -> Log {
        let dir = self.federation.coordinator.dir();
        let (key, log) = (dir.join("coordinator.key"), dir.join("audit.log"));
        audits::verify(&Owner { name: "coordinator".into(), key, log })
    }

    /// Waits until the coordinator has written so many entries that a test knows.
    pub(crate) async fn written(
        &self,
        what: &str,
        count: usize,
        fits: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<(), String> {
        let waited = timeout(PATIENCE, async {
            while self.audit().entries.iter().filter(|entry| fits(entry)).count() < count {
                sleep(PACE).await;
            }
        });
        waited.await.map_err(|_| format!("{what} was not written"))
    }

    /// Holds up the lines of true sites, by their places from 0.
    pub(crate) fn stall(&self, places: &[usize]) {
        places.iter().for_each(|place| self.federation.sites[*place].relay.stall());
    }

    /// Lets them go on.
    pub(crate) fn mend(&self, places: &[usize]) {
        places.iter().for_each(|place| self.federation.sites[*place].relay.mend());
    }

    /// A study that every true site has approved, the intruder not yet.
    pub(crate) async fn offered(&mut self, text: &str) -> Result<Digest, String> {
        let study = self.federation.researcher.submit(text).await;
        self.hear("the study", |message| match message {
            ToSite::Study(offer) if offer.submission.study == study => Some(()),
            _ => None,
        })
        .await?;
        let of_study = |entry: &serde_json::Value| {
            entry["kind"] == "decision" && entry["fields"]["study"] == study.to_string()
        };
        self.written("the answers of the true sites", self.honest.len(), of_study).await?;
        Ok(study)
    }

    /// It approves, too.
    pub(crate) async fn approve(&self, study: Digest) {
        let answer = StudyAnswer { study, verdict: StudyVerdict::Approved };
        self.say(FromSite::StudyAnswer(answer)).await;
    }

    /// E1: what it would advertise, once an epoch is announced.
    pub(crate) async fn announced(&mut self) -> Result<Forger, String> {
        let announced = self.hear("an announcement", |message| match message {
            ToSite::Announce(announced) => Some(*announced),
            _ => None,
        });
        let announced = announced.await?;
        Ok(self.corrupt.advertise(announced))
    }

    /// E2: the adverts of all.
    pub(crate) async fn transcript(&mut self) -> Result<Transcript, String> {
        let roster = self.corrupt.roster.clone();
        let found = self.hear("the adverts", |message| match message {
            ToSite::Adverts { epoch, slots, adverts } => {
                Some(Transcript::from_adverts(&roster, *epoch, *slots, adverts.clone()))
            }
            _ => None,
        });
        found.await?.map_err(|refusal| refusal.to_string())
    }

    /// E3: the shares for it.
    pub(crate) async fn shares(
        &mut self,
        transcript: Transcript,
        forger: Forger,
    ) -> Result<Place, String> {
        let bundles = self.hear("the bundles", |message| match message {
            ToSite::Bundles { bundles, .. } => Some(bundles.clone()),
            _ => None,
        });
        let bundles = bundles.await?;
        let opened = bundles.iter().map(|bundle| (bundle.from, forger.open(&transcript, bundle)));
        let mut shares: BTreeMap<_, _> = opened.collect();
        shares.insert(forger.site, forger.dealt(forger.site).to_vec());
        Ok(Place { transcript, forger, shares })
    }

    /// E1 to E4 as an honest site would.
    pub(crate) async fn join(&mut self) -> Result<Place, String> {
        let mut forger = self.announced().await?;
        self.say(FromSite::Advert(forger.advert.clone())).await;
        let transcript = self.transcript().await?;
        let bundles = forger.bundles(&mut self.corrupt.rng, &transcript, &honest);
        self.say(FromSite::Bundles(bundles)).await;
        let place = self.shares(transcript, forger).await?;
        let all = place.transcript.holders();
        self.say(FromSite::Acceptance(place.forger.acceptance(&place.transcript, all))).await;
        Ok(place)
    }
}

type Session = (mpsc::Sender<AttendRequest>, Arc<Mutex<Vec<ToSite>>>, watch::Receiver<usize>);

async fn attend(mut calls: SiteServiceClient<Channel>, charter: Digest) -> Result<Session, String> {
    let (session, requests) = mpsc::channel(64);
    let arrival = Arrival {
        charter_version: 1,
        charter: Some(Bytes::copy_from_slice(charter.as_bytes())),
        program: "evil".into(),
        clock: unix_now(),
        ..Arrival::default()
    };
    let first = AttendRequest { body: Some(Said::Arrival(arrival)) };
    session.send(first).await.map_err(|error| error.to_string())?;
    let answer = calls.attend(ReceiverStream::new(requests)).await;
    let mut answers = answer.map_err(|status| status.to_string())?.into_inner();
    let heard: Arc<Mutex<Vec<ToSite>>> = Arc::default();
    let (sender, count) = watch::channel(0);
    let all = heard.clone();
    tokio::spawn(async move {
        while let Ok(Some(answer)) = answers.message().await {
            // A sum that is too long for the session is passed over.
            let Some(Heard::ToSite(bytes)) = answer.body else { continue };
            let message = ToSite::decode(bytes).expect("a true coordinator's message");
            all.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            sender.send_modify(|count| *count += 1);
        }
    });
    Ok((session, heard, count))
}

/// What it says when it comes.
pub(crate) fn hello(last_epoch: u64) -> Hello {
    Hello { unresolved: Vec::new(), rounds: BTreeMap::new(), last_epoch }
}
