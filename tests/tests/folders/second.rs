//! Two daemons in one folder: the second says that there is a first, by whatever name it came.

use std::process::Command;

use ripieno_tests::{Kind, Setup, programs, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_of_a_folder_is_refused_by_whatever_path() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(programs!(), Kind::Processes, 4);
    let federation = setup.found().await;
    let dir = federation.sites[0].dir();
    let (link, linked) = (folder.path().join("link"), folder.path().join("up"));
    std::os::unix::fs::symlink(dir, &link).unwrap();
    std::os::unix::fs::symlink(dir.parent().unwrap(), &linked).unwrap();
    let name = dir.file_name().unwrap();
    let paths = [
        dir.to_owned(),
        link,
        linked.join(name),
        dir.join("studies").join(".."),
        dir.parent().unwrap().join(".").join(name),
    ];
    for path in paths {
        let mut command = Command::new(programs!().site);
        let output = command.arg("run").arg("--dir").arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(7), "{}: {said}", path.display());
        assert!(said.contains("lock is in use by"), "{}: {said}", path.display());
        // Nor does a command that changes what the daemon owns.
        let accept = ["records", "accept", "--reason", "none", "--dir"];
        let output = Command::new(programs!().site).args(accept).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("is in use by"), "{said}");
    }
    assert_eq!(federation.sites[0].status().await.trouble, "", "the first one goes on");
    let mut status = Command::new(programs!().site);
    let shown = run(status.args(["status", "--json", "--dir"]).arg(dir), "").await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["ready"], true, "{shown}");
}
