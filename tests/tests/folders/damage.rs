//! Every file of a site that has run studies: each byte changed, each length that is left, gone, and
//! of yesterday. The daemon does not start, names the file, and leaves everything as it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ripieno_rpc::ProposeCharterRequest;
use ripieno_tests::{Federation, Kind, Setup, made, programs, until};
use tempfile::TempDir;

use crate::support::{Contents, contents, start};

/// What people write is theirs: a letter that is another is another rule, and the table is what is
/// counted, under a fingerprint of its own. And what only stands for a running daemon.
const NOT_HELD: [&str; 5] = ["site.toml", "catalog", "policy.toml", "table.csv", "lock"];
/// In the long form files up to so many bytes are changed at each one of them; longer ones so near both
/// ends, and between them every so many bytes.
const LONG: (usize, usize, usize) = (600, 160, 61);
/// The same in the short form.
const SHORT: (usize, usize, usize) = (100, 20, 613);

/// The folder of a site, and what it held earlier.
struct Folder {
    _root: TempDir,
    dir: PathBuf,
    whole: Contents,
    before: Contents,
}

impl Folder {
    async fn new() -> Self {
        let setup = Setup::new(programs!(), Kind::InProcess, 4);
        let policy = setup.policy.replace("\"approve\"", "\"ask\"");
        let mut federation = Setup { policy, ..setup }.found().await;
        decided(&federation, "before").await;
        let dir = federation.sites[0].dir().to_owned();
        federation.sites[0].stop().await;
        let before = contents(&dir);
        federation.sites[0].start().await;
        federation.all_present().await;
        decided(&federation, "after").await;
        waits(&federation).await;
        federation.stop().await;
        // In memory, where there is such a file system: a daemon starts there some thousand times.
        let memory = Path::new("/dev/shm");
        let root = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let root = root.expect("a folder");
        let copy = root.path().join("site");
        let copied = std::process::Command::new("cp").arg("-a").arg(&dir).arg(&copy).status();
        assert!(copied.expect("cp").success());
        let whole = contents(&copy);
        Self { _root: root, dir: copy, whole, before }
    }

    fn put(&self, name: &str, bytes: Option<&[u8]>) {
        let path = self.dir.join(name);
        match bytes {
            // As it was, but for its content: same owner, same mode.
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }

    fn put_back(&self, name: &str) {
        let path = self.dir.join(name);
        if path.exists() {
            fs::write(&path, &self.whole[name]).unwrap();
        } else {
            ripieno_files::write_atomically(&path, &self.whole[name], 0o600).unwrap();
        }
    }

    /// The daemon does not start with this in the place of the file, says which it is and what to
    /// do, and changes nothing.
    async fn refuses(&self, name: &str, bytes: Option<&[u8]>, how: &str) {
        self.put(name, bytes);
        let mut spoilt = self.whole.clone();
        match bytes {
            Some(bytes) => drop(spoilt.insert(name.to_owned(), bytes.to_vec())),
            None => drop(spoilt.remove(name)),
        }
        let text = match start(&self.dir).await {
            Err(text) => text,
            Ok(alarms) => panic!("{name}, {how}: the daemon starts, with {alarms:?}"),
        };
        // Without its end an inventory is an older one: what it says of the other files is wrong.
        let named = text.contains(&self.dir.join(name).display().to_string());
        assert!(named || name == "inventory" && text.contains(name), "{name}, {how}: {text}");
        let says = ["estore", "new site", "Move it away", "move the file away"];
        assert!(says.iter().any(|what| text.contains(what)), "{name}, {how}: what to do? {text}");
        self.assert_no_secret(&text);
        let mut now = contents(&self.dir);
        // What an append left that was cut short is cut off before the rest is looked at.
        if how.starts_with("cut") && now[name].len() < spoilt[name].len() {
            assert!(spoilt[name].starts_with(&now[name]));
            now.insert(name.to_owned(), spoilt[name].clone());
        }
        assert!(now == spoilt, "{name}, {how}: the folder was changed");
        self.put_back(name);
    }

    fn assert_no_secret(&self, text: &str) {
        let seed: String =
            self.whole["site.key"].iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!text.contains(&seed) && !text.contains("PRIVATE KEY"), "{text}");
    }

    fn held(&self) -> Vec<(&String, &Vec<u8>)> {
        self.whole.iter().filter(|(name, _)| !NOT_HELD.contains(&name.as_str())).collect()
    }
}

/// A study that every steward approves, to its result.
async fn decided(federation: &Federation, name: &str) {
    let study = federation.researcher.submit(&made::regression(name)).await;
    let places: Vec<_> = (0..federation.sites.len()).collect();
    federation.approve(&study, &places).await;
    federation.researcher.watch(study).done(std::time::Duration::from_secs(60)).await;
    until(std::time::Duration::from_secs(60), "the result at the site", || async {
        let shown = federation.sites[0].show(&study).await;
        shown.report.map(drop).ok_or(shown.problem)
    })
    .await;
}

/// A study and a charter that wait for the steward.
async fn waits(federation: &Federation) {
    federation.researcher.submit(&made::regression("waits")).await;
    let mut operator = federation.coordinator.operator().await;
    operator
        .propose_charter(ProposeCharterRequest { corrupt: Some(0), ..Default::default() })
        .await
        .unwrap();
    until(std::time::Duration::from_secs(60), "what waits", || async {
        let status = federation.sites[0].status().await;
        if status.charter_to_sign && status.studies_pending == 1 {
            Ok(())
        } else {
            Err(format!("{:?}, {} studies", status.alarms, status.studies_pending))
        }
    })
    .await;
}

/// The places of a file that are tried.
fn places(length: usize) -> BTreeSet<usize> {
    let long = std::env::var_os("RIPIENO_FAULT_SEEDS").is_some();
    let (whole, ends, stride) = if long { LONG } else { SHORT };
    if length <= whole {
        return (0..length).collect();
    }
    let both = (0..ends).chain(length - ends..length);
    both.chain((ends..length - ends).step_by(stride)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_does_not_start_on_a_folder_that_is_not_what_it_wrote() {
    let folder = Folder::new().await;
    let names: BTreeSet<&str> = folder.whole.keys().map(String::as_str).collect();
    for name in [
        "site.key",
        "connection.pem",
        "authorities.pem",
        "authorities.signed",
        "charters",
        "charters.next",
        "proposal",
        "consents",
        "lineage",
        "ledger",
        "witness",
        "people.log",
        "audit.log",
        "inventory",
        "studies/epochs",
    ] {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
    let studies = |kind: &str| names.iter().filter(|name| name.starts_with(kind)).count();
    assert_eq!((studies("studies/study-"), studies("studies/pending-")), (2, 1), "{names:?}");
    let mut tried = 0;
    for (name, bytes) in folder.held() {
        for at in places(bytes.len()) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            folder.refuses(name, Some(&changed), &format!("byte {at} changed")).await;
            tried += 1;
        }
        // The last record of the inventory says that the daemon ended in order: without it nothing
        // is forgotten.
        let lengths = places(bytes.len()).into_iter();
        let lengths: Vec<_> = match name.as_str() {
            "inventory" => lengths.filter(|length| *length < bytes.len() / 2).collect(),
            _ => lengths.collect(),
        };
        for length in lengths {
            let left = &bytes[..length];
            folder.refuses(name, Some(left), &format!("cut to {length}")).await;
            tried += 1;
        }
        folder.refuses(name, None, "gone").await;
        let older = folder.before.get(name).filter(|older| *older != bytes);
        if let Some(older) = older {
            folder.refuses(name, Some(older), "of yesterday").await;
        }
    }
    println!("{tried} files changed or cut off");
    fs::rename(folder.dir.join("studies"), folder.dir.join("elsewhere")).unwrap();
    let text = start(&folder.dir).await.unwrap_err();
    assert!(text.contains("studies is missing") && text.contains("restore"), "{text}");
    assert!(!folder.dir.join("studies").exists());
    fs::rename(folder.dir.join("elsewhere"), folder.dir.join("studies")).unwrap();
    assert_eq!(start(&folder.dir).await.unwrap(), Vec::<String>::new(), "it was as it should be");
}

/// What a crash leaves in mid-append was promised to nobody: it is cut off, and said.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_append_left_that_was_cut_short_is_cut_off_and_said() {
    let folder = Folder::new().await;
    for name in ["ledger", "witness", "people.log", "audit.log", "inventory"] {
        let mut torn = fs::read(folder.dir.join(name)).unwrap();
        torn.extend([7; 5]);
        folder.put(name, Some(&torn));
        let alarms = start(&folder.dir).await.unwrap_or_else(|text| panic!("{name}: {text}"));
        let said = |alarm: &String| alarm.contains(name) && alarm.contains("were cut off");
        assert_eq!(alarms.iter().filter(|alarm| said(alarm)).count(), 1, "{name}: {alarms:?}");
        assert_eq!(start(&folder.dir).await.unwrap(), Vec::<String>::new(), "{name}: once");
    }
}

/// What people write can be read, or is refused by name; no letter of it ends the program otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_is_read_or_refused_by_its_name() {
    let folder = Folder::new().await;
    for name in ["site.toml", "policy.toml"] {
        let bytes = folder.whole[name].clone();
        for at in (0..bytes.len()).step_by(37) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 7);
            folder.put(name, Some(&changed));
            if let Err(text) = start(&folder.dir).await {
                let named = text.contains(name) || text.contains("socket");
                assert!(named, "{name}, byte {at}: {text}");
            }
        }
        folder.put(name, Some(&bytes));
    }
    fs::remove_file(folder.dir.join("policy.toml")).unwrap();
    let text = start(&folder.dir).await.unwrap_err();
    assert!(text.contains("policy.toml"), "{text}");
}
