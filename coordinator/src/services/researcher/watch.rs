//! The events of a study, stored ones first, then each as it is stored.

use std::sync::Arc;
use std::time::Duration;

use ripieno_identity::{Credential, PublicKey, RatifiedCharter};
use ripieno_rpc::StudyEvent;
use ripieno_rpc::study_event::Event;
use ripieno_study::{Digest, SiteSet};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, watch};
use tonic::Status;
use tracing::{debug, error};

use super::home_is_trusted;
use crate::actor::{Shared, shown};
use crate::clock::unix_now;
use crate::services::places::Place;

/// Events that are read at a time.
const PAGE: u32 = 128;
/// How often a credential is looked at where nothing happens.
const HOUR: u64 = 3600;

/// Somebody who watches a study.
pub(super) struct Watcher {
    shared: Arc<Shared>,
    credential: Credential,
    study: Digest,
    events: mpsc::Sender<Result<StudyEvent, Status>>,
    news: broadcast::Receiver<Digest>,
    charters: watch::Receiver<Arc<Vec<RatifiedCharter>>>,
    cut_off: watch::Receiver<SiteSet>,
    _place: Place<PublicKey>,
}

impl Watcher {
    /// To be made before the first look into the store: nothing falls in between.
    pub(super) fn new(
        shared: Arc<Shared>,
        credential: Credential,
        study: Digest,
        events: mpsc::Sender<Result<StudyEvent, Status>>,
        place: Place<PublicKey>,
    ) -> Self {
        let news = shared.news.subscribe();
        let (charters, cut_off) = (shared.charters.subscribe(), shared.cut_off.subscribe());
        Self { shared, credential, study, events, news, charters, cut_off, _place: place }
    }

    /// Sends what comes after an event until the study ends, or its researcher may watch no more.
    /// What happens is only a hint to read on in the store: so nothing is lost, doubled, or shown
    /// before it is durable.
    pub(super) async fn run(mut self, after: u64) {
        if let Err(status) = self.watch(after).await {
            debug!(study = self.study.short(), %status, "a watch is over");
            let _ = self.events.send_timeout(Err(status), self.stall()).await;
        }
    }

    async fn watch(&mut self, mut after: u64) -> Result<(), Status> {
        loop {
            self.may_watch()?;
            let page = self.shared.store.events(&self.study, after, PAGE).await;
            let page = page.map_err(|error| {
                error!(%error, "events cannot be read");
                Status::internal("the events of this study cannot be read now")
            })?;
            let whole = page.len() < PAGE as usize;
            for stored in page {
                after = stored.number;
                let Some(event) = shown(stored.number, stored.record) else { continue };
                let last = matches!(event.event, Some(Event::Ended(_)));
                // Who does not read is gone, or as good as that.
                let sent = self.events.send_timeout(Ok(event), self.stall()).await;
                if sent.is_err() || last {
                    return Ok(());
                }
            }
            if whole && (self.has_ended(after).await || !self.more().await) {
                return Ok(());
            }
        }
    }

    fn stall(&self) -> Duration {
        self.shared.settings.connections.stall()
    }

    /// Whether the credential still counts.
    fn may_watch(&self) -> Result<(), Status> {
        if let Some(charter) = self.shared.charter() {
            let verified = self.credential.verify(&charter, unix_now());
            verified.map_err(|refusal| Status::permission_denied(refusal.reason))?;
        }
        home_is_trusted(&self.shared, &self.credential)
    }

    /// Whether the last event was the last of the study.
    async fn has_ended(&self, after: u64) -> bool {
        let Some(before) = after.checked_sub(1) else { return false };
        let last = self.shared.store.events(&self.study, before, 1).await.unwrap_or_default().pop();
        let event = last.and_then(|last| shown(last.number, last.record));
        event.is_some_and(|event| matches!(event.event, Some(Event::Ended(_))))
    }

    /// Waits until something was stored of the study, or the credential is to be looked at again;
    /// `false` when nobody watches any more.
    async fn more(&mut self) -> bool {
        let left = self.credential.fields.expires.saturating_sub(unix_now());
        let look = tokio::time::sleep(Duration::from_secs(left.clamp(1, HOUR)));
        tokio::pin!(look);
        loop {
            tokio::select! {
                () = self.events.closed() => return false,
                () = &mut look => return true,
                changed = self.charters.changed() => return changed.is_ok(),
                changed = self.cut_off.changed() => return changed.is_ok(),
                heard = self.news.recv() => match heard {
                    Ok(of) if of == self.study => return true,
                    Ok(_) => {}
                    // Some were missed: it may have been among them.
                    Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                },
            }
        }
    }
}
