//! All that happened in a study, as the researcher sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ripieno_rpc::study_event::Event;
use ripieno_rpc::{StudyEvent, study_event};
use ripieno_study::Digest;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::researcher::Researcher;

/// Until a broken stream is opened again.
const PAUSE: Duration = Duration::from_millis(30);

/// The events of a study, taken in the background until the study ends.
pub struct Watch {
    events: watch::Receiver<Vec<StudyEvent>>,
    _task: JoinSet<()>,
}

impl Watch {
    pub(crate) fn start(researcher: Researcher, study: Digest) -> Self {
        let (sender, events) = watch::channel(Vec::new());
        let mut task = JoinSet::new();
        task.spawn(follow(researcher, study, sender));
        Self { events, _task: task }
    }

    /// The events so far.
    #[must_use]
    pub fn events(&self) -> Vec<StudyEvent> {
        self.events.borrow().clone()
    }

    /// Waits for the first event for which `find` gives something.
    ///
    /// # Panics
    /// With all events, where there is none within `deadline` or the study ended without one.
    pub async fn find<T>(
        &self,
        deadline: Duration,
        what: &str,
        mut find: impl FnMut(&Event) -> Option<T>,
    ) -> T {
        let mut events = self.events.clone();
        let mut seen = 0;
        let look = async {
            loop {
                let new: Vec<_> = events.borrow_and_update().iter().skip(seen).cloned().collect();
                seen += new.len();
                if let Some(found) = new.iter().filter_map(|e| e.event.as_ref()).find_map(&mut find)
                {
                    return Some(found);
                }
                if events.changed().await.is_err() {
                    return None;
                }
            }
        };
        match timeout(deadline, look).await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("{what}: the study ended without it:\n{self}"),
            Err(_) => panic!("{what}: not within {deadline:?}:\n{self}"),
        }
    }

    /// Waits until the study is in this phase of this round.
    pub async fn phase(&self, deadline: Duration, phase: &str, round: u32) {
        self.find(deadline, &format!("{phase} of round {round}"), |event| match event {
            Event::Phase(began) if began.phase == phase && began.round == round => Some(()),
            _ => None,
        })
        .await;
    }

    /// Waits until the study is done.
    ///
    /// # Panics
    /// Where it ends in another way.
    pub async fn done(&self, deadline: Duration) {
        let ended = self.ended(deadline).await;
        assert_eq!(ended.how, "done", "{}\n{self}", ended.reason);
    }

    /// Waits until the study has failed, and says why.
    ///
    /// # Panics
    /// Where it ends in another way.
    pub async fn failed(&self, deadline: Duration) -> String {
        let ended = self.ended(deadline).await;
        assert_eq!(ended.how, "failed", "{}\n{self}", ended.reason);
        ended.reason
    }

    /// Waits until the study ends.
    pub async fn ended(&self, deadline: Duration) -> study_event::StudyEnded {
        self.find(deadline, "the end of the study", |event| match event {
            Event::Ended(ended) => Some(ended.clone()),
            _ => None,
        })
        .await
    }

    /// Who was in the sum of each round, by round.
    #[must_use]
    pub fn survivors(&self) -> BTreeMap<u32, BTreeSet<u32>> {
        let rounds = self.finished().into_iter();
        rounds.map(|round| (round.round, round.survivors.into_iter().collect())).collect()
    }

    /// The rounds that were opened.
    #[must_use]
    pub fn finished(&self) -> Vec<study_event::RoundFinished> {
        self.all(|event| match event {
            Event::Round(round) => Some(round.clone()),
            _ => None,
        })
    }

    /// The slots that were voided.
    #[must_use]
    pub fn voided(&self) -> Vec<study_event::SlotVoided> {
        self.all(|event| match event {
            Event::Voided(voided) => Some(voided.clone()),
            _ => None,
        })
    }

    /// What sites refused.
    #[must_use]
    pub fn refused(&self) -> Vec<study_event::SiteRefused> {
        self.all(|event| match event {
            Event::Refused(refused) => Some(refused.clone()),
            _ => None,
        })
    }

    fn all<T>(&self, of: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.events.borrow().iter().filter_map(|event| of(event.event.as_ref()?)).collect()
    }
}

impl std::fmt::Display for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.events.borrow().iter().try_for_each(|event| writeln!(f, "{}", line(event)))
    }
}

async fn follow(researcher: Researcher, study: Digest, events: watch::Sender<Vec<StudyEvent>>) {
    loop {
        let after = events.borrow().last().map_or(0, |event| event.number);
        if let Ok(mut stream) = researcher.events(&study, after).await {
            while let Ok(Some(event)) = stream.message().await {
                let ended = matches!(event.event, Some(Event::Ended(_)));
                let expected = events.borrow().last().map_or(0, |event| event.number) + 1;
                assert_eq!(event.number, expected, "events come in order, once each");
                events.send_modify(|events| events.push(event));
                if ended {
                    return;
                }
            }
        }
        sleep(PAUSE).await;
    }
}

/// An event on one line.
#[must_use]
pub fn line(event: &StudyEvent) -> String {
    let what = match &event.event {
        None => "nothing".to_owned(),
        Some(Event::Answered(e)) => {
            format!("site {} answered {} {} {}", e.site, e.verdict, e.rule, e.reason)
        }
        Some(Event::Phase(e)) => {
            format!("{} round {} {} by {:?}", e.phase, e.round, e.step, e.participants)
        }
        Some(Event::Uploaded(e)) => {
            format!("site {} uploaded {} bytes, round {}", e.site, e.bytes, e.round)
        }
        Some(Event::Voided(e)) => format!(
            "void: round {} epoch {} slot {}, missing {:?}",
            e.round, e.epoch, e.slot, e.missing
        ),
        Some(Event::Round(e)) => format!(
            "opened: round {} epoch {} slot {} of {:?}, missing {:?}",
            e.round, e.epoch, e.slot, e.survivors, e.missing
        ),
        Some(Event::Refused(e)) => {
            format!("site {} refused by {} ({}): {}", e.site, e.check, e.culprit, e.reason)
        }
        Some(Event::Ended(e)) => format!("ended: {} {}", e.how, e.reason),
        Some(Event::Presence(e)) => format!("site {} present: {}", e.site, e.present),
    };
    format!("{:>4} at {} ms: {what}", event.number, event.at % 1_000_000)
}
