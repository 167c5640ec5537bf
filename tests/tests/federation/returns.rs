//! Sites that come back: without their certificate, or with an older folder than they left.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ripieno_rpc::InviteRequest;
use ripieno_tests::{Kind, made, programs, until};

use crate::support::{DONE, complete, setup};

/// Types `site enroll` in a folder: whether it was taken, and what was said.
fn enroll(dir: &Path, invitation: &str) -> (bool, String) {
    let mut command = Command::new(programs!().site);
    command.arg("enroll").arg("--dir").arg(dir);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(invitation.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_lost_its_certificate_comes_back_on_its_key() {
    let mut federation = setup(Kind::InProcess, 4).found().await;
    let (name, dir) = (federation.sites[3].name.clone(), federation.sites[3].dir().to_owned());
    federation.sites[3].stop().await;
    std::fs::remove_file(dir.join("connection.pem")).unwrap();
    let request = InviteRequest { site: name, hours: 1 };
    let made = federation.coordinator.operator().await.invite(request).await.unwrap().into_inner();
    assert!(made.key.is_some(), "it counts with the key that the charter lists");
    // The invitation names the coordinator's own address: the relay of the site is of the test.
    let config = std::fs::read_to_string(dir.join("site.toml")).unwrap();
    let (enrolled, said) = enroll(&dir, &made.invitation);
    assert!(enrolled && said.contains("are as they were"), "{said}");
    std::fs::write(dir.join("site.toml"), config).unwrap();
    federation.sites[3].start().await;
    federation.all_present().await;
    assert_eq!(federation.coordinator.status().await.charter_version, 1);
    let (_, watch, _) = complete(&federation, &made::regression("after it came back")).await;
    assert_eq!(watch.survivors()[&1].len(), 4, "{watch}");
    federation.verify_audits(&[]);
}

/// A folder of yesterday has forgotten what was opened since: its site, the coordinator and its
/// operator see it (check L1).
#[tokio::test(flavor = "multi_thread")]
async fn a_site_whose_folder_is_of_yesterday_is_told_so() {
    let mut federation = setup(Kind::InProcess, 4).phase("slots", 1).found().await;
    let dir = federation.sites[3].dir().to_owned();
    let copy = dir.with_extension("yesterday");
    let run = |program: &str, arguments: [&Path; 3]| {
        assert!(Command::new(program).args(arguments).status().unwrap().success());
    };
    federation.sites[3].stop().await;
    run("cp", [Path::new("-a"), &dir, &copy]);
    federation.sites[3].start().await;
    federation.all_present().await;
    complete(&federation, &made::vector("opened", 8, 2, made::WIDE)).await;
    federation.sites[3].stop().await;
    let newest = dir.with_extension("newest");
    std::fs::rename(&dir, &newest).unwrap();
    run("cp", [Path::new("-a"), &copy, &dir]);
    federation.sites[3].start().await;
    federation.all_present().await;
    federation.researcher.submit(&made::vector("next", 8, 1, made::WIDE)).await;
    until(DONE, "the site's alarm", || async {
        let alarms = federation.sites[3].status().await.alarms;
        let told = alarms.iter().any(|alarm| alarm.contains("refused (check L1) by"));
        if told { Ok(()) } else { Err(format!("{alarms:?}")) }
    })
    .await;
    let alarms = federation.coordinator.status().await.alarms;
    let name = &federation.sites[3].name;
    let expected = format!("The ledger of {name} is refused (check L1, by this coordinator");
    assert!(alarms.iter().any(|alarm| alarm.starts_with(&expected)), "{alarms:?}");
    let sites = federation.coordinator.sites().await;
    assert!(sites.iter().all(|site| site.ledger_behind == (site.name == *name)), "{alarms:?}");

    // With its newest folder it is in the next epoch, and nobody says so any more.
    federation.sites[3].stop().await;
    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::rename(&newest, &dir).unwrap();
    federation.sites[3].start().await;
    until(DONE, "the end of the alarms", || async {
        let own = federation.sites[3].status().await.alarms;
        let theirs = federation.coordinator.status().await.alarms;
        if own.is_empty() && theirs.is_empty() {
            Ok(())
        } else {
            Err(format!("{own:?} {theirs:?}"))
        }
    })
    .await;
}
