//! What the texts say of the repository is so: links lead somewhere, folders and commands exist.

use std::path::{Path, PathBuf};

/// The two commands that a newcomer types.
const COMMANDS: [&str; 2] = ["cargo run --release --bin ripieno -- demo", "cargo test --workspace"];

/// What one run of all stages may take, from a cold start.
const CI_SECONDS: u64 = 45 * 60;

#[test]
fn links_between_texts_lead_somewhere() {
    let mut broken = Vec::new();
    for text in texts() {
        let folder = text.parent().expect("a file is in a folder").to_owned();
        for target in links(&read(&text)) {
            let file = target.split('#').next().unwrap_or(&target);
            if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                broken.push(format!("{} -> {target}", text.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_readme_gives_the_two_commands() {
    let readme = read(&root().join("README.md"));
    for command in COMMANDS {
        assert!(readme.lines().any(|line| line.trim() == command), "README.md lacks: {command}");
    }
    for file in [".ci/run", "justfile"] {
        let text = read(&root().join(file));
        assert!(text.lines().any(|line| line.trim() == COMMANDS[1]), "{file} tests otherwise");
    }
}

#[test]
fn every_folder_that_the_architecture_lists_exists() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    let rows = folders(&architecture);
    let missing: Vec<_> = rows.iter().filter(|folder| !root().join(folder).is_dir()).collect();
    assert!(missing.is_empty(), "listed as existing: {missing:?}");
    let unlisted: Vec<_> = members().into_iter().filter(|member| !rows.contains(member)).collect();
    assert!(unlisted.is_empty(), "members without a row: {unlisted:?}");
}

#[test]
fn the_budgets_of_the_stages_add_up() {
    let script = read(&root().join(".ci/run"));
    let seconds = script.lines().filter_map(|line| {
        let (_, budget) = line.trim().split_once(") echo ")?;
        budget.split(' ').next()?.parse::<u64>().ok()
    });
    let budgets: Vec<_> = seconds.collect();
    assert_eq!(budgets.len(), 7, "one budget per stage");
    assert!(budgets.iter().sum::<u64>() <= CI_SECONDS, "{budgets:?}");
}

/// The texts of the repository: at its root and in docs/.
fn texts() -> Vec<PathBuf> {
    let folders = [root(), root().join("docs")];
    let files = folders.iter().flat_map(|folder| {
        std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.unwrap().path())
    });
    let texts: Vec<_> = files.filter(|file| file.extension().is_some_and(|e| e == "md")).collect();
    assert!(texts.len() > 3, "too few texts: {texts:?}");
    texts
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let after = text.split("](").skip(1);
    after.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// The folders of the first table of ARCHITECTURE.md: rows that begin with `| ` and a back-quoted
/// path with a slash at its end.
fn folders(architecture: &str) -> Vec<String> {
    let cells = architecture.lines().filter_map(|line| line.strip_prefix("| `"));
    let paths = cells.filter_map(|rest| rest.split_once('`')).map(|(path, _)| path);
    paths.filter_map(|path| path.strip_suffix('/')).map(str::to_owned).collect()
}

/// The members of the workspace, as its manifest lists them.
fn members() -> Vec<String> {
    let manifest = read(&root().join("Cargo.toml"));
    let list = manifest.split_once("members = [").expect("a list of members").1;
    let list = list.split_once(']').expect("the list ends").0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
