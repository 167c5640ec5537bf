//! Who may know whom (ARCHITECTURE.md), held over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde::Deserialize;

const STUDY: &str = "ripieno-study";
const CATALOG: &str = "ripieno-catalog";
const ACCESS: &str = "ripieno-access";
const COMPUTE: &str = "ripieno-compute";
const ANALYSIS: &str = "ripieno-analysis";
const ENCODING: &str = "ripieno-encoding";
const IDENTITY: &str = "ripieno-identity";
const MASK: &str = "ripieno-mask";
const SECAGG: &str = "ripieno-secagg";
const AUDIT: &str = "ripieno-audit";
const FILES: &str = "ripieno-files";
const WIRE: &str = "ripieno-wire";
const TRANSPORT: &str = "ripieno-transport";
const RPC: &str = "ripieno-rpc";
const COORDINATOR_ENGINE: &str = "ripieno-coordinator-engine";
const COORDINATOR: &str = "ripieno-coordinator";
const CLIENT_ENGINE: &str = "ripieno-client-engine";
const CLIENT: &str = "ripieno-client";
const TERMINAL: &str = "ripieno-terminal";
const SIMULATION: &str = "ripieno-simulation";
const CLI: &str = "ripieno";
const EXAMPLES: &str = "ripieno-examples";
const TESTS: &str = "ripieno-tests";
const MODEL: &str = "ripieno-model";
const BENCH: &str = "ripieno-bench";

/// What a site's engine may name.
const BELOW_CLIENT_ENGINE: &[&str] =
    &[STUDY, CATALOG, ACCESS, COMPUTE, ANALYSIS, ENCODING, IDENTITY, SECAGG, AUDIT, FILES, WIRE];
/// What a site's daemon may name.
const BELOW_CLIENT: &[&str] = &[
    STUDY,
    CATALOG,
    ACCESS,
    COMPUTE,
    ANALYSIS,
    ENCODING,
    IDENTITY,
    SECAGG,
    AUDIT,
    FILES,
    WIRE,
    TRANSPORT,
    RPC,
    CLIENT_ENGINE,
    TERMINAL,
];
/// What the coordinator's daemon may name: nothing that opens tables.
const BELOW_COORDINATOR: &[&str] = &[
    STUDY,
    ANALYSIS,
    ENCODING,
    IDENTITY,
    SECAGG,
    AUDIT,
    FILES,
    WIRE,
    TRANSPORT,
    RPC,
    COORDINATOR_ENGINE,
    TERMINAL,
];
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
    AUDIT,
    FILES,
    WIRE,
    TRANSPORT,
    RPC,
    COORDINATOR_ENGINE,
    COORDINATOR,
    CLIENT_ENGINE,
    CLIENT,
    TERMINAL,
    SIMULATION,
];

/// Each of our crates with those of our crates that it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    (STUDY, &[]),
    (CATALOG, &[STUDY]),
    (ACCESS, &[STUDY, CATALOG]),
    (COMPUTE, &[STUDY, ACCESS, ANALYSIS]),
    (ANALYSIS, &[STUDY, ENCODING]),
    (ENCODING, &[STUDY, MASK]),
    (IDENTITY, &[STUDY]),
    (MASK, &[]),
    (SECAGG, &[STUDY, IDENTITY, MASK]),
    (AUDIT, &[STUDY, IDENTITY]),
    (FILES, &[SECAGG, AUDIT]),
    (WIRE, &[STUDY, SECAGG, IDENTITY]),
    (TRANSPORT, &[STUDY, FILES]),
    (RPC, &[TRANSPORT]),
    (COORDINATOR_ENGINE, &[STUDY, SECAGG, ENCODING, ANALYSIS, IDENTITY, AUDIT, WIRE]),
    (COORDINATOR, BELOW_COORDINATOR),
    (CLIENT_ENGINE, BELOW_CLIENT_ENGINE),
    (CLIENT, BELOW_CLIENT),
    (TERMINAL, &[]),
    (SIMULATION, LIBRARIES),
    (CLI, LIBRARIES),
    (EXAMPLES, LIBRARIES),
    (TESTS, LIBRARIES),
    (MODEL, &[STUDY, SECAGG]),
    (BENCH, &[]),
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
    let tree = Tree::load();
    for coordinator in [COORDINATOR_ENGINE, COORDINATOR] {
        let reached = tree.reachable(coordinator);
        for name in SEES_DATA {
            assert!(!reached.contains(*name), "{coordinator} reaches {name}");
        }
    }
}

#[test]
fn the_client_never_reaches_the_coordinator() {
    let reached = Tree::load().reachable(CLIENT);
    assert!(!reached.contains(COORDINATOR) && !reached.contains(COORDINATOR_ENGINE));
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
        for top in [CLI, EXAMPLES, TESTS, MODEL, BENCH] {
            assert!(!tree.named_members(name).contains(top), "{name} -> {top}");
        }
        if !tree.named_members(name).contains(SIMULATION) {
            continue;
        }
        assert!([CLI, EXAMPLES, TESTS].contains(name), "{name} -> {SIMULATION}");
    }
}

#[test]
fn the_transport_is_built_without_the_protocol() {
    // `files` has doors for the protocol and for the audit log, as features; who builds the
    // transport alone gets none. `cargo metadata` joins the features of all members.
    let built = built_for(TRANSPORT);
    assert!(built.contains(FILES), "{built:?}");
    for name in [SECAGG, AUDIT, IDENTITY] {
        assert!(!built.contains(name), "{TRANSPORT} is built with {name}");
    }
}

#[test]
fn ring_is_not_in_the_tree() {
    let lock = Lock::load();
    for name in ["ring", "openssl", "openssl-sys", "native-tls"] {
        let users = lock.users(name);
        assert!(users.is_empty(), "{name} is built for {users:?}");
    }
    // What is there is found: with a feature, with none, as a tool of a build, and in tests.
    for name in ["aws-lc-rs", "zeroize", "cc", "trycmd"] {
        assert!(!lock.users(name).is_empty(), "{name} is built, and was not found");
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

/// The lock file, which knows every platform and every kind of dependency, but also lists what an
/// optional dependency would need that nothing turns on.
struct Lock {
    packages: Vec<Locked>,
    /// Packages that this machine's platform needs, by name and version, with their features.
    known: BTreeMap<(String, String), (Package, BTreeSet<String>)>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Lock {
    fn load() -> Self {
        #[derive(Deserialize)]
        struct File {
            package: Vec<Locked>,
        }
        let text = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file");
        let File { package: packages } = toml::from_str(&text).expect("a lock file is TOML");
        let metadata = metadata();
        let nodes = metadata.resolve.expect("cargo metadata resolves").nodes;
        let mut features: BTreeMap<_, BTreeSet<_>> = nodes
            .into_iter()
            .map(|node| (node.id, node.features.iter().map(ToString::to_string).collect()))
            .collect();
        let known = metadata.packages.into_iter().filter_map(|package| {
            let on = features.remove(&package.id)?;
            Some(((package.name.to_string(), package.version.to_string()), (package, on)))
        });
        Self { known: known.collect(), packages }
    }

    /// The packages that are built with one of this name, on whatever platform.
    fn users(&self, name: &str) -> Vec<&str> {
        let named = |package: &Locked| {
            package.dependencies.iter().any(|other| other.split(' ').next() == Some(name))
        };
        let users = self.packages.iter().filter(|package| named(package));
        users.filter(|user| self.turns_on(user, name)).map(|user| user.name.as_str()).collect()
    }

    /// Whether a package that names another needs it: always, unless we can see that it is optional
    /// there and that no feature asks for it.
    fn turns_on(&self, user: &Locked, name: &str) -> bool {
        let Some((package, on)) = self.known.get(&(user.name.clone(), user.version.clone())) else {
            return true;
        };
        let asked: Vec<_> =
            on.iter().filter_map(|feature| package.features.get(feature)).flatten().collect();
        package.dependencies.iter().filter(|dependency| dependency.name == name).any(|dependency| {
            let key = dependency.rename.as_ref().unwrap_or(&dependency.name);
            // "key?/feature" does not ask for it.
            let whole = format!("dep:{key}");
            let part = format!("{key}/");
            !dependency.optional || asked.iter().any(|f| **f == whole || f.starts_with(&part))
        })
    }
}

/// The crates that are built when this member is built alone.
fn built_for(name: &str) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let tree = Command::new(cargo)
        .current_dir(root())
        .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--package"])
        .arg(name)
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).expect("cargo prints UTF-8");
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
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
