//! The demo in words and figures, at most 100 columns wide, told as it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Instant;

use ripieno_analysis::GlmReport;
use ripieno_study::Study;
use ripieno_terminal::{Failure, Style, bytes, clean, figure, human, table, wrap};

use super::audit::Reads;
use super::federation::Federation;
use super::hospitals::{DENIED, FEATURES, Hospital, OUTCOME};
use super::picture;
use super::pooled::Fit;
use super::replay::Contribution;
use super::researcher::WHO;
use super::run::{LOST, SHOWN};
use super::{Place, say};
use crate::output::Protection;
use crate::study::course::Course;
use crate::study::event::{Event, Told};

/// Words of a charter on a line.
const WORDS: usize = 12;

/// Who tells.
pub(super) struct Story {
    style: Style,
    began: Instant,
}

impl Story {
    pub(super) fn begin() -> Self {
        Self { style: Style::of_stdout(), began: Instant::now() }
    }

    pub(super) fn question(&self, hospitals: &[Hospital]) -> Result<(), Failure> {
        say(&self
            .style
            .bold("Ripieno: four hospitals, one regression, and no row leaves its house"))?;
        let rows: usize = hospitals.iter().map(|hospital| hospital.rows.len()).sum();
        let sites: Vec<_> =
            hospitals.iter().map(|h| format!("{} {}", h.name, h.rows.len())).collect();
        self.part(
            "The question",
            &format!(
                "  Which nuclei make a breast tumour malignant? {rows} biopsies (Wisconsin, 1995), \
                 dealt to four\n  hospitals: {}.\n  Logistic regression of {OUTCOME:?} on {}.\n  \
                 Beside these columns every table has {}: made up here, to be read by nobody.",
                sites.join(", "),
                FEATURES.join(", "),
                and(&DENIED)
            ),
        )
    }

    pub(super) fn coordinator(
        &self,
        federation: &Federation,
        began: Instant,
    ) -> Result<(), Failure> {
        self.part(
            "A federation: five processes on this machine",
            &self.step(
                "coordinator",
                began,
                &format!("listens on {}, TLS 1.3, certificates on both sides", federation.address),
            ),
        )
    }

    pub(super) fn enrolled(&self, hospitals: &[Hospital], began: Instant) -> Result<(), Failure> {
        let names: Vec<_> = hospitals.iter().map(|hospital| hospital.name).collect();
        say(&self.step("hospitals", began, &and(&names)))?;
        say(&format!(
            "{:24}each makes its keys, enrols by a one-time invitation, runs a daemon",
            ""
        ))
    }

    pub(super) fn charter(&self, words: &[String], began: Instant) -> Result<(), Failure> {
        say(&self.step("charter", began, "proposed, compared by its words, signed by all four:"))?;
        words
            .chunks(WORDS)
            .try_for_each(|line| say(&self.style.accent(format!("    {}", line.join(" ")))))
    }

    pub(super) fn researcher(&self, home: &str, began: Instant) -> Result<(), Failure> {
        let [name, role, _] = WHO;
        say(&self.step("researcher", began, &format!("{name}, {role}; {home} vouches")))
    }

    pub(super) fn study_begins(&self, study: &Study) -> Result<(), Failure> {
        let what = format!("  submitted   study {}, membership may change", study.digest().short());
        self.part("What happened", &what)
    }

    /// Tells of an event, where there is something to tell.
    pub(super) fn event(&self, told: &Told, course: &Course) -> Result<(), Failure> {
        match &told.event {
            Event::Answer { site, verdict, .. } if verdict == "pending" => {
                say(&format!("  {site}  the policy allows it, and asks the steward, who approves"))
            }
            Event::Presence { site, present } => say(&self.presence(site, *present)),
            Event::Opened { .. } => course.rounds.last().map_or(Ok(()), |round| {
                let mut bar = String::new();
                let lost: BTreeSet<_> = round.missing.iter().collect();
                let all: BTreeSet<_> = round.survivors.iter().chain(&round.missing).collect();
                for name in &all {
                    let there = !lost.contains(name);
                    bar += &if there { self.style.good("■") } else { self.style.bad("□") };
                }
                let (summed, sites) = (round.survivors.len(), all.len());
                let mut line = format!(
                    "  round {:<4}  {bar}  sum of {summed} of {sites} opened, {}",
                    round.round,
                    human(round.seconds)
                );
                if !round.missing.is_empty() {
                    let _ = write!(
                        line,
                        "\n              the others release their shares of its mask key: its masks \
                         are taken out of the sum"
                    );
                }
                say(&line)
            }),
            Event::Voided { round, slot, .. } => {
                say(&format!("  round {round:<4}  slot {slot} voided, nothing opened; repeated"))
            }
            // A hospital that was started again says no to the epoch that it has left.
            Event::Refusal { site, check, .. } if site == LOST.0 && check == "S4" => Ok(()),
            Event::Refusal { .. } => {
                told.event.line().map_or(Ok(()), |line| say(&wrap(&line, 2)))
            }
            Event::Ended { how, reason } if how != "done" => {
                say(&wrap(&format!("{how}: {reason}"), 2))
            }
            Event::Answer { .. }
            | Event::Phase { .. }
            | Event::Upload { .. }
            | Event::Ended { .. } => Ok(()),
        }
    }

    fn presence(&self, site: &str, present: bool) -> String {
        let (lost, _) = LOST;
        match (present, site == lost) {
            (false, true) => format!(
                "  {}  killed in mid-round, before its upload, and started again",
                self.style.bad(site)
            ),
            (false, false) => format!("  {}  is gone", self.style.bad(site)),
            (true, _) => format!(
                "  {}  is back; its secrets of this epoch went with it, it joins the next one",
                self.style.good(site)
            ),
        }
    }

    /// How the analysis ended, and who came to it.
    pub(super) fn converged(
        &self,
        report: &GlmReport,
        same: usize,
        all: usize,
    ) -> Result<(), Failure> {
        say(&format!(
            "  result      {}\n              {same} of {all} hospitals recomputed every sum and every \
             step, to the same bits",
            clean(&report.message, 200)
        ))
    }

    /// Time per phase.
    pub(super) fn phases(&self, course: &Course) -> Result<(), Failure> {
        let mut phases: Vec<(&str, Vec<f64>)> = Vec::new();
        for span in &course.spans {
            match phases.iter_mut().find(|(phase, _)| *phase == span.phase) {
                Some((_, times)) => times.push(span.seconds),
                None => phases.push((&span.phase, vec![span.seconds])),
            }
        }
        let rows = phases.into_iter().map(|(phase, times)| {
            let all: f64 = times.iter().sum();
            let longest = times.iter().copied().fold(0.0, f64::max);
            [clean(phase, 24), times.len().to_string(), human(all), human(longest)]
        });
        self.part("Time", &table(&["phase", "times", "in all", "longest"], rows))
    }

    /// Federated and pooled coefficients; the largest difference.
    pub(super) fn result(&self, federated: &GlmReport, pooled: &Fit) -> Result<f64, Failure> {
        let estimates = federated.coefficients.iter().zip(&pooled.coefficients);
        let errors = federated.standard_errors.iter().zip(&pooled.standard_errors);
        let largest = estimates.clone().fold(0.0_f64, |most, (a, b)| (a - b).abs().max(most));
        let rows = federated.terms.iter().zip(estimates).zip(errors).zip(&federated.p_values).map(
            |(((term, (estimate, pooled)), (error, pooled_error)), p)| {
                [
                    clean(term, 32),
                    figure(*estimate, 9),
                    figure(*pooled, 9),
                    format!("{:.0e}", (estimate - pooled).abs()),
                    figure(*error, 6),
                    figure(*pooled_error, 6),
                    if *p < 1e-16 { "<1e-16".into() } else { format!("{p:.0e}") },
                ]
            },
        );
        let header = ["term", "federated", "pooled", "differ by", "s.e. fed.", "s.e. pooled", "p"];
        let body = format!(
            "{}\n\n  deviance {} federated, {} pooled, over {} rows\n  {}",
            table(&header, rows),
            figure(federated.deviance, 9),
            figure(pooled.deviance, 9),
            federated.n,
            self.style.good(format!("largest difference of a coefficient: {largest:.1e}"))
        );
        self.part("The result, beside the same regression on all rows in one place", &body)?;
        Ok(largest)
    }

    pub(super) fn picture(
        &self,
        round: u32,
        own: &Contribution,
        received: &[u64],
        same: bool,
    ) -> Result<(), Failure> {
        let title = format!("What the coordinator had of {SHOWN} in round {round}, in its files");
        let body = format!(
            "{}\n\n  The whole study, computed here once more from the four tables, gives the \
             federation's\n  result to the last bit: {}",
            picture::draw(own, received, self.style),
            if same { self.style.good("yes") } else { self.style.bad("NO") }
        );
        self.part(&title, &body)
    }

    /// Each hospital's rule, and what they say.
    pub(super) fn refused(
        &self,
        refusals: &BTreeMap<String, (String, String)>,
    ) -> Result<(), Failure> {
        let mut lines: Vec<_> = refusals
            .iter()
            .map(|(site, (rule, _))| {
                format!("  {site}  {} by its rule {rule}", self.style.bad("refuses"))
            })
            .collect();
        let reasons: BTreeSet<_> = refusals.values().map(|(_, reason)| reason).collect();
        lines.extend(reasons.into_iter().map(|reason| wrap(reason, 4)));
        self.part(&format!("A study that asks for {}", and(&DENIED)), &lines.join("\n"))
    }

    /// What was read at each hospital, by its own log.
    pub(super) fn reads(&self, all: &BTreeMap<String, Reads>) -> Result<(), Failure> {
        let columns: BTreeSet<_> = all.values().flat_map(|reads| &reads.columns).collect();
        let columns: Vec<_> = columns.into_iter().map(String::as_str).collect();
        let rows = all.iter().map(|(name, reads)| {
            let denied: Vec<_> =
                DENIED.iter().filter(|denied| reads.columns.contains(**denied)).collect();
            let sound = if reads.sound { "sound" } else { "NOT SOUND" };
            [
                name.clone(),
                reads.times.to_string(),
                reads.columns.len().to_string(),
                denied.len().to_string(),
                format!("{} entries, {sound}", reads.entries),
            ]
        });
        let header = ["hospital", "opened", "columns read", "of them denied", "audit log"];
        let body = format!(
            "{}\n{}",
            table(&header, rows),
            wrap(&format!("read: {}; never: {}", columns.join(", "), DENIED.join(", ")), 2)
        );
        self.part("What was read, by each hospital's own signed log", &body)
    }

    pub(super) fn protection(&self, numbers: &Protection, round: u32) -> Result<(), Failure> {
        let (lost, _) = LOST;
        self.part(
            "What protects it, and what does not",
            &wrap(
                &format!(
                    "No sum of fewer than {} hospitals is ever opened. This run assumes that no \
                     hospital works with the coordinator (c = {}), and that membership may change: \
                     whoever compares round {round}, without {lost}, with the rounds around it \
                     learns something of {lost}. With membership = \"fixed\", which is the default, \
                     the study waits instead. No noise is added: the result is what it says. \
                     docs/threat-model.md says who can do what.",
                    numbers.minimum, numbers.corrupt
                ),
                2,
            ),
        )
    }

    pub(super) fn end(
        &self,
        place: &Place,
        (coordinator, site): (Option<u64>, Option<u64>),
    ) -> Result<(), Failure> {
        let program = std::env::args().next().unwrap_or_else(|| "ripieno".into());
        let size = |peak: Option<u64>| peak.map_or_else(|| "?".into(), bytes);
        let took = format!(
            "  {} in all; at most {} of memory at the coordinator, {} at a hospital",
            human(self.began.elapsed().as_secs_f64()),
            size(coordinator),
            size(site)
        );
        let files = match place {
            Place::Temporary(_) => format!(
                "  Nothing stays: no process, no file. To look around: {program} demo --dir DIR"
            ),
            Place::Kept(path) => {
                let dir = path.display();
                format!(
                    "  No process stays; the files are in {dir}:\n    tables/        what only the \
                     hospitals read\n    coordinator/   its database, keys and log\n    \
                     hospital-*/    keys, ledger, logs of each\n\n    {program} site audit show \
                     --dir {dir}/hospital-a\n    {program} coordinator audit verify --dir \
                     {dir}/coordinator\n    {program} study check {dir}/study.toml"
                )
            }
        };
        self.part("Go on", &format!("{took}\n{files}"))
    }

    fn part(&self, title: &str, body: &str) -> Result<(), Failure> {
        say(&format!("\n{}\n{body}", self.style.bold(title)))
    }

    fn step(&self, what: &str, began: Instant, text: &str) -> String {
        let took = human(began.elapsed().as_secs_f64());
        format!("  {what:<12}{took:>8}  {text}")
    }
}

/// A list in words.
fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}
