//! What a decision about a thousand columns takes: `cargo bench -p ripieno-bench --bench policy`.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Context;
use ripieno_access::{
    Action, Asked, Circumstances, Grant, Grantee, Grants, Person, Policies, PolicyColumn,
};
use ripieno_bench::{Bench, Contest, Goal, measure};
use ripieno_catalog::{Class, SemanticType};

const COLUMNS: usize = 1000;
/// What the decision may take.
const MOST: Duration = Duration::from_millis(10);
const ROUNDS: usize = 40;
/// Of other people, so that they have to be passed over.
const GRANTS: usize = 1000;

const SITE: &str = r#"
@id("site.role")
forbid (principal, action, resource) unless { principal in Role::"researcher" };
@id("site.department")
forbid (principal is Researcher, action, resource)
when { resource.tags.contains("cardiology") } unless { principal.department == "cardiology" };
@id("site.environment")
forbid (principal, action, resource) unless { context.environment == "production" };
"#;

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start("decisions by policies");
    let policies = Policies::baseline()?.with_site("site.cedar", SITE)?.with_grants(grants()?);
    let (person, circumstances) = (person(1), circumstances());
    for (what, columns) in [("of 4 kinds", columns(false)), ("no two alike", columns(true))] {
        let asked = Asked {
            person: &person,
            action: Action::Compute,
            dataset: "heart",
            owner: Some("Grace"),
            columns: &columns,
            circumstances: &circumstances,
        };
        let allowed = policies.decide(&asked).iter().filter(|verdict| verdict.allowed).count();
        anyhow::ensure!(allowed == COLUMNS * 3 / 4, "{allowed} columns are allowed");
        let name = format!("policy: 1,000 columns, {what}: share of 10 ms");
        let contest = Contest::multiple(&name, Goal::AtMost(1.0)).unit("ms").work(1e6, 1e6);
        let decide = || measure::wall(|| drop(black_box(policies.decide(&asked))));
        // The limit is a time, so the reference is that time.
        bench.pairs(&contest, ROUNDS, decide, || MOST.as_nanos() as f64);
    }
    bench.finish()
}

fn columns(apart: bool) -> Vec<PolicyColumn> {
    let classes = [
        (Class::General, SemanticType::Department),
        (Class::Sensitive, SemanticType::Age),
        (Class::Quasi, SemanticType::DateOfBirth),
        (Class::Direct, SemanticType::PersonName),
    ];
    let column = |number: usize| {
        let (class, kind) = classes[number % classes.len()];
        let own = apart.then(|| format!("tag {number}"));
        let tags = own.into_iter().chain(["cardiology".to_owned()]).collect();
        PolicyColumn { tags, ..PolicyColumn::confirmed(format!("column {number}"), class, kind) }
    };
    (0..COLUMNS).map(column).collect()
}

fn person(number: usize) -> Person {
    Person::Researcher {
        key: format!("{number:064x}"),
        name: "Ada".into(),
        role: "researcher".into(),
        department: "cardiology".into(),
        clearance: "aggregate".into(),
        home: 1,
        expires: 2,
    }
}

fn circumstances() -> Circumstances {
    Circumstances {
        purpose: "research".into(),
        analysis: "glm".into(),
        environment: "production".into(),
        now: 1,
        approved: true,
        ..Circumstances::default()
    }
}

fn grants() -> anyhow::Result<Grants> {
    let mut grants = Grants::default();
    for number in 1..=GRANTS {
        let grant = Grant {
            number: 0,
            owner: "Grace".into(),
            dataset: "heart".into(),
            column: None,
            to: Grantee::Researcher(format!("{number:064x}")),
            since: 0,
            expires: None,
        };
        grants.give(grant).context("a grant")?;
    }
    Ok(grants)
}
