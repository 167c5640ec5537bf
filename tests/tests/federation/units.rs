//! What is shipped to be installed: units of systemd, and samples of configurations.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use ripieno_access::Policy;
use ripieno_client::config::SiteFile;
use ripieno_coordinator::Settings;

/// Keys of a unit, by section; a key may stand several times.
type Unit = BTreeMap<String, Vec<(String, String)>>;

#[derive(Debug, Parser)]
enum Coordinator {
    #[command(flatten)]
    Command(ripieno_coordinator::Command),
}

#[derive(Debug, Parser)]
enum Site {
    #[command(flatten)]
    Command(ripieno_client::Command),
}

#[test]
fn the_coordinator_s_unit_starts_it_in_its_folder() {
    let unit = unit("coordinator/ripieno-coordinator.service");
    let words = check(&unit, "ripieno-coordinator");
    Coordinator::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
}

#[test]
fn the_site_s_unit_starts_it_in_its_folder_with_locked_memory() {
    let unit = unit("client/ripieno-site.service");
    let words = check(&unit, "ripieno-site");
    Site::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let locked = one(&unit, "Service", "LimitMEMLOCK");
    let mebibytes: u64 = locked.strip_suffix('M').and_then(|n| n.parse().ok()).unwrap();
    assert!(mebibytes >= 16, "{locked}");
    assert!(one(&unit, "Service", "SystemCallFilter").contains("mlock"));
}

#[test]
fn the_samples_parse() {
    let (path, text) = read("coordinator/coordinator.sample.toml");
    Settings::parse(&text, &path).unwrap();
    let (path, text) = read("client/site.sample.toml");
    SiteFile::parse(&text, &path).unwrap();
    for name in ["client/policy.sample.toml", "client/policy.new.toml"] {
        Policy::parse(&read(name).1).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_unit_that_is_none_is_noticed() {
    for text in ["ExecStart=x", "[Service]\nno equals sign", "[Service\nA=b"] {
        assert!(parse(text).is_err(), "{text}");
    }
    let unit = parse("# a\n[Service]\nA=b\\\n c\n\nA=d\n; e\n").unwrap();
    let values = [("A".to_owned(), "b c".to_owned()), ("A".to_owned(), "d".to_owned())];
    assert_eq!(unit["Service"], values);
}

/// What both units must say; gives the words of the command, the program by its name.
fn check(unit: &Unit, name: &str) -> Vec<String> {
    let command = one(unit, "Service", "ExecStart");
    let mut words: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
    let program = Path::new(&words[0]);
    assert!(program.is_absolute() && program.file_name().unwrap() == name, "{command}");
    words[0] = name.to_owned();
    let at = words.iter().position(|word| word == "--dir").expect("it names its folder");
    let state = one(unit, "Service", "StateDirectory");
    assert_eq!(words[at + 1], format!("/var/lib/{state}"), "{command}");
    let expected = [
        ("LimitCORE", "0"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("KillSignal", "SIGTERM"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("Restart", "on-failure"),
    ];
    for (key, value) in expected {
        assert_eq!(one(unit, "Service", key), value, "{name}: {key}");
    }
    assert_ne!(one(unit, "Service", "User"), "root");
    assert_eq!(one(unit, "Install", "WantedBy"), "multi-user.target");
    words
}

/// The first value of a key.
#[track_caller]
fn one<'a>(unit: &'a Unit, section: &str, key: &str) -> &'a str {
    let values = unit.get(section).unwrap_or_else(|| panic!("no [{section}]"));
    let found = values.iter().find(|(name, _)| name == key);
    found.map_or_else(|| panic!("no {key} in [{section}]"), |(_, value)| value.as_str())
}

fn unit(name: &str) -> Unit {
    parse(&read(name).1).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A unit as systemd.syntax(7) has it.
fn parse(text: &str) -> Result<Unit, String> {
    let mut unit = Unit::new();
    let mut section = None;
    let joined = text.replace("\\\n", "");
    for line in joined.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest.strip_suffix(']').ok_or_else(|| format!("no section: {line}"))?;
            unit.entry(name.to_owned()).or_default();
            section = Some(name.to_owned());
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| format!("no setting: {line}"))?;
        let section = section.as_ref().and_then(|name| unit.get_mut(name));
        let section = section.ok_or_else(|| format!("before any section: {line}"))?;
        section.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(unit)
}

fn read(name: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (path, text)
}
