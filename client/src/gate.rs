//! The gate to a site's tables, from its configuration.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use ripieno_access::plan::OptOutList;
use ripieno_access::{BadPolicies, Facts, Gate, Policies, Policy, PolicyColumn};
use ripieno_catalog::{Catalog, DataSet, Roots, Source};
use ripieno_terminal::{Exit, Failure};

use zeroize::Zeroizing;

use crate::config::{Config, read};
use crate::{grants, lineage, program};

/// The largest opt-out list, in bytes: 64 MiB.
const MAX_OPT_OUT_BYTES: u64 = 64 << 20;

/// Opens policies and tables. A table that cannot be read is left out, and named in the lines that
/// come back: the others are of use without it.
///
/// # Errors
/// Where a policy or the grants cannot be read.
pub(crate) fn open(config: &Config) -> Result<(Gate, Vec<String>), Failure> {
    open_with(config, policies(config)?)
}

/// The same with these policies about columns.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_with(
    config: &Config,
    policies: Policies,
) -> Result<(Gate, Vec<String>), Failure> {
    let policy = policy(config)?;
    let label = lineage::read(&config.layout)?;
    let label = label.as_str();
    let sources = config.sources();
    let roots = config.roots();
    let roots = roots.as_ref();
    let (all, mut problems) = match Catalog::within(label, roots, sources.clone()) {
        Ok(all) => (all, Vec::new()),
        Err(_) => without_bad(label, roots, sources)?,
    };
    let (mut catalog, authority) = all;
    let changed = catalog.describe(crate::catalog::read(&config.layout)?);
    problems.extend(changed.iter().map(|name| {
        format!(
            "data set {name:?}: its content is not what is written down of it, so nothing of it is \
             confirmed; read it again: {} data rescan {name}",
            program()
        )
    }));
    let facts = facts(&catalog, &changed);
    let gate = Gate::new(catalog, authority, policy);
    Ok((gate.with_policies(policies, facts), problems))
}

/// What is written down of the columns. Of a table whose content is another one, each column is
/// unknown, as if somebody had looked at it and said nothing.
fn facts(catalog: &Catalog, changed: &[Arc<str>]) -> Facts {
    let mut facts = Facts::default();
    for entry in catalog.data_sets().filter_map(DataSet::entry) {
        facts.set(&entry.name, entry.facts().map(PolicyColumn::from).collect());
    }
    for name in changed {
        facts.set(&**name, Vec::new());
    }
    facts
}

/// Reads the policy.
///
/// # Errors
/// With file, line and column.
pub(crate) fn policy(config: &Config) -> Result<Policy, Failure> {
    let path = config.policy();
    let text = read(&path).map_err(|error| Failure::new(Exit::Output, error))?;
    let mut policy = Policy::parse(&text).map_err(|error| {
        let error = anyhow::Error::new(error).context(path.display().to_string());
        Failure::new(Exit::Output, error)
    })?;
    for file in policy.opt_out_files() {
        let list = opt_outs(&config.layout.dir().join(&file))?;
        policy.set_opt_outs(&file, list);
    }
    Ok(policy)
}

/// A list that cannot be read stops everything: without it, rows of people who said no would count.
fn opt_outs(path: &Path) -> Result<OptOutList, Failure> {
    let failed = |error: anyhow::Error| {
        let error = error.context(format!("opt-out list {}", path.display()));
        Failure::new(Exit::Output, error).next("put the list there, with one record number a line")
    };
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).map_err(|error| failed(error.into()))?;
    let read = file.take(MAX_OPT_OUT_BYTES + 1).read_to_string(&mut text);
    let read = read.map_err(|error| failed(error.into()))? as u64;
    let list = OptOutList::read(&text).filter(|_| read <= MAX_OPT_OUT_BYTES);
    list.ok_or_else(|| failed(anyhow::anyhow!("it is too long")))
}

/// The baseline, the site's own policies, and the grants.
///
/// # Errors
/// With file, line and policy.
pub(crate) fn policies(config: &Config) -> Result<Policies, Failure> {
    policies_from(config, config.policies().as_deref())
}

/// The same with the site's own policies from this file.
///
/// # Errors
/// As [`policies`].
pub(crate) fn policies_from(config: &Config, file: Option<&Path>) -> Result<Policies, Failure> {
    let wrong = |bad: BadPolicies| {
        let next = format!("{} policy check --dir {}", program(), config.layout.dir().display());
        Failure::new(Exit::Output, bad).next(next)
    };
    let grants = grants::read(&config.layout)?;
    let baseline = Policies::baseline().map_err(wrong)?.with_grants(grants);
    let Some(file) = file else { return Ok(baseline) };
    let text = read(file).map_err(|error| Failure::new(Exit::Output, error))?;
    baseline.with_site(&file.display().to_string(), &text).map_err(wrong)
}

fn without_bad(
    label: &str,
    roots: Option<&Roots>,
    sources: Vec<Source>,
) -> Result<((Catalog, ripieno_catalog::Authority), Vec<String>), Failure> {
    let mut good = Vec::new();
    let mut problems = Vec::new();
    for source in sources {
        match Catalog::within(label, roots, [source.clone()]) {
            Ok(_) => good.push(source),
            Err(error) => problems.push(format!("data set {:?}: {error}", source.name)),
        }
    }
    let catalog =
        Catalog::within(label, roots, good).map_err(|error| Failure::new(Exit::Data, error))?;
    Ok((catalog, problems))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_whose_opt_out_list_is_missing_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        crate::init::init(&dir, &"st-anna".parse().unwrap()).unwrap();
        let rules = "[[dataset]]\nname = \"t\"\ncolumns = \"all\"\npurposes = \"all\"\n\
                     analyses = \"all\"\nroles = \"all\"\non_match = \"ask\"\n\
                     [dataset.view]\nopt-out = { column = \"id\", file = \"no.txt\" }\n";
        std::fs::write(dir.join("policy.toml"), rules).unwrap();
        let config = Config::load(&dir).unwrap();
        let failure = policy(&config).unwrap_err();
        assert!(failure.text().contains("no.txt"), "{}", failure.text());
        std::fs::write(dir.join("no.txt"), "4711\n").unwrap();
        assert!(policy(&config).is_ok());
        std::fs::write(dir.join("no.txt"), b"47\xff11\n").unwrap();
        let failure = policy(&config).unwrap_err();
        assert!(!failure.text().contains("47"), "{}", failure.text());
    }

    #[test]
    fn what_data_counts_as_does_not_follow_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        crate::init::init(&dir, &"st-anna".parse().unwrap()).unwrap();
        std::fs::write(dir.join("t.csv"), "y,x\n1,2\n").unwrap();
        let site = dir.join("site.toml");
        let lineage = |name: &str| {
            let text = format!("name = \"{name}\"\n[[data]]\nname = \"t\"\npath = \"t.csv\"\n");
            std::fs::write(&site, text).unwrap();
            let (gate, problems) = open(&Config::load(&dir).unwrap()).unwrap();
            assert_eq!(problems, [""; 0]);
            gate.catalog().data_set("t").unwrap().lineage()
        };
        assert_eq!(lineage("st-anna"), lineage("another"));
        std::fs::remove_file(dir.join("lineage")).unwrap();
        let failure = open(&Config::load(&dir).unwrap()).err().unwrap();
        assert!(failure.text().contains("restore it from the backup"), "{}", failure.text());
    }
}
