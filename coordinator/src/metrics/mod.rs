//! Numbers for monitoring: how many rounds, refusals and bytes, and how long phases take. No name of
//! anybody and no value of a study is among them; every label has a few values that are known.

mod endpoint;

use std::net::SocketAddr;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use ripieno_coordinator_engine::Event;
use ripieno_study::Check;

pub(crate) use endpoint::serve;

/// Bounds of the buckets for phases, in seconds: from a round trip to a week's wait for stewards.
const PHASE_SECONDS: [f64; 12] =
    [0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 86400.0, 604_800.0];
/// Bounds of the buckets for commits, in seconds.
const COMMIT_SECONDS: [f64; 8] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0];
/// Every phase that a study may be in.
const PHASES: [&str; 7] =
    ["offering", "waiting", "collecting", "deciding", "opening", "voiding", "settling"];
/// How a study may end.
const ENDS: [&str; 3] = ["done", "failed", "cancelled"];
/// What may become of the set-up of an epoch.
const SET_UPS: [&str; 2] = ["ready", "failed"];

/// One label with its value.
type Label = [(&'static str, String); 1];

/// The numbers of one coordinator since it started.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Where they are shown.
    address: Option<SocketAddr>,
    rounds_started: Counter,
    rounds_opened: Counter,
    slots_voided: Counter,
    refusals: Family<Label, Counter>,
    epochs: Family<Label, Counter>,
    studies_ended: Family<Label, Counter>,
    uploads: Counter,
    phases: Family<Label, Histogram>,
    commits: Histogram,
    pub(crate) upload_bytes: Counter,
    pub(crate) sites_connected: Gauge,
    pub(crate) studies_running: Gauge,
    pub(crate) spool_bytes: Gauge,
    /// 1 when nothing goes on any more.
    pub(crate) broken: Gauge,
}

impl Metrics {
    /// All at zero; shown at `address`, where there is one.
    pub(crate) fn new(address: Option<SocketAddr>) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("ripieno"),
            address,
            rounds_started: Counter::default(),
            rounds_opened: Counter::default(),
            slots_voided: Counter::default(),
            refusals: Family::default(),
            epochs: Family::default(),
            studies_ended: Family::default(),
            uploads: Counter::default(),
            phases: Family::new_with_constructor(|| Histogram::new(PHASE_SECONDS)),
            commits: Histogram::new(COMMIT_SECONDS),
            upload_bytes: Counter::default(),
            sites_connected: Gauge::default(),
            studies_running: Gauge::default(),
            spool_bytes: Gauge::default(),
            broken: Gauge::default(),
        };
        metrics.register();
        metrics.begin_at_zero();
        metrics
    }

    /// Where they are shown.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Counts what happened.
    pub(crate) fn count(&self, event: &Event) {
        match event {
            Event::RoundStarted { .. } => drop(self.rounds_started.inc()),
            Event::RoundFinished { .. } => drop(self.rounds_opened.inc()),
            Event::SlotVoided { .. } => drop(self.slots_voided.inc()),
            Event::Uploaded { .. } => drop(self.uploads.inc()),
            Event::Refused { refusal, .. } => {
                self.refusals.get_or_create(&check(refusal.check)).inc();
            }
            Event::EpochReady { .. } => add(&self.epochs, "result", "ready"),
            Event::EpochFailed { .. } => add(&self.epochs, "result", "failed"),
            Event::StudyDone { .. } => add(&self.studies_ended, "how", "done"),
            Event::StudyFailed { .. } => add(&self.studies_ended, "how", "failed"),
            Event::StudyCancelled { .. } => add(&self.studies_ended, "how", "cancelled"),
            Event::StudyAnswered { .. } => {}
        }
    }

    /// A study was in this phase for so long.
    pub(crate) fn phase(&self, phase: &'static str, took: Duration) {
        self.phases.get_or_create(&label("phase", phase)).observe(took.as_secs_f64());
    }

    /// A transaction took so long.
    pub(crate) fn commit(&self, took: Duration) {
        self.commits.observe(took.as_secs_f64());
    }

    /// All of them, as OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // A string takes any text.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("rounds_started", "Contracts that went out", self.rounds_started.clone());
        to.register("rounds_opened", "Sums that were opened", self.rounds_opened.clone());
        to.register("slots_voided", "Slots that were voided", self.slots_voided.clone());
        to.register("uploads", "Uploads that were complete", self.uploads.clone());
        to.register("refusals", "What sites or the coordinator refused", self.refusals.clone());
        to.register("epochs", "Set-ups of epochs that ended", self.epochs.clone());
        to.register("studies_ended", "Studies that ended", self.studies_ended.clone());
        to.register("sites_connected", "Sites with a session", self.sites_connected.clone());
        to.register("studies_running", "Studies that have not ended", self.studies_running.clone());
        to.register("broken", "1 when no more work is taken", self.broken.clone());
        let (seconds, bytes) = (Unit::Seconds, Unit::Bytes);
        let help = "How long studies were in a phase";
        to.register_with_unit("phase", help, seconds.clone(), self.phases.clone());
        to.register_with_unit(
            "commit",
            "How long transactions took",
            seconds,
            self.commits.clone(),
        );
        let help = "Masked lanes that sites sent";
        to.register_with_unit("upload", help, bytes.clone(), self.upload_bytes.clone());
        to.register_with_unit("spool", "Uploads on the disk", bytes, self.spool_bytes.clone());
    }

    /// What never happened is shown as zero, not left out.
    fn begin_at_zero(&self) {
        for one in Check::ALL {
            drop(self.refusals.get_or_create(&check(one)));
        }
        for result in SET_UPS {
            drop(self.epochs.get_or_create(&label("result", result)));
        }
        for how in ENDS {
            drop(self.studies_ended.get_or_create(&label("how", how)));
        }
        for phase in PHASES {
            drop(self.phases.get_or_create(&label("phase", phase)));
        }
    }
}

fn add(family: &Family<Label, Counter>, name: &'static str, value: &str) {
    family.get_or_create(&label(name, value)).inc();
}

fn check(check: Check) -> Label {
    label("check", &check.to_string())
}

fn label(name: &'static str, value: &str) -> Label {
    [(name, value.to_owned())]
}

#[cfg(test)]
mod tests {
    use ripieno_study::{Refusal, SiteIndex};

    use super::*;

    #[test]
    fn everything_begins_at_zero_and_is_counted() {
        let metrics = Metrics::new(None);
        let before = metrics.text();
        assert!(before.contains("ripieno_refusals_total{check=\"S4\"} 0\n"), "{before}");
        assert!(before.contains("ripieno_phase_seconds_count{phase=\"settling\"} 0\n"), "{before}");
        let site = SiteIndex::new(7).unwrap();
        let refusal = Refusal::site(Check::S4, site, "of somebody");
        metrics.count(&Event::Refused { study: None, site, refusal, found_here: true });
        metrics.phase("settling", Duration::from_millis(20));
        metrics.upload_bytes.inc_by(512);
        let after = metrics.text();
        assert!(after.contains("ripieno_refusals_total{check=\"S4\"} 1\n"), "{after}");
        assert!(after.contains("ripieno_phase_seconds_count{phase=\"settling\"} 1\n"), "{after}");
        assert!(after.contains("ripieno_upload_bytes_total 512\n"), "{after}");
        assert!(!after.contains("somebody") && after.ends_with("# EOF\n"), "{after}");
        assert_eq!(before.lines().count(), after.lines().count(), "no label comes to it");
    }
}
