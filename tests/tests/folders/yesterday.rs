//! A folder that is put back as it was, while the site's peers and the coordinator have gone on.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ripieno_tests::{Kind, Setup, made, programs, until};

use crate::support::start;

const DONE: Duration = Duration::from_secs(120);

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp").success());
}

/// The copy is of the midst of a study. The receipts of the rounds behind it hold what this site has
/// signed, and its ledger does not: it ends by itself, says what to do, and starts no more in that
/// folder. The newest folder is put back, and all is well.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_finds_in_the_coordinator_s_receipts_that_its_folder_is_an_older_one() {
    let setup = Setup::new(programs!(), Kind::InProcess, 4).phase("rejoin_seconds", 1);
    let mut federation = setup.found().await;
    let dir = federation.sites[3].dir().to_owned();
    let (yesterday, newest) = (dir.with_extension("yesterday"), dir.with_extension("newest"));
    let text = made::vector("long", 20, 24, made::WIDE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    until(DONE, "a first round", || async {
        if watch.finished().is_empty() { Err(watch.to_string()) } else { Ok(()) }
    })
    .await;
    federation.sites[3].stop().await;
    copy(&dir, &yesterday);
    federation.sites[3].start().await;
    watch.done(DONE).await;
    until(DONE, "the result at the site", || async {
        federation.sites[3].show(&study).await.report.map(drop).ok_or("not yet".to_owned())
    })
    .await;
    let logs = federation.verify_audits(&[]);
    federation.sites[3].stop().await;
    std::fs::rename(&dir, &newest).unwrap();
    copy(&yesterday, &dir);
    // It answers its people before it hears of the receipts.
    federation.sites[3].relay.cut();
    federation.sites[3].start().await;
    federation.sites[3].relay.mend();
    until(DONE, "the site to end", || async {
        match ripieno_rpc::local::connect(&dir.join("site.sock")).await {
            Ok(_) => Err("it answers its people".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
    federation.sites[3].kill().await;
    let text = start(&dir).await.unwrap_err();
    for said in ["older than what this site has signed", "newest copy", "new site"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let mut accept = Command::new(programs!().site);
    let accept = accept.args(["records", "accept", "--reason", "none", "--dir"]).arg(&dir);
    let output = accept.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("newest copy"), "{said}");

    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::rename(&newest, &dir).unwrap();
    federation.sites[3].start().await;
    federation.all_present().await;
    let study = federation.researcher.submit(&made::vector("after", 8, 1, made::WIDE)).await;
    let watch = federation.researcher.watch(study);
    watch.done(DONE).await;
    assert_eq!(watch.survivors()[&1].len(), 4, "{watch}");
    federation.verify_audits(&logs);
}
