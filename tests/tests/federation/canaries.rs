//! Values planted in every column of every table, looked for in all that a run leaves behind.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;
use ripieno_tests::{Federation, Kind, made};

use crate::support::{all, assert_sites_agree, complete, setup};

/// What stands in every planted text.
const MARK: &str = "Zqxcanary";
const ROWS: usize = 40;

/// A number that nothing but a row says: long enough that no result begins with the same digits.
fn number(site: usize, row: usize, column: usize) -> f64 {
    let digits = 7_919 * (1 + site) + 613 * row + 104_729 * column;
    (1 + (row * 7 + site * 3 + column) % 9) as f64 + digits as f64 / 1e6 + 4.739_131e-7
}

/// Texts in four columns, numbers in two: the regression reads the numbers, the choice of rows one
/// of the texts.
fn table(site: usize) -> String {
    let mut text = String::from("y,x,name,note,number,agreed\n");
    for row in 0..ROWS {
        let (y, x) = (number(site, row, 0), number(site, row, 1));
        let agreed = if row % 4 == 0 { format!("{MARK} no") } else { "as asked".into() };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{y},{x},{MARK} {site} {row},\"a {MARK}, or so\",{MARK}-{site}{row:03},{agreed}"
        );
    }
    text
}

/// What was planted, in the forms in which it could be written: as text, and as the bytes of a
/// number.
fn planted(sites: usize) -> HashSet<Vec<u8>> {
    let numbers = (0..sites).flat_map(|site| {
        (0..ROWS).flat_map(move |row| [number(site, row, 0), number(site, row, 1)])
    });
    let forms = numbers.flat_map(|number| {
        let (little, big) = (number.to_le_bytes().to_vec(), number.to_be_bytes().to_vec());
        [little, big, number.to_string().into_bytes()]
    });
    forms.chain([MARK.as_bytes().to_vec(), MARK.to_ascii_lowercase().into_bytes()]).collect()
}

/// The first of it that stands in `bytes`, with its place.
fn find(planted: &HashSet<Vec<u8>>, bytes: &[u8]) -> Option<(usize, String)> {
    let lengths: BTreeSet<usize> = planted.iter().map(Vec::len).collect();
    lengths.iter().find_map(|length| {
        let mut windows = bytes.windows(*length).enumerate();
        let (place, found) = windows.find(|(_, window)| planted.contains(*window))?;
        Some((place, found.escape_ascii().to_string()))
    })
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        match () {
            () if kind.is_dir() => files(&entry.path(), found),
            () if kind.is_file() => found.push(entry.path()),
            () => {}
        }
    }
}

/// Everything that can be read after a run: files of all folders but the tables, and what the
/// processes printed.
fn left_behind(federation: &Federation) -> Vec<(String, Vec<u8>)> {
    let mut paths = Vec::new();
    files(federation.coordinator.dir(), &mut paths);
    federation.sites.iter().for_each(|site| files(site.dir(), &mut paths));
    let own = |path: &PathBuf| path.file_name().is_some_and(|name| name == "table.csv");
    let read = |path: PathBuf| (path.display().to_string(), fs::read(&path).unwrap());
    let mut all: Vec<_> = paths.into_iter().filter(|path| !own(path)).map(read).collect();
    let site_logs = federation.sites.iter().map(|site| (site.name.clone(), site.logs.text()));
    let logs = site_logs.chain([("coordinator".into(), federation.coordinator.logs.text())]);
    all.extend(logs.map(|(name, text)| (format!("log of {name}"), text.into_bytes())));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn no_planted_value_is_found_outside_of_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("opt-outs");
    fs::write(&list, format!("{MARK}-0001\n{MARK}-1002\n")).unwrap();
    let tables = (0..4).map(|site| (format!("site-{}", site + 1), table(site))).collect();
    let mut setup = setup(Kind::Processes, 4).tables(made::DATA_SET, tables);
    let _ = write!(
        setup.policy,
        "[dataset.view]\nconsent = {{ column = \"agreed\", values = [\"as asked\"] }}\n\
         opt-out = {{ column = \"number\", file = {list:?} }}\n\
         [dataset.view.columns]\nx = [{{ round = 0.5 }}]\n"
    );
    let mut federation = setup.found().await;
    let gaussian = |name: &str, feature: &str| {
        made::regression(name)
            .replace("\"binomial\"", "\"gaussian\"")
            .replace("\"x\"", &format!("{feature:?}"))
    };
    let (study, watch, result) = complete(&federation, &gaussian("whole", "x")).await;
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
    // A study that fails at every row: its errors name columns and lines.
    let refused = federation.researcher.submit(&gaussian("texts", "note")).await;
    let failed = federation.researcher.watch(refused);
    ripieno_tests::until(crate::support::DONE, "sites to refuse", || async {
        let known = federation.sites[0].show(&refused).await;
        let refusal = String::from_utf8_lossy(&known.encode_to_vec()).into_owned();
        if refusal.contains("not a finite number") { Ok(()) } else { Err(refusal) }
    })
    .await;
    let shown = [result.to_string(), watch.to_string(), failed.to_string()];
    let mut said: Vec<Vec<u8>> = shown.map(String::into_bytes).into();
    for site in &federation.sites {
        said.push(site.show(&study).await.encode_to_vec());
        said.push(site.show(&refused).await.encode_to_vec());
        said.extend(site.studies().await.iter().map(prost::Message::encode_to_vec));
        said.push(site.status().await.encode_to_vec());
    }
    federation.stop().await;

    let planted = planted(4);
    let all = left_behind(&federation);
    assert!(all.len() > 30, "files of five folders: {}", all.len());
    let bytes: usize = all.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes > 100_000, "{bytes} bytes");
    for (name, bytes) in &all {
        assert_eq!(find(&planted, bytes), None, "in {name}");
    }
    for bytes in &said {
        assert_eq!(find(&planted, bytes), None, "it was said");
    }
    // The search is not blind: the tables hold what was planted, as would bytes of a number.
    for site in &federation.sites {
        assert!(find(&planted, &fs::read(site.dir().join("table.csv")).unwrap()).is_some());
    }
    let mut update = vec![7; 13];
    update.extend(number(2, 5, 1).to_le_bytes());
    assert!(find(&planted, &update).is_some());
    assert_eq!(find(&planted, &update[..20]), None);
}
