//! What happens in a study, as the coordinator tells it, with names for sites.

use std::collections::BTreeMap;

use ripieno_identity::RatifiedCharter;
use ripieno_rpc::StudyEvent;
use ripieno_rpc::study_event::Event as Wire;
use ripieno_terminal::{clean, counted};
use serde::Serialize;

/// The longest text of an event that is shown, in characters.
const MOST: usize = 1024;

/// Names of the sites of a charter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeMap<u32, String>);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Told {
    /// 1, 2, ... within the study.
    pub(crate) number: u64,
    /// Milliseconds since 1970-01-01 UTC, by the coordinator's clock.
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// What it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A site decided on the study: approved, pending or refused, by a rule.
    Answer { site: String, verdict: String, rule: String, reason: String },
    /// A phase began; where a round is under way, with its participants.
    Phase { phase: String, round: u32, step: String, participants: Vec<String> },
    /// A site's upload is complete.
    Upload { site: String, round: u32, bytes: u64 },
    /// A slot was voided: nothing was opened in it.
    Voided { round: u32, epoch: u64, slot: u32, missing: Vec<String> },
    /// A sum was opened.
    Opened {
        round: u32,
        step: String,
        epoch: u64,
        slot: u32,
        survivors: Vec<String>,
        missing: Vec<String>,
    },
    /// A site refused a step by one of its checks.
    Refusal { site: String, check: String, culprit: String, reason: String },
    /// A site came or went.
    Presence { site: String, present: bool },
    /// The study ended: done, failed or cancelled.
    Ended { how: String, reason: String },
}

impl Names {
    pub(crate) fn of(charter: &RatifiedCharter) -> Self {
        let name =
            |site: &ripieno_identity::CharterSite| (u32::from(site.index.get()), site.name.clone());
        Self(charter.sites().iter().map(name).collect())
    }

    /// All of them, by index.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.values().cloned().collect()
    }

    /// The name of a site; a site of an earlier charter has none here.
    fn name(&self, site: u32) -> String {
        self.0.get(&site).cloned().unwrap_or_else(|| format!("site {site}"))
    }

    fn names(&self, sites: &[u32]) -> Vec<String> {
        sites.iter().map(|site| self.name(*site)).collect()
    }
}

impl Told {
    /// An event with names; `None` for one that this version does not know.
    pub(crate) fn new(event: StudyEvent, names: &Names) -> Option<Self> {
        let StudyEvent { number, at, event } = event;
        Some(Self { number, at, event: Event::new(event?, names) })
    }
}

impl Event {
    fn new(event: Wire, names: &Names) -> Self {
        let text = |text: String| clean(&text, MOST);
        match event {
            Wire::Answered(e) => Event::Answer {
                site: names.name(e.site),
                verdict: text(e.verdict),
                rule: text(e.rule),
                reason: text(e.reason),
            },
            Wire::Phase(e) => Event::Phase {
                phase: text(e.phase),
                round: e.round,
                step: text(e.step),
                participants: names.names(&e.participants),
            },
            Wire::Uploaded(e) => {
                Event::Upload { site: names.name(e.site), round: e.round, bytes: e.bytes }
            }
            Wire::Voided(e) => Event::Voided {
                round: e.round,
                epoch: e.epoch,
                slot: e.slot,
                missing: names.names(&e.missing),
            },
            Wire::Round(e) => Event::Opened {
                round: e.round,
                step: text(e.step),
                epoch: e.epoch,
                slot: e.slot,
                survivors: names.names(&e.survivors),
                missing: names.names(&e.missing),
            },
            Wire::Refused(e) => Event::Refusal {
                site: names.name(e.site),
                check: text(e.check),
                culprit: text(e.culprit),
                reason: text(e.reason),
            },
            Wire::Ended(e) => Event::Ended { how: text(e.how), reason: text(e.reason) },
            Wire::Presence(e) => Event::Presence { site: names.name(e.site), present: e.present },
        }
    }

    /// A line for people; nothing for what only a display shows.
    pub(crate) fn line(&self) -> Option<String> {
        Some(match self {
            Event::Answer { site, verdict, rule, reason } => {
                let because = because(rule, reason);
                format!("{site}: {verdict}{because}")
            }
            Event::Phase { phase, participants, .. } if phase == "waiting" => {
                let of = match participants.len() as u64 {
                    0 => String::new(),
                    sites => format!(" with its {}", counted(sites, "site")),
                };
                format!("waiting until a round can begin{of}")
            }
            Event::Phase { phase, round, step, participants } if phase == "collecting" => {
                format!("round {round} {step}: {} sites compute", participants.len())
            }
            Event::Phase { .. } | Event::Upload { .. } => return None,
            Event::Voided { round, slot, missing, .. } => format!(
                "round {round}: slot {slot} voided, nothing opened, without {}; repeated in another \
                 slot",
                some(missing)
            ),
            Event::Opened { round, step, survivors, missing, .. } => {
                let lost = match missing.as_slice() {
                    [] => String::new(),
                    missing => format!(", {} lost, masks recovered", some(missing)),
                };
                format!("round {round} {step}: sum of {} sites opened{lost}", survivors.len())
            }
            // What may be about another researcher's study is told without its text.
            Event::Refusal { site, check, culprit, reason } if reason.is_empty() => {
                format!("{site}: check {check} failed ({culprit})")
            }
            Event::Refusal { site, check, culprit, reason } => {
                format!("{site}: check {check} failed ({culprit}): {reason}")
            }
            Event::Presence { site, present: true } => format!("{site} is there"),
            Event::Presence { site, present: false } => format!("{site} is gone"),
            Event::Ended { how, reason } if reason.is_empty() => how.clone(),
            Event::Ended { how, reason } => format!("{how}: {reason}"),
        })
    }

    /// Whether a person wants to see it even where a display shows the course of things.
    pub(crate) fn is_notable(&self) -> bool {
        match self {
            Event::Answer { verdict, .. } => verdict != "approved",
            Event::Voided { .. } | Event::Refusal { .. } | Event::Presence { .. } => true,
            Event::Opened { missing, .. } => !missing.is_empty(),
            Event::Phase { .. } | Event::Upload { .. } | Event::Ended { .. } => false,
        }
    }
}

/// A rule and a reason, where there are any; a reason that begins with its rule says it once.
pub(crate) fn because(rule: &str, reason: &str) -> String {
    let own = reason.strip_prefix(rule).and_then(|rest| rest.strip_prefix(": "));
    let reason = own.unwrap_or(reason);
    match (rule, reason) {
        ("", "") => String::new(),
        ("", reason) => format!(": {reason}"),
        (rule, "") => format!(" by rule {rule}"),
        (rule, reason) => format!(" by rule {rule}: {reason}"),
    }
}

/// The first names of a list.
pub(crate) fn some(names: &[String]) -> String {
    const SOME: usize = 6;
    let shown = names.iter().take(SOME).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SOME) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
