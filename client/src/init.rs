//! `init`: a new site's folder.

use std::path::{Path, PathBuf};

use rand::Rng as _;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use ripieno_files::{AppendFile, FileError, KeyFile, Limits, StateDir, write_atomically};
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use ripieno_transport::SubjectName;
use zeroize::Zeroizing;

use crate::layout::Layout;
use crate::state::{Inventory, digest_of, digest_of_key, limits, signing_key};
use crate::{layout, lineage, program};

/// Refuses everything until the steward writes rules.
const POLICY: &str = include_str!("../policy.new.toml");
/// What a new configuration looks like.
const CONFIG: &str = include_str!("../site.new.toml");
/// Where Linux keeps the machine's name.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// What `init` is told.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// The folder: a new one, or an empty one
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// The site's name [default: that of this machine]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Makes a site's folder and says what comes next.
pub(crate) fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let name = name(args.name.as_deref())?;
    init(&args.dir, &name)?;
    if args.json {
        json_to_stdout(&serde_json::json!({ "site": name.as_str(), "folder": args.dir }))?;
        return Ok(Exit::Done);
    }
    let (program, dir) = (program(), args.dir.display());
    line_to_stdout(&format!(
        "The site {name} has its folder {dir}.\n\
         Its key is {dir}/site.key: back it up where nobody else can read it.\n\
         Its policy refuses every study until rules are written into {dir}/policy.toml.\n\n\
         next: {program} enroll --dir {dir}    (and paste the invitation)"
    ))?;
    Ok(Exit::Done)
}

/// Makes a site's folder: key, lineage label, ledger, witness, logs, inventory, policy, and last the
/// configuration. What an interrupted call has left is kept.
///
/// # Errors
/// [`FileError::Exists`] where it is a site's folder already.
pub(crate) fn init(dir: &Path, name: &SubjectName) -> Result<(), Failure> {
    let layout = Layout::at(dir);
    let state = StateDir::open(dir).map_err(Failure::output)?;
    if layout.config().exists() {
        let error = FileError::Exists(layout.config());
        return Err(Failure::output(error).next(format!(
            "{} status --dir {}",
            program(),
            dir.display()
        )));
    }
    check_new(&layout)?;
    let mut seed = Zeroizing::new([0; 32]);
    UnwrapErr(SysRng).fill_bytes(seed.as_mut_slice());
    unless_there(KeyFile::at(layout.key()).create(&seed))?;
    lineage::create(&layout)?;
    for (path, limits) in [
        (layout.ledger(), limits::LEDGER),
        (layout.witness(), limits::WITNESS),
        (layout.audit(), limits::AUDIT),
        (layout.people(), limits::AUDIT),
    ] {
        unless_there(AppendFile::create(path, limits).map(drop))?;
    }
    state.root().folder(crate::state::STUDIES).map_err(Failure::output)?;
    take_stock(&layout)?;
    let policy = dir.join("policy.toml");
    if !policy.exists() {
        write_atomically(&policy, POLICY.as_bytes(), 0o600).map_err(Failure::output)?;
    }
    // A name has nothing in it that TOML would read in another way.
    let config = CONFIG.replace("\"NAME\"", &format!("\"{name}\""));
    write_atomically(&layout.config(), config.as_bytes(), 0o600).map_err(Failure::output)
}

/// Neither key nor lineage label is drawn in a folder that had them: what its ledger holds would
/// be counted under another label, or another key.
fn check_new(layout: &Layout) -> Result<(), Failure> {
    let lost = [layout.key(), layout.lineage()].into_iter().find(|path| !path.exists());
    let Some(lost) = lost else { return Ok(()) };
    // It is made when both are there.
    let used = layout.inventory().exists()
        || has_records(&layout.ledger(), limits::LEDGER)?
        || has_records(&layout.witness(), limits::WITNESS)?
        || has_records(&layout.people(), limits::AUDIT)?;
    if !used {
        return Ok(());
    }
    let error = anyhow::anyhow!(
        "{} is missing, and this is the folder of a site that had one",
        lost.display()
    );
    Err(another_site(Failure::output(error)))
}

fn has_records(path: &Path, limits: Limits) -> Result<bool, Failure> {
    match AppendFile::open(path, limits) {
        Ok(opened) => Ok(opened.file.count() > 0),
        Err(FileError::Missing(_)) => Ok(false),
        Err(error) => Err(Failure::output(error)),
    }
}

fn another_site(failure: Failure) -> Failure {
    failure.next(format!(
        "restore it from the backup; without one, come back as a new site, in a new folder: {} init \
         --dir NEW",
        program()
    ))
}

/// Begins the inventory with what is never replaced.
fn take_stock(layout: &Layout) -> Result<(), Failure> {
    let inventory = Inventory::ensure(layout).map_err(Failure::output)?;
    inventory.check_fresh().map_err(Failure::output)?;
    let key = Some(digest_of_key(signing_key(layout)?.public()));
    let lineage = digest_of(&layout.lineage()).map_err(Failure::output)?;
    for (name, digest) in [(layout::KEY, key), (layout::LINEAGE, lineage)] {
        let same = inventory.check_same(name, digest).map_err(Failure::output);
        same.map_err(another_site)?;
    }
    inventory.adopt(layout::KEY, key).map_err(Failure::output)?;
    inventory.adopt(layout::LINEAGE, lineage).map_err(Failure::output)
}

fn unless_there(made: Result<(), FileError>) -> Result<(), Failure> {
    match made {
        Ok(()) | Err(FileError::Exists(_)) => Ok(()),
        Err(error) => Err(Failure::output(error)),
    }
}

fn name(given: Option<&str>) -> Result<SubjectName, Failure> {
    let host = || std::fs::read_to_string(HOSTNAME).unwrap_or_default();
    let text = given.map_or_else(host, str::to_owned);
    text.trim().parse().map_err(|error| {
        Failure::new(Exit::Output, anyhow::Error::new(error))
            .next(format!("{} init --name NAME", program()))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use ripieno_access::Policy;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_new_folder_is_closed_and_refuses_everything() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/site");
        init(&dir, &"st-anna".parse().unwrap()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        let config = Config::load(&dir).unwrap();
        assert_eq!(config.site.name.as_str(), "st-anna");
        for file in [
            "site.key",
            "site.toml",
            "lineage",
            "ledger",
            "witness",
            "audit.log",
            "people.log",
            "inventory",
            "policy.toml",
        ] {
            assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
        }
        let policy = Policy::parse(&std::fs::read_to_string(config.policy()).unwrap()).unwrap();
        assert_eq!(policy.to_string(), "site policy: no data");
    }

    /// With another label, or another key, what was opened of its data would count as nothing.
    #[test]
    fn repro_a_lost_label_or_key_is_never_drawn_anew() {
        for lost in ["lineage", "site.key"] {
            let folder = tempfile::tempdir().unwrap();
            let dir = folder.path().join("site");
            let name = "a".parse().unwrap();
            init(&dir, &name).unwrap();
            let kept = std::fs::read(dir.join(lost)).unwrap();
            for gone in ["site.toml", lost] {
                std::fs::remove_file(dir.join(gone)).unwrap();
            }
            let refused = init(&dir, &name).unwrap_err().text();
            for said in [lost, "restore it", "init --dir NEW"] {
                assert!(refused.contains(said), "{said}: {refused}");
            }
            assert!(!dir.join(lost).exists() && !dir.join("site.toml").exists());
            // Nor is another one taken that is there.
            let mut other = kept.clone();
            other[0] = if other[0] == b'0' { b'1' } else { b'0' };
            write_atomically(&dir.join(lost), &other, 0o600).unwrap();
            let refused = init(&dir, &name).unwrap_err().text();
            assert!(refused.contains(lost) && refused.contains("init --dir NEW"), "{refused}");
            write_atomically(&dir.join(lost), &kept, 0o600).unwrap();
            init(&dir, &name).unwrap();
        }
    }

    #[test]
    fn a_folder_with_records_and_without_inventory_gets_no_other_label() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        let name = "a".parse().unwrap();
        init(&dir, &name).unwrap();
        let mut ledger = AppendFile::open(dir.join("ledger"), limits::LEDGER).unwrap().file;
        ledger.append(b"a slot").unwrap();
        drop(ledger);
        for gone in ["site.toml", "lineage", "inventory"] {
            std::fs::remove_file(dir.join(gone)).unwrap();
        }
        let refused = init(&dir, &name).unwrap_err().text();
        assert!(refused.contains("lineage is missing"), "{refused}");
    }

    #[test]
    fn nothing_is_ever_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        let name = "a".parse().unwrap();
        init(&dir, &name).unwrap();
        let key = std::fs::read(dir.join("site.key")).unwrap();
        let label = std::fs::read(dir.join("lineage")).unwrap();
        let failure = init(&dir, &name).unwrap_err();
        assert!(failure.text().contains("exists already"), "{}", failure.text());
        // As after a crash before the last file was written.
        std::fs::remove_file(dir.join("site.toml")).unwrap();
        init(&dir, &name).unwrap();
        assert_eq!(std::fs::read(dir.join("site.key")).unwrap(), key);
        assert_eq!(std::fs::read(dir.join("lineage")).unwrap(), label);
    }
}
