//! A researcher's commands against a coordinator that plays a recorded study.

use std::fs;
use std::path::PathBuf;
use std::process::Command as Process;

use assert_cmd::Command;
use ripieno_rpc::study_event as event;
use ripieno_rpc::{SiteStanding, StudyEvent};
use serde_json::Value;
use tempfile::TempDir;

use crate::fake::{Fake, now};
use crate::support::{STUDY, complaint, json, may_change, ripieno};

/// A researcher with a folder, and the coordinator.
struct Researcher {
    folder: TempDir,
    fake: Fake,
}

impl Researcher {
    /// With a key and a credential that holds so many seconds from now.
    fn new(seconds: i64) -> Self {
        let researcher = Self { folder: tempfile::tempdir().unwrap(), fake: Fake::start() };
        let output = researcher.command(&["researcher", "init"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let key = text.lines().next().unwrap().strip_prefix("your key: ").unwrap();
        let key = serde_json::from_value(key.into()).unwrap();
        let credential = researcher.fake.credential(key, now().saturating_add_signed(seconds));
        fs::write(researcher.path("mail.txt"), credential).unwrap();
        fs::write(researcher.path("study.toml"), may_change(STUDY)).unwrap();
        researcher
    }

    /// One that has joined.
    fn joined() -> Self {
        let researcher = Self::new(3600 * 24 * 30);
        let output = researcher.join(&researcher.fake.fingerprint).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        researcher
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ripieno();
        command.args(arguments).arg("--dir").arg(self.path("home"));
        command.current_dir(self.folder.path());
        ["HTTPS_PROXY", "https_proxy"].iter().for_each(|name| {
            command.env_remove(name);
        });
        command
    }

    fn join(&self, fingerprint: &str) -> Command {
        let address = self.fake.address.to_string();
        self.join_at(&address, fingerprint)
    }

    fn join_at(&self, address: &str, fingerprint: &str) -> Command {
        let key = self.fake.coordinator();
        let options = ["researcher", "join", "--coordinator", address, "--key", &key];
        let mut command = self.command(&options);
        command.args(["--credential", "mail.txt", "--fingerprint", fingerprint]);
        command
    }
}

fn events() -> Vec<StudyEvent> {
    use event::Event;
    let phase = |phase: &str, participants: &[u32]| {
        Event::Phase(event::PhaseBegan {
            phase: phase.into(),
            round: 1,
            step: "newton".into(),
            participants: participants.to_vec(),
        })
    };
    let uploaded = |site| Event::Uploaded(event::SiteUploaded { site, round: 1, bytes: 256 });
    let events = [
        phase("collecting", &[1, 2, 3, 4]),
        uploaded(1),
        uploaded(2),
        Event::Presence(event::SitePresenceChanged { site: 3, present: false }),
        uploaded(4),
        Event::Round(event::RoundFinished {
            round: 1,
            step: "newton".into(),
            epoch: 1,
            slot: 0,
            survivors: vec![1, 2, 4],
            missing: vec![3],
        }),
        Event::Ended(event::StudyEnded { how: "done".into(), reason: String::new() }),
    ];
    let numbered = (1..).zip(events);
    numbered
        .map(|(number, event)| StudyEvent { number, at: 500 * number, event: Some(event) })
        .collect()
}

#[test]
fn joining_pins_the_charter_and_shows_its_words() {
    let researcher = Researcher::new(3600 * 24 * 30);
    let output = researcher.join(&researcher.fake.fingerprint).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let words = researcher.fake.charter.charter().fingerprint_words();
    assert_eq!(words.len(), 24);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(&words.join(" ")), "{text}");
    let shown = json(&mut researcher.command(&["researcher", "show", "--json"]), 0);
    assert_eq!((&shown["name"], &shown["home"]), (&"Ada".into(), &"hospital-a".into()));
    assert_eq!(shown["words"].as_array().unwrap().len(), 24);
    // Once more is no harm.
    researcher.join(&researcher.fake.fingerprint).assert().success();
}

#[test]
fn a_wrong_fingerprint_key_or_address_is_told_apart() {
    let researcher = Researcher::new(3600);
    let wrong = researcher.fake.fingerprint.replace('A', "B").replace('1', "2");
    let text = complaint(&mut researcher.join(&wrong), 8);
    assert!(text.contains("certificate"), "{text}");
    let text = complaint(&mut researcher.join("4D:1A"), 2);
    assert!(text.contains("fingerprint"), "{text}");
    // Nobody listens on a port that was given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut join = researcher.join_at(&free.to_string(), &researcher.fake.fingerprint);
    let text = complaint(&mut join, 8);
    assert!(text.contains("connection refused") && text.contains("next:"), "{text}");
    assert!(!researcher.path("home/coordinator.toml").exists(), "nothing half joined stays");
}

#[test]
fn without_key_federation_or_time_nobody_is_asked() {
    let researcher = Researcher::new(3600);
    let text = complaint(&mut researcher.command(&["study", "list"]), 9);
    assert!(text.contains("not joined") && text.contains("researcher join"), "{text}");
    let text = complaint(&mut researcher.command(&["researcher", "init"]), 7);
    assert!(text.contains("exists already"), "{text}");
    let late = Researcher::new(-10);
    let text = complaint(&mut late.join(&late.fake.fingerprint), 9);
    assert!(text.contains("ended on") && text.contains("vouch"), "{text}");
    let other = Researcher::new(3600);
    fs::copy(other.path("mail.txt"), researcher.path("mail.txt")).unwrap();
    let text = complaint(&mut researcher.join(&researcher.fake.fingerprint), 9);
    assert!(text.contains("for another key"), "{text}");
    fs::write(researcher.path("mail.txt"), "ripieno-credential-1.AAAA").unwrap();
    let text = complaint(&mut researcher.join(&researcher.fake.fingerprint), 9);
    assert!(text.contains("typing error"), "{text}");
}

#[test]
fn a_watch_goes_on_where_a_broken_connection_left_it() {
    let researcher = Researcher::joined();
    *researcher.fake.played.events.lock().unwrap() = events();
    *researcher.fake.played.breaks.lock().unwrap() = vec![0, 3];
    let output = researcher
        .command(&["study", "submit", "study.toml", "--watch", "--json"])
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let told: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = told.iter().map(|told| told["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(*researcher.fake.played.asked_after.lock().unwrap(), [0, 3, 3]);
    assert_eq!(errors.matches("trying again in").count(), 2, "{errors}");
    assert_eq!((&told[3]["site"], &told[6]["how"]), (&"hospital-c".into(), &"done".into()));
    let output = researcher.command(&["study", "watch", "study.toml"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("round 1 newton: sum of 3 sites opened, hospital-c lost"), "{text}");
}

#[test]
fn a_result_is_printed_and_written_as_a_simulation_s() {
    let researcher = Researcher::joined();
    let played = &researcher.fake.played;
    researcher.command(&["study", "submit", "study.toml"]).assert().success();
    let digest =
        played.status.lock().unwrap().study[..2].iter().fold(String::new(), |mut text, b| {
            text += &format!("{b:02x}");
            text
        });
    let text = complaint(&mut researcher.command(&["study", "result", &digest]), 5);
    assert!(text.contains("not done"), "{text}");
    *played.events.lock().unwrap() = events();
    // The figures of a simulation come back to the same bits.
    let files = crate::support::Files::new(&["a", "b", "c", "d"]);
    files.write_study(&may_change(STUDY));
    let simulated = json(&mut files.simulate(&["--json", "-q"]), 0);
    *played.report.lock().unwrap() = simulated.to_string();
    let mut result = researcher.command(&["study", "result", &digest, "--json", "--out", "out"]);
    let fetched = json(&mut result, 0);
    for key in ["analysis", "coefficients", "standard_errors", "p_values", "deviance", "message"] {
        assert_eq!(fetched[key], simulated[key], "{key}");
    }
    assert_eq!(fetched["rounds"][0]["missing"][0], "hospital-c");
    assert_eq!(fetched["protection"]["minimum"], 3);
    for file in ["result.json", "model.safetensors", "charter.json"] {
        assert!(researcher.path("out").join(file).exists(), "{file}");
    }
    let output = researcher.command(&["study", "result", &digest]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("std. error") && text.contains("hospital-c"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    // A fit without an estimate is told by the exit code.
    let mut separated = simulated;
    separated["converged"] = false.into();
    separated["status"] = "separated".into();
    separated["p_values"] = serde_json::json!([null, null]);
    *played.report.lock().unwrap() = separated.to_string();
    let fetched = json(&mut researcher.command(&["study", "result", &digest, "--json"]), 6);
    assert_eq!(fetched["p_values"], serde_json::json!([null, null]));
    *played.report.lock().unwrap() = "{}".into();
    let text = complaint(&mut researcher.command(&["study", "result", &digest]), 9);
    assert!(text.contains("does not hold"), "{text}");
}

#[test]
fn a_refused_study_names_each_site_s_rule() {
    let researcher = Researcher::joined();
    let played = &researcher.fake.played;
    let refused = |name: &str| SiteStanding {
        name: name.into(),
        answer: "refused".into(),
        rule: "denied_columns".into(),
        reason: "name is never read".into(),
        ..SiteStanding::default()
    };
    played.status.lock().unwrap().sites = vec![refused("hospital-a"), refused("hospital-b")];
    let ended = event::StudyEnded { how: "failed".into(), reason: "sites refused".into() };
    let ended = StudyEvent { number: 1, at: 5, event: Some(event::Event::Ended(ended)) };
    *played.events.lock().unwrap() = vec![ended];
    let output =
        researcher.command(&["study", "submit", "study.toml", "--watch"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{text}");
    for site in ["hospital-a", "hospital-b"] {
        let line = format!("{site}: refused by rule denied_columns: name is never read");
        assert!(text.contains(&line), "{text}");
    }
    let output = researcher.command(&["study", "show", "study.toml"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("rule denied_columns"));
    researcher.command(&["study", "cancel", "study.toml", "--reason", "no"]).assert().success();
    assert_eq!(played.cancelled.lock().unwrap().as_deref(), Some("no"));
}

#[test]
fn a_check_asks_the_coordinator_unless_offline() {
    let researcher = Researcher::joined();
    let checked = json(&mut researcher.command(&["study", "check", "study.toml", "--json"]), 0);
    assert_eq!(checked["federation"]["warnings"][0], "nobody is there yet");
    *researcher.fake.played.problems.lock().unwrap() = vec!["two sites are too few".into()];
    let mut check = researcher.command(&["study", "check", "study.toml"]);
    let output = check.output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8(output.stderr).unwrap().contains("two sites are too few"));
    assert!(!String::from_utf8(output.stdout).unwrap().contains("The study is good"));
    let mut offline = researcher.command(&["study", "check", "study.toml", "--offline", "--json"]);
    assert_eq!(json(&mut offline, 0)["federation"], Value::Null);
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let researcher = Researcher::joined();
    let key = researcher.path("home/researcher.key");
    assert!(Process::new("chmod").arg("644").arg(&key).status().unwrap().success());
    let text = complaint(&mut researcher.command(&["study", "list"]), 7);
    assert!(text.contains("chmod 600"), "{text}");
}

#[test]
fn the_authorities_that_the_coordinator_signs_are_trusted() {
    let researcher = Researcher::joined();
    let pem = researcher.path("home").join("authorities.pem");
    let trusted = || fs::read_to_string(&pem).unwrap();
    let pinned = trusted();
    researcher.fake.show_authorities(2, false);
    let list = || researcher.command(&["study", "list"]).output().unwrap();
    assert!(list().status.success());
    let both = trusted();
    assert!(both.starts_with(&pinned) && both.matches("BEGIN CERTIFICATE").count() == 2);
    researcher.fake.show_authorities(3, true);
    let output = list();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not signed by this federation's coordinator"), "{said}");
    assert_eq!(output.status.code(), Some(9), "{said}");
    researcher.fake.show_authorities(1, false);
    let output = list();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("number 2 is held already"), "{said}");
    assert_eq!(trusted(), both);
}
