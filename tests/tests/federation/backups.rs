//! A coordinator's database that is put back from a backup.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ripieno_tests::{Kind, Watch, made};

use crate::sums::{expected, figures};
use crate::support::{all, assert_close, assert_sites_agree, complete, impatient, setup};

/// The database while the coordinator runs and does nothing, and what the next start makes of it.
const KEPT: [&str; 2] = ["coordinator.db", "coordinator.db-wal"];
const MADE: &str = "coordinator.db-shm";

fn copy(from: &Path, to: &Path) {
    for name in KEPT {
        fs::copy(from.join(name), to.join(name)).expect("a file of the database");
    }
}

/// Rounds ran since the copy was made, in the epoch that was in use then: their slots are given to
/// nobody again, and the next study has its result.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_gives_no_slot_twice() {
    let mut federation = impatient(setup(Kind::Processes, 4)).found().await;
    let (_, before, _) = complete(&federation, &made::vector("before", 50, 1, made::WIDE)).await;
    let (folder, aside) = (federation.coordinator.dir().to_owned(), tempfile::tempdir().unwrap());
    copy(&folder, aside.path());
    let (_, since, _) = complete(&federation, &made::vector("since", 50, 3, made::WIDE)).await;
    let epochs: BTreeSet<_> =
        before.finished().iter().chain(&since.finished()).map(|round| round.epoch).collect();
    assert_eq!(epochs.len(), 1, "the copy knows this epoch, and not which slots were used since");
    let logs = federation.verify_audits(&[]);

    federation.coordinator.kill().await;
    copy(aside.path(), &folder);
    let _ = fs::remove_file(folder.join(MADE));
    federation.start_coordinator().await;
    federation.all_present().await;
    assert_eq!(federation.researcher.list().await.len(), 1, "it is the older one");
    let text = made::vector("after", 50, 3, made::WIDE);
    let (study, after, result) = complete(&federation, &text).await;
    assert_close("after", &figures(&result), &expected(&text, 3, 1..=4), 1e-9);
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
    assert!(after.voided().is_empty() && after.refused().is_empty(), "{after}");
    let slots = [&before, &since, &after].map(Watch::finished);
    let slots: Vec<_> = slots.iter().flatten().map(|round| (round.epoch, round.slot)).collect();
    let distinct: BTreeSet<_> = slots.iter().collect();
    assert_eq!((slots.len(), distinct.len()), (7, 7), "{slots:?}");
    federation.verify_audits(&logs);
}
