//! Who may know whom (ARCHITECTURE.md), held over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

const STUDY: &str = "ripieno-study";
const CATALOG: &str = "ripieno-catalog";
const ACCESS: &str = "ripieno-access";
const COMPUTE: &str = "ripieno-compute";
const ANALYSIS: &str = "ripieno-analysis";
const ENCODING: &str = "ripieno-encoding";
const IDENTITY: &str = "ripieno-identity";
const SECAGG: &str = "ripieno-secagg";
const WIRE: &str = "ripieno-wire";
const COORDINATOR: &str = "ripieno-coordinator";
const CLIENT: &str = "ripieno-client";
const SIMULATION: &str = "ripieno-simulation";
const CLI: &str = "ripieno";
const EXAMPLES: &str = "ripieno-examples";
const TESTS: &str = "ripieno-tests";

/// What stands below the two engines, the site's half included.
const BELOW_CLIENT: &[&str] =
    &[STUDY, CATALOG, ACCESS, COMPUTE, ANALYSIS, ENCODING, IDENTITY, SECAGG, WIRE];
/// All that may be put together by what sits on top.
const LIBRARIES: &[&str] = &[
    STUDY,
    CATALOG,
    ACCESS,
    COMPUTE,
    ANALYSIS,
    ENCODING,
    IDENTITY,
    SECAGG,
    WIRE,
    COORDINATOR,
    CLIENT,
    SIMULATION,
];

/// Each of our crates with those of our crates that it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    (STUDY, &[]),
    (CATALOG, &[STUDY]),
    (ACCESS, &[STUDY, CATALOG]),
    (COMPUTE, &[STUDY, ACCESS, ANALYSIS]),
    (ANALYSIS, &[STUDY, ENCODING]),
    (ENCODING, &[STUDY]),
    (IDENTITY, &[STUDY]),
    (SECAGG, &[STUDY, IDENTITY]),
    (WIRE, &[STUDY, SECAGG, IDENTITY]),
    (COORDINATOR, &[STUDY, SECAGG, ENCODING, ANALYSIS, IDENTITY, WIRE]),
    (CLIENT, BELOW_CLIENT),
    (SIMULATION, LIBRARIES),
    (CLI, LIBRARIES),
    (EXAMPLES, LIBRARIES),
    (TESTS, LIBRARIES),
];

/// What opens tables: out of the coordinator's reach by whatever way.
const SEES_DATA: &[&str] = &[CATALOG, ACCESS, COMPUTE];

#[test]
fn every_crate_has_a_place_in_the_house() {
    let ours = Tree::load().members();
    let listed: BTreeSet<_> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(ours, listed, "a member without a row in ALLOWED, or a row without a member");
}

#[test]
fn our_crates_name_only_those_that_they_may_know() {
    let tree = Tree::load();
    let wrong: Vec<_> = ALLOWED
        .iter()
        .flat_map(|(name, allowed)| {
            let named = tree.named_members(name);
            let extra = named.into_iter().filter(|other| !allowed.contains(&other.as_str()));
            extra.map(move |other| format!("{name} -> {other}")).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "not allowed by ARCHITECTURE.md: {wrong:?}");
}

#[test]
fn the_coordinator_never_reaches_what_opens_tables() {
    let reached = Tree::load().reachable(COORDINATOR);
    for name in SEES_DATA {
        assert!(!reached.contains(*name), "{COORDINATOR} reaches {name}");
    }
}

#[test]
fn the_client_never_reaches_the_coordinator() {
    assert!(!Tree::load().reachable(CLIENT).contains(COORDINATOR));
}

#[test]
fn the_protocol_has_no_runtime_and_no_wire_format() {
    let reached = Tree::load().reachable(SECAGG);
    for name in ["tokio", "tonic", "prost", "async-trait", "futures"] {
        assert!(!reached.contains(name), "{SECAGG} reaches {name}");
    }
}

#[test]
fn nothing_stands_on_what_sits_on_top() {
    let tree = Tree::load();
    for (name, _) in ALLOWED {
        for top in [CLI, EXAMPLES, TESTS] {
            assert!(!tree.named_members(name).contains(top), "{name} -> {top}");
        }
        if !tree.named_members(name).contains(SIMULATION) {
            continue;
        }
        assert!([CLI, EXAMPLES, TESTS].contains(name), "{name} -> {SIMULATION}");
    }
}

#[test]
fn ring_is_not_in_the_tree() {
    // The lock file knows every platform and every kind of dependency.
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the workspace's lock");
    assert!(lock.contains("name = \"ripieno-study\""), "not our lock file");
    for name in ["ring", "openssl", "openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in Cargo.lock");
    }
}

/// The workspace with its dependencies; development dependencies are left out.
struct Tree {
    members: BTreeSet<PackageId>,
    names: BTreeMap<PackageId, String>,
    edges: BTreeMap<PackageId, Vec<PackageId>>,
}

impl Tree {
    fn load() -> Self {
        let metadata = metadata();
        let names = metadata.packages.iter().map(|p| (p.id.clone(), p.name.to_string())).collect();
        let resolve = metadata.resolve.expect("cargo metadata resolves");
        let edges = resolve.nodes.into_iter().map(|node| {
            let kept = node.deps.into_iter().filter(|dep| {
                dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
            });
            (node.id, kept.map(|dep| dep.pkg).collect())
        });
        let members = metadata.workspace_members.into_iter().collect();
        Self { members, names, edges: edges.collect() }
    }

    fn name(&self, id: &PackageId) -> String {
        self.names.get(id).cloned().expect("every node is a package")
    }

    fn id(&self, name: &str) -> &PackageId {
        let found = self.members.iter().find(|id| self.names.get(*id).is_some_and(|n| n == name));
        found.unwrap_or_else(|| panic!("the workspace has no crate {name}"))
    }

    fn members(&self) -> BTreeSet<String> {
        self.members.iter().map(|id| self.name(id)).collect()
    }

    /// Our crates that this one names itself.
    fn named_members(&self, name: &str) -> BTreeSet<String> {
        let direct = self.edges.get(self.id(name)).into_iter().flatten();
        direct.filter(|id| self.members.contains(*id)).map(|id| self.name(id)).collect()
    }

    /// Every crate that is built into this one or runs to build it.
    fn reachable(&self, name: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.id(name)];
        while let Some(id) = open.pop() {
            for next in self.edges.get(id).into_iter().flatten() {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen.into_iter().map(|id| self.name(id)).collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Of this machine's platform: what was fetched to build this test is enough to answer.
fn metadata() -> Metadata {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc).arg("-vV").output().expect("rustc runs").stdout;
    let version = String::from_utf8(version).expect("rustc prints UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host line");
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--offline", "--filter-platform", host].map(str::to_owned))
        .exec()
        .expect("cargo metadata answers")
}
