//! A coordinator whose disk takes nothing more, in the midst of a study.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ripieno_tests::{Kind, Special, made, until};

use crate::sums::{expected, figures};
use crate::support::{DONE, all, assert_close, assert_sites_agree, impatient, setup};

/// How soon the coordinator must have met its disk.
const SOON: Duration = Duration::from_secs(60);

/// It takes no more work and says why; no site has given away what it must not; with room it goes on
/// from what was durable, to the right sum.
#[tokio::test(flavor = "multi_thread")]
async fn with_room_again_a_study_goes_on_to_the_right_sum() {
    let mut federation = impatient(setup(Kind::Processes, 4)).found().await;
    for (phase, round) in [("collecting", 1), ("deciding", 2), ("opening", 1)] {
        federation.coordinator.stop().await;
        federation.start_specially(Special { scarce: true, ..Special::default() }).await;
        federation.all_present().await;
        let logs = federation.verify_audits(&[]);
        let text = made::vector(&format!("full-{phase}"), 50, 3, made::WIDE);
        let study = federation.researcher.submit(&text).await;
        let watch = federation.researcher.watch(study);
        watch.phase(DONE, phase, round).await;
        federation.coordinator.fill_disk();
        let more = AtomicU32::new(0);
        until(SOON, "the coordinator to say that it is broken", || async {
            // The study may have ended before its disk was full: this one has to be written down.
            let number = more.fetch_add(1, Ordering::Relaxed);
            let text = made::vector(&format!("more-{phase}-{number}"), 50, 1, made::WIDE);
            let _ = federation.researcher.try_submit(&text).await;
            let alarms = federation.coordinator.status().await.alarms;
            match alarms.iter().find(|alarm| alarm.contains("takes no more work")) {
                Some(alarm) => Ok(alarm.clone()),
                None => Err(format!("{alarms:?}")),
            }
        })
        .await;
        federation.coordinator.kill().await;
        let logs = federation.verify_audits(&logs);

        federation.start_coordinator().await;
        federation.all_present().await;
        watch.done(DONE).await;
        let result = federation.researcher.result(&study).await;
        assert_close(phase, &figures(&result), &expected(&text, 3, 1..=4), 1e-9);
        assert_sites_agree(&federation, &study, &all(&federation), &result).await;
        assert!(watch.refused().is_empty(), "{watch}");
        federation.verify_audits(&logs);
    }
}

/// The limit is that of the processes themselves, whoever started them.
#[tokio::test(flavor = "multi_thread")]
async fn daemons_leave_no_core_file() {
    let federation = setup(Kind::Processes, 4).found().await;
    let daemons = federation.sites.iter().map(ripieno_tests::Site::process);
    for id in daemons.chain([federation.coordinator.process()]) {
        let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let values: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
        assert_eq!(values, ["0", "0"], "{core}");
    }
}
