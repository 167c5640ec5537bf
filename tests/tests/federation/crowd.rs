//! Some hundred sites that come at the same time, while a study runs.

use std::time::Duration;

use ripieno_tests::{Crowd, Kind, made, within};

use crate::sums::{expected, figures};
use crate::support::{DONE, all, assert_close, assert_sites_agree, setup};

const CROWD: usize = 300;
const ARRIVE: Duration = Duration::from_secs(120);

/// All come in, each when it was told to; and the rounds of a study go on among them.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_comes_in_one_after_the_other_and_rounds_go_on() {
    let setup = setup(Kind::Processes, 3).connections("arrivals", 4);
    let mut federation = setup.connections("most", 1024).found().await;
    federation.coordinator.stop().await;
    let mut crowd = Crowd::enrol(&federation.coordinator, CROWD).await;
    federation.start_coordinator().await;
    federation.all_present().await;

    let text = made::vector("among many", 9, 40, made::WIDE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    watch.phase(DONE, "collecting", 2).await;
    crowd.arrive(&federation.coordinator.status().await.listens);
    let (arrivals, ()) = tokio::join!(
        within(ARRIVE, "the crowd to be there", crowd.all_there()),
        watch.done(ARRIVE)
    );
    let result = federation.researcher.result(&study).await;
    let wanted = expected(&text, 40, 1..=3);
    assert_close("among many", &figures(&result), &wanted, 1e-9);
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
    // With four places, most of them found none free, and were told when to come back.
    assert!(arrivals.refused > 0, "{arrivals:?}");
    assert!(arrivals.longest >= Duration::from_secs(1), "{arrivals:?}");
    assert_eq!(federation.coordinator.status().await.sites_present as usize, CROWD + 3);
}
