//! The commands of an operator, at the slim binary.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use crate::support::Hub;

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("ripieno-coordinator").unwrap();
    command.args(arguments).arg("--dir").arg(dir);
    command
}

/// In a thread of its own: the coordinator serves in this process.
async fn json(dir: &Path, arguments: &[&str]) -> Value {
    let mut command = command(dir, arguments);
    command.arg("--json");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn text(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = command(dir, arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_types() {
    let hub = Hub::start().await;
    let dir = &hub.folder();
    let (code, said) = text(dir, &["sites"]).await;
    assert!(code == 0 && said.contains("No site"), "{said}");
    let invited = json(dir, &["invite", "north"]).await;
    assert!(invited["invitation"].as_str().unwrap().starts_with("ripieno-invitation-1."));
    let (code, said) = text(dir, &["charter", "propose"]).await;
    assert!(code == 5 && said.contains("at least 3 sites"), "{code} {said}");
    let (code, said) = text(dir, &["revoke", "south", "--reason", "left"]).await;
    assert!(code == 5 && said.contains("no site \"south\""), "{code} {said}");
    hub.found(&["a", "b", "c"]).await;
    let shown = json(dir, &["charter", "show"]).await;
    assert_eq!(shown["in_force"]["words"].as_array().unwrap().len(), 24);
    let (code, said) = text(dir, &["charter", "show"]).await;
    assert!(code == 0 && said.contains("North, version 1"), "{said}");
    assert_eq!(json(dir, &["status"]).await["charter_version"], 1);
    assert_eq!(json(dir, &["sites"]).await["sites"].as_array().unwrap().len(), 4);
    assert_eq!(json(dir, &["studies"]).await["studies"].as_array().unwrap().len(), 0);
    let prepared = json(dir, &["authority", "prepare"]).await;
    assert_eq!((&prepared["phase"], &prepared["list"]), (&"prepared".into(), &2.into()));
    assert_eq!(prepared["sites"][0]["certified_by"], prepared["present"]);
    let (code, said) = text(dir, &["authority", "switch"]).await;
    assert!(code == 5 && said.contains("a, b, c") && said.contains("--force"), "{code} {said}");
    let (code, said) = text(dir, &["authority", "status"]).await;
    assert!(code == 0 && said.contains("next ") && said.contains("authority switch"), "{said}");
    let verified = json(dir, &["audit", "verify"]).await;
    assert_eq!(verified["sound"], true);
    let (_, said) = text(dir, &["audit", "show", "--kind", "membership"]).await;
    assert!(said.contains("charter-in-force"), "{said}");
    let (code, said) = text(dir, &["status"]).await;
    assert!(code == 0 && said.contains("version 1"), "{said}");
}

#[test]
fn who_is_not_there_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path(), &["status"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("serve --dir"), "{said}");
    let output = command(dir.path(), &["serve"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("init"), "{said}");
}

#[test]
fn an_altered_log_is_found() {
    let above = tempfile::tempdir().unwrap();
    let dir = above.path().join("hub");
    let arguments = ["init", "--federation", "North", "--address", "localhost:7443"];
    command(&dir, &arguments).assert().success();
    // As if the log were somebody else's.
    std::fs::write(dir.join("coordinator.key"), [7; 32]).unwrap();
    let output = command(&dir, &["audit", "verify"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("record 1"), "{said}");
}
