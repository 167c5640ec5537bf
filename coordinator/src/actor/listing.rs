//! Lists of studies. The actor says which ones, and goes on; whoever asked reads from the store those
//! that are not in memory, however many they are.

use std::cmp::Reverse;
use std::sync::Arc;

use ripieno_coordinator_engine::{Recorded, StudyStatus as Standing};
use ripieno_identity::{CharterSite, PublicKey, RatifiedCharter};
use ripieno_rpc::{SiteStanding, StudyStatus};
use ripieno_study::{Digest, SiteIndex};
use tonic::Status;
use tracing::error;

use super::news::name_of;
use super::studies::reason;
use super::{Actor, Shared};
use crate::store::Store;

/// Studies in one list.
const MOST_LISTED: usize = 256;

/// The studies of a list, newest first.
pub(crate) struct Listing {
    studies: Vec<Listed>,
    view: View,
}

/// One of them.
enum Listed {
    /// It is in memory.
    Here(Box<Standing>),
    /// It is over, and in the store alone.
    Stored(Digest),
}

/// The charter and who is there, as a status is shown with them.
pub(crate) struct View {
    /// The one in force last.
    charters: Arc<Vec<RatifiedCharter>>,
    here: Vec<SiteIndex>,
    /// Connected, and their stewards have not confirmed the words of any charter yet.
    unconfirmed: Vec<SiteIndex>,
}

impl Actor {
    /// The studies of the researchers that `of` knows, at most [`MOST_LISTED`].
    pub(super) fn listing(&self, of: impl Fn(&PublicKey) -> bool) -> Listing {
        let view = self.view();
        let Some(engine) = &self.engine else { return Listing { studies: Vec::new(), view } };
        let here = engine.statuses().filter(|status| {
            engine.researcher(&status.study).is_some_and(|researcher| of(&researcher))
        });
        let here = here.map(|status| (status.submitted, status.study, Some(Box::new(status))));
        let past = engine.past().filter(|(_, past)| of(&past.researcher));
        let past = past.map(|(study, past)| (past.submitted, study, None));
        let mut all: Vec<_> = here.chain(past).collect();
        all.sort_unstable_by_key(|(submitted, study, _)| (Reverse(*submitted), *study));
        all.truncate(MOST_LISTED);
        let listed = |(_, study, here): (u64, Digest, Option<Box<Standing>>)| {
            here.map_or(Listed::Stored(study), Listed::Here)
        };
        Listing { studies: all.into_iter().map(listed).collect(), view }
    }

    /// What statuses are shown with.
    pub(super) fn view(&self) -> View {
        let sessions = self.sessions.values().filter(|session| !session.confirmed);
        View {
            charters: self.shared.charters.borrow().clone(),
            here: self.present(),
            unconfirmed: sessions.filter_map(|session| session.index).collect(),
        }
    }
}

impl Listing {
    /// Where the studies stand, each read when its turn comes. One whose record is damaged is left
    /// out: the others are listed all the same.
    pub(crate) async fn read(self, shared: &Shared) -> Result<(View, Vec<Standing>), Status> {
        let mut statuses = Vec::with_capacity(self.studies.len());
        for listed in self.studies {
            match listed {
                Listed::Here(status) => statuses.push(*status),
                Listed::Stored(study) => statuses.extend(read(&shared.store, study).await?),
            }
        }
        Ok((self.view, statuses))
    }
}

/// Where a study stands that is in the store alone.
async fn read(store: &Store, study: Digest) -> Result<Option<Standing>, Status> {
    let record = store.study(&study).await.map_err(|error| {
        error!(%error, "a study cannot be read");
        Status::internal("the coordinator cannot read its studies: ask the operator")
    })?;
    let Some(record) = record else { return Ok(None) };
    let recorded = tokio::task::spawn_blocking(move || Recorded::read(study, &record)).await;
    let recorded =
        recorded.map_err(|_| Status::internal("the studies were not read to the end"))?;
    Ok(recorded
        .inspect_err(|error| error!(%error, "a study cannot be read"))
        .ok()
        .map(|r| r.status))
}

impl View {
    /// A status as it is shown.
    pub(crate) fn tell(&self, status: &Standing) -> StudyStatus {
        let charter = self.charters.last();
        let sites = charter.map(RatifiedCharter::sites).unwrap_or_default();
        let standing = |site: &CharterSite| {
            let present = self.here.contains(&site.index);
            let (rule, reason) = status.refused.get(&site.index).cloned().unwrap_or_default();
            SiteStanding {
                index: site.index.get().into(),
                name: site.name.clone(),
                present,
                answer: self.answer(status, site.index).to_owned(),
                rule,
                reason,
                participates: status.participants.contains(site.index),
                uploaded: status.uploaded.contains(site.index),
            }
        };
        StudyStatus {
            study: bytes::Bytes::copy_from_slice(status.study.as_bytes()),
            name: status.name.clone(),
            researcher: status.researcher.0.clone(),
            home: name_of(charter, status.researcher.1),
            submitted: status.submitted,
            phase: status.phase.to_owned(),
            round: status.round,
            step: status.step.to_owned(),
            sites: sites.iter().map(standing).collect(),
            reason: reason(status),
        }
    }

    /// What a site says of a study, or why it says nothing.
    fn answer(&self, status: &Standing, site: SiteIndex) -> &'static str {
        if status.refused.contains_key(&site) {
            "refused"
        } else if status.willing.contains(site) {
            "willing"
        } else if status.undecided.contains(site) {
            "pending"
        } else if self.here.contains(&site) {
            "undecided"
        } else if self.unconfirmed.contains(&site) {
            "unconfirmed"
        } else {
            "absent"
        }
    }
}
