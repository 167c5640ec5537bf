//! A coordinator that is evil, and a corrupt site that helps it, against four true sites.
//!
//! The federation is founded by the real coordinator, which is then killed. What takes its place
//! has its folder: its key, its certificate, its address. The last site's program is ended, and
//! its key given to a [`Corrupt`]. The four others are the real daemon, as it is shipped; they
//! speak TLS and gRPC to whatever stands here, and all that they send is kept.

mod epoch;
mod round;
mod server;
mod tries;

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_files::KeyFile;
use ripieno_identity::{RatifiedCharter, SigningKey};
use ripieno_rpc::attend_response::Body;
use ripieno_secagg::Roster;
use ripieno_study::{Digest, SiteIndex, Study};
use ripieno_tests::{Federation, Kind, Programs, Setup, made};
use ripieno_wire::membership::decode_ratified;
use ripieno_wire::{FromSite, StudyOffer, StudyVerdict, ToSite};
use tokio::task::JoinSet;

pub(crate) use epoch::{Gathered, Run, Sharing};
pub(crate) use round::{Case, Round};
pub(crate) use server::Wire;
use tries::{Alarm, Try};

use crate::forger::Corrupt;

/// Sites of a stage, the corrupt one among them.
const SITES: usize = 5;
/// Far above what the true coordinator has announced, and near enough to be taken.
const FIRST_EPOCH: u64 = 1000;

/// A federation in evil hands.
pub(crate) struct Stage {
    pub(crate) federation: Federation,
    pub(crate) charter: RatifiedCharter,
    pub(crate) roster: Arc<Roster>,
    /// The coordinator's key.
    pub(crate) key: SigningKey,
    pub(crate) corrupt: Corrupt,
    pub(crate) wire: Arc<Wire>,
    /// The true sites.
    pub(crate) honest: Vec<SiteIndex>,
    tries: Vec<Try>,
    alarms: Vec<Alarm>,
    epoch: u64,
    studies: u64,
    fence: Option<StudyOffer>,
    _tasks: JoinSet<()>,
}

impl Stage {
    /// Founds a federation and takes it over.
    pub(crate) async fn set(programs: Programs) -> Self {
        let mut federation = Setup::new(programs, Kind::InProcess, SITES).corrupt(1).found().await;
        let charter = federation.sites[0].charter().await.in_force.expect("a charter");
        let (charter, consents) = decode_ratified(charter).expect("a charter");
        let charter = RatifiedCharter::found(charter, consents).expect("a charter in force");
        let roster = Arc::new(Roster::from(&charter));
        let names: BTreeMap<_, _> =
            charter.sites().iter().map(|site| (site.name.clone(), site.index)).collect();
        federation.coordinator.kill().await;
        let last = federation.sites.last_mut().expect("there are sites");
        last.stop().await;
        let site = names[&last.name];
        let corrupt = Arc::new(key(&last.dir().join("site.key")));
        let honest: Vec<_> = names.values().copied().filter(|other| *other != site).collect();
        let folder = federation.coordinator.dir().to_owned();
        let (wire, address, tasks) = Wire::start(&folder, names).await;
        for site in &federation.sites {
            site.relay.lead_to(address);
        }
        let mut stage = Self {
            corrupt: Corrupt::new(site, corrupt, roster.clone()),
            key: key(&folder.join("coordinator.key")),
            federation,
            charter,
            roster,
            wire,
            honest,
            tries: Vec::new(),
            alarms: Vec::new(),
            epoch: FIRST_EPOCH,
            studies: 0,
            fence: None,
            _tasks: tasks,
        };
        for site in stage.honest.clone() {
            stage.wire.arrived(site, 0).await;
        }
        let fence = stage.offer_of(&made::vector("fence", 4, 1, made::WIDE));
        stage.fence = Some(fence);
        stage
    }

    /// A true site, by its place from 0.
    pub(crate) fn site(&self, place: usize) -> SiteIndex {
        self.honest[place]
    }

    /// Sends a message, and gives all that the site says to it.
    pub(crate) async fn ask(
        &self,
        site: SiteIndex,
        message: ToSite,
    ) -> Result<Vec<FromSite>, String> {
        let mark = self.wire.mark();
        self.wire.send(site, Body::ToSite(message.encode())).await;
        self.heard_out(site, mark).await
    }

    /// Asks for something that a site answers at once and always; gives all that it said since a
    /// mark and before that answer. It handles one message after the other.
    pub(crate) async fn heard_out(
        &self,
        site: SiteIndex,
        mark: usize,
    ) -> Result<Vec<FromSite>, String> {
        let fence = self.fence.clone().expect("it is made with the stage");
        let study = fence.submission.study;
        let behind = self.wire.mark();
        self.wire.send(site, Body::ToSite(ToSite::Study(fence).encode())).await;
        let answer = |message: &FromSite| matches!(message, FromSite::StudyAnswer(answer) if answer.study == study);
        let end = self.wire.wait(behind, "the answer to the fence", |heard| {
            heard.iter().position(|heard| heard.site == site && answer(&heard.message))
        });
        let end = end.await? + behind - mark;
        let heard = self.wire.since(mark);
        let said = heard[..end].iter().filter(|heard| heard.site == site);
        Ok(said.map(|heard| heard.message.clone()).collect())
    }

    /// Sends a message to a site, which answers with one message that `take` knows.
    pub(crate) async fn expect<T>(
        &self,
        site: SiteIndex,
        message: ToSite,
        take: impl Fn(FromSite) -> Option<T>,
    ) -> Result<T, String> {
        let what = format!("{message:?}");
        let answer = format!("the answer of {site} to {what}");
        let mark = self.wire.mark();
        self.wire.send(site, Body::ToSite(message.encode())).await;
        let found = self.wire.wait(mark, &answer, |heard| {
            let of_site = heard.iter().filter(|heard| heard.site == site);
            of_site.map(|heard| heard.message.clone()).find_map(|message| match message {
                FromSite::Refused { refusal, .. } => Some(Err(refusal.to_string())),
                other => take(other).map(Ok),
            })
        });
        found.await?.map_err(|refusal| format!("{site} refuses an honest {what}: {refusal}"))
    }

    /// A study as its researcher asks for it.
    pub(crate) fn offer_of(&self, text: &str) -> StudyOffer {
        let study = Study::parse(text).expect("a study").digest();
        let submission = self.federation.researcher.submission(study);
        StudyOffer { text: text.to_owned(), submission }
    }

    /// A new study with a sum of vectors, which every true site approves.
    pub(crate) async fn case(&mut self, rounds: u32, rest: &str) -> Result<Case, String> {
        self.case_of(8, rounds, rest).await
    }

    /// The same with vectors of this length.
    pub(crate) async fn case_of(
        &mut self,
        length: usize,
        rounds: u32,
        rest: &str,
    ) -> Result<Case, String> {
        self.studies += 1;
        let text = made::vector(&format!("study {}", self.studies), length, rounds, rest);
        let offer = self.offer_of(&text);
        for site in &self.honest {
            self.approved(*site, &offer).await?;
        }
        Ok(Case::new(Study::parse(&text).expect("a study")))
    }

    async fn approved(&self, site: SiteIndex, offer: &StudyOffer) -> Result<(), String> {
        let study: Digest = offer.submission.study;
        let verdict = self.expect(site, ToSite::Study(offer.clone()), |said| match said {
            FromSite::StudyAnswer(answer) if answer.study == study => Some(answer.verdict),
            _ => None,
        });
        match verdict.await? {
            StudyVerdict::Approved => Ok(()),
            other => Err(format!("{site} does not approve a study: {other:?}")),
        }
    }
}

/// The key in a file.
pub(crate) fn key(path: &std::path::Path) -> SigningKey {
    SigningKey::from_seed(&KeyFile::at(path).read().expect("a key"))
}
