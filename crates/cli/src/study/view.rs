//! Events on a terminal: a display that changes in place, lines, or JSON lines.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure, line_to_stdout, to_stderr};
use serde::Serialize;

use super::args::{Shown, Watching};
use super::course::Course;
use super::event::Told;

/// Sites that have a line of their own.
const MOST_SITES: usize = 16;

/// Shows events.
pub(crate) enum View {
    Display(Box<Display>),
    Lines,
    Json(Digest),
}

/// A line for the study, and one for each site.
pub(crate) struct Display {
    all: MultiProgress,
    study: ProgressBar,
    sites: Vec<(String, ProgressBar)>,
}

/// An event of a study as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    study: Digest,
    #[serde(flatten)]
    told: &'a Told,
}

impl View {
    pub(crate) fn new(watching: Watching, study: Digest, sites: &[String]) -> Self {
        let terminal = io::stdout().is_terminal();
        match watching.progress {
            _ if watching.json => View::Json(study),
            Shown::Bars => View::Display(Box::new(Display::new(sites))),
            Shown::Auto if terminal => View::Display(Box::new(Display::new(sites))),
            Shown::Auto | Shown::Lines => View::Lines,
        }
    }

    /// Shows an event; `course` is where the study stands after it.
    pub(crate) fn see(&mut self, told: &Told, course: &Course) -> Result<(), Failure> {
        match self {
            View::Json(study) => line_to_stdout(&json_line(*study, told)?),
            View::Lines => told.event.line().map_or(Ok(()), |line| line_to_stdout(&line)),
            View::Display(display) => {
                display.show(told, course);
                Ok(())
            }
        }
    }

    /// Says something beside the events.
    pub(crate) fn say(&self, text: &str) {
        match self {
            View::Display(display) => {
                display.all.suspend(|| to_stderr(text));
            }
            View::Lines | View::Json(_) => to_stderr(text),
        }
    }

    /// Takes the display away.
    pub(crate) fn finish(&self) {
        if let View::Display(display) = self {
            // Where the terminal is gone there is nothing to take away.
            let _ = display.all.clear();
        }
    }
}

/// An event as a line of JSON.
pub(crate) fn json_line(study: Digest, told: &Told) -> Result<String, Failure> {
    let line = serde_json::to_string(&Line { study, told });
    line.map_err(|error| Failure::new(Exit::Internal, error))
}

impl Display {
    fn new(sites: &[String]) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = |template: &str| {
            let bar = all.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        };
        let study = bar("{spinner} {wide_msg}");
        study.enable_steady_tick(Duration::from_millis(120));
        let sites = sites.iter().take(MOST_SITES);
        let sites = sites.map(|name| (name.clone(), bar("  {prefix:20} {wide_msg}"))).collect();
        Self { all, study, sites }
    }

    fn show(&self, told: &Told, course: &Course) {
        if let Some(line) = told.event.line().filter(|_| told.event.is_notable()) {
            self.all.suspend(|| to_stderr(&line));
        }
        self.study.set_message(headline(course));
        for (name, bar) in &self.sites {
            bar.set_prefix(name.clone());
            bar.set_message(standing(course, name));
        }
    }
}

/// Where the study stands, in a line.
pub(crate) fn headline(course: &Course) -> String {
    let (phase, round, step) = (&course.phase, course.round, &course.step);
    match phase.as_str() {
        "" => "submitted".into(),
        "collecting" => {
            let (there, all) = (course.uploaded.len(), course.participants.len());
            format!("round {round} {step}: {there} of {all} uploads")
        }
        "offering" | "waiting" => format!("{phase}: sites decide or are awaited"),
        _ => format!("round {round} {step}: {phase}"),
    }
}

/// Where a site stands in the round under way.
pub(crate) fn standing(course: &Course, name: &str) -> String {
    let participates = course.participants.iter().any(|site| site == name);
    match (participates, course.uploaded.contains(name)) {
        (true, true) => "uploaded",
        (true, false) => "computes",
        (false, _) => "–",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::*;

    fn told(number: u64, event: Event) -> Told {
        Told { number, at: 1_000_000 + 250 * number, event }
    }

    /// A study of three sites of which one is lost, as it was recorded.
    fn recorded() -> Vec<Told> {
        let sites = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let phase = |phase: &str, round, participants: &[&str]| Event::Phase {
            phase: phase.into(),
            round,
            step: "newton".into(),
            participants: sites(participants),
        };
        let upload = |site: &str| Event::Upload { site: site.into(), round: 1, bytes: 384 };
        let answer = |site: &str| Event::Answer {
            site: site.into(),
            verdict: "approved".into(),
            rule: "dataset".into(),
            reason: String::new(),
        };
        let events = [
            phase("offering", 0, &[]),
            answer("a"),
            answer("b"),
            phase("collecting", 1, &["a", "b", "c", "d"]),
            upload("a"),
            upload("b"),
            Event::Presence { site: "c".into(), present: false },
            upload("d"),
            phase("deciding", 1, &["a", "b", "c", "d"]),
            Event::Opened {
                round: 1,
                step: "newton".into(),
                epoch: 1,
                slot: 0,
                survivors: sites(&["a", "b", "d"]),
                missing: sites(&["c"]),
            },
            Event::Ended { how: "done".into(), reason: String::new() },
        ];
        (1..).zip(events).map(|(number, event)| told(number, event)).collect()
    }

    #[test]
    fn lines_tell_what_a_person_wants_to_know() {
        let lines: Vec<_> = recorded().iter().filter_map(|told| told.event.line()).collect();
        assert_eq!(
            lines,
            [
                "a: approved by rule dataset",
                "b: approved by rule dataset",
                "round 1 newton: 4 sites compute",
                "c is gone",
                "round 1 newton: sum of 3 sites opened, c lost, masks recovered",
                "done",
            ]
        );
    }

    #[test]
    fn a_line_says_no_more_than_the_event() {
        let waiting = |names: &[&str]| {
            let participants = names.iter().map(|name| (*name).to_owned()).collect();
            let (phase, step) = ("waiting".into(), String::new());
            Event::Phase { phase, round: 1, step, participants }.line().unwrap()
        };
        assert_eq!(waiting(&[]), "waiting until a round can begin");
        assert_eq!(waiting(&["a", "b"]), "waiting until a round can begin with its 2 sites");
        let refused = |reason: &str| {
            let (site, check) = ("a".into(), "L1".into());
            let (culprit, reason) = ("site b".into(), reason.into());
            Event::Refusal { site, check, culprit, reason }.line().unwrap()
        };
        assert_eq!(refused(""), "a: check L1 failed (site b)");
        assert_eq!(refused("old"), "a: check L1 failed (site b): old");
    }

    #[test]
    fn json_has_one_object_a_line_with_number_time_and_study() {
        let study = Digest::from_bytes([7; 32]);
        for (told, number) in recorded().iter().zip(1..) {
            let line = json_line(study, told).unwrap();
            assert!(!line.contains('\n'));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(
                (&value["number"], &value["study"]),
                (&number.into(), &study.to_string().into())
            );
            assert_eq!(value["at"], 1_000_000 + 250 * number);
        }
        let line = json_line(study, &recorded()[4]).unwrap();
        assert!(line.ends_with(r#""event":"upload","site":"a","round":1,"bytes":384}"#), "{line}");
    }

    #[test]
    fn the_display_shows_uploads_of_the_round_and_who_is_awaited() {
        let mut course = Course::default();
        let mut headlines = Vec::new();
        for told in recorded() {
            course.note(&told);
            headlines.push(headline(&course));
            if told.number == 6 {
                assert_eq!(standing(&course, "b"), "uploaded");
                assert_eq!(
                    (standing(&course, "c"), standing(&course, "x")),
                    ("computes".into(), "–".into())
                );
            }
        }
        assert_eq!(headlines[5], "round 1 newton: 2 of 4 uploads");
        assert_eq!(headlines[8], "round 1 newton: deciding");
        assert_eq!(course.ended, Some(("done".into(), String::new())));
        let spans: Vec<_> =
            course.spans.iter().map(|span| (span.phase.as_str(), span.seconds)).collect();
        assert_eq!(spans, [("offering", 0.75), ("collecting", 1.25), ("deciding", 0.5)]);
        assert_eq!((course.rounds.len(), course.seconds()), (1, 2.5));
        assert_eq!(course.rounds[0].missing, ["c"]);
    }
}
