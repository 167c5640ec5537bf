//! A coordinator that is killed. The test binary starts itself again for it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

const PATH: &str = "RIPIENO_STORE_TEST_PATH";
const EVENTS: u64 = 3;

/// What the commit with this number changes. Every fifth has a sum that becomes an object.
fn step(number: u64) -> (Vec<Change>, Vec<NewEvent>) {
    let record = Bytes::from(format!("record {number} ").repeat(30));
    let length = if number.is_multiple_of(5) { (1 << 20) + 7 } else { 500 };
    let round = u32::try_from(number).unwrap();
    let large = Bytes::from(vec![number.to_le_bytes()[0]; length]);
    let changes = vec![
        Change::LastEpoch(number),
        Change::Epoch { number, record: record.clone() },
        Change::EpochGone { number: number - 1 },
        Change::Study { study: digest(1), record: record.clone() },
        Change::Outcome { study: digest(1), slot: slot(round as u16), record: record.clone() },
        Change::Sum { study: digest(1), round, record: large },
        Change::SumGone { study: digest(1), round: round.saturating_sub(7) },
        Change::Seen { site: index(1), record },
    ];
    (changes, vec![event(1, "e"); usize::try_from(EVENTS).unwrap()])
}

#[tokio::test]
#[ignore = "run by the tests beside it"]
async fn commits_for_ever() {
    let path = std::env::var_os(PATH).expect("only the tests beside this one run it");
    let store = Store::open(Path::new(&path)).await.unwrap();
    for number in store.load().await.unwrap().last_epoch + 1.. {
        let (changes, events) = step(number);
        store.commit(&changes, &events).await.unwrap();
        println!("acknowledged {number}");
    }
}

fn start(path: &Path) -> Child {
    // `store::tests::child`, less the name of the crate.
    let module = module_path!().split_once("::").unwrap().1;
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", &format!("{module}::commits_for_ever")])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a coordinator commit so often and a little longer, and kills it; says what it acknowledged.
fn killed(path: &Path, commits: usize, more: Duration) -> u64 {
    let number = |line: &str| line.split_once("acknowledged ")?.1.parse::<u64>().ok();
    let mut child = start(path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines.by_ref().filter_map(|line| number(&line.ok()?)).take(commits).last();
    std::thread::sleep(more);
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died.
    let last = lines.filter_map(|line| number(&line.ok()?)).last();
    last.or(seen).unwrap()
}

async fn whole(path: &Path) -> bool {
    let found: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut other(path).await)
        .await
        .unwrap();
    found == "ok"
}

#[tokio::test]
async fn after_a_kill_each_commit_is_there_or_not_and_the_acknowledged_ones_are() {
    let (folder, store) = new_store().await;
    let path = database(&folder);
    drop(store);
    let mut expected = ripieno_coordinator_engine::Saved::default();
    let mut done = 0;
    for round in 0..12 {
        let more = Duration::from_micros(700 * round);
        let acknowledged = killed(&path, 2 + usize::try_from(round).unwrap() % 4, more);
        let store = Store::open(&path).await.unwrap();
        assert!(whole(&path).await);
        let saved = store.load().await.unwrap();
        assert!(saved.last_epoch >= acknowledged, "{} < {acknowledged}", saved.last_epoch);
        for number in done + 1..=saved.last_epoch {
            expected.apply(&step(number).0);
        }
        done = saved.last_epoch;
        assert_eq!(saved, expected, "all of the last commit, and nothing of the next");
        let events = store.events(&digest(1), 0, u32::MAX).await.unwrap();
        assert_eq!(events.len() as u64, done * EVENTS);
        let objects = folder.path().join("objects").read_dir().unwrap().count();
        let large = saved.sums.iter().filter(|(.., record)| record.len() > 1 << 20);
        assert_eq!(objects, large.count());
    }
}
