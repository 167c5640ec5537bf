//! No sequence of grants, approvals and withdrawals lets a column through that the baseline forbids.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ripieno_access::{Action, Asked, Grant, Grantee, Grants, Policies, PolicyColumn};
use ripieno_catalog::{Class, SemanticType};

use crate::support::{KEY, NOW, ada, circumstances, columns, grant};

/// The most generous that a site can write.
const OPEN: &str = "@id(\"open\") permit (principal, action, resource);";

/// What people do to a site.
#[derive(Clone, Debug)]
enum Step {
    Grant { column: Option<usize>, to_role: bool, until: Option<u64> },
    Revoke(u64),
    Approve(bool),
    Own(bool),
    Open(bool),
    Purpose(bool),
    Pass(u64),
    Reclassify { column: usize, class: Class },
    Unconfirm(usize),
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let class =
        prop::sample::select(&[Class::General, Class::Sensitive, Class::Quasi, Class::Direct][..]);
    prop_oneof![
        (prop::option::of(0..6_usize), any::<bool>(), prop::option::of(NOW + 1..NOW + 90))
            .prop_map(|(column, to_role, until)| Grant { column, to_role, until }),
        (1..8_u64).prop_map(Revoke),
        any::<bool>().prop_map(Approve),
        any::<bool>().prop_map(Own),
        any::<bool>().prop_map(Open),
        any::<bool>().prop_map(Purpose),
        (0..30_u64).prop_map(Pass),
        (0..6_usize, class).prop_map(|(column, class)| Reclassify { column, class }),
        (0..6_usize).prop_map(Unconfirm),
    ]
}

/// What must not pass, said without Cedar.
fn forbidden(column: &PolicyColumn, purpose: bool, approved: bool, now: u64) -> bool {
    let class = column.meaning.map(|(class, _)| class);
    !column.confirmed
        || matches!(class, None | Some(Class::Direct))
        || (matches!(class, Some(Class::Sensitive | Class::Quasi)) && !purpose)
        || (class == Some(Class::Sensitive) && !approved)
        || now >= NOW + 1000
}

/// Whether a grant that stands is about this column.
fn is_granted(grants: &Grants, column: &str, now: u64) -> bool {
    let about = |grant: &Grant| grant.column.as_deref().is_none_or(|name| name == column);
    grants.all().any(|grant| about(grant) && grant.expires.is_none_or(|end| now < end))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_lifts_what_the_baseline_forbids(steps in prop::collection::vec(step(), 1..24)) {
        let baseline = Policies::baseline().unwrap();
        let open = baseline.clone().with_site("site.cedar", OPEN).unwrap();
        let (person, mut columns, mut grants) = (ada(), columns(), Grants::default());
        let mut about = circumstances(false);
        let (mut owned, mut is_open) = (true, false);
        for step in steps {
            match step {
                Step::Grant { column, to_role, until } => {
                    let to = if to_role { Grantee::Role("researcher".into()) } else { Grantee::Researcher(KEY.into()) };
                    let name = column.and_then(|place| columns.get(place)).map(|c| c.name.to_string());
                    let _ = grants.give(Grant { expires: until, ..grant(to, name.as_deref()) });
                }
                Step::Revoke(number) => drop(grants.revoke(number, "Grace", |_| false)),
                Step::Approve(approved) => about.approved = approved,
                Step::Own(own) => owned = own,
                Step::Open(open) => is_open = open,
                Step::Purpose(stated) => about.purpose = if stated { "research".into() } else { String::new() },
                Step::Pass(seconds) => about.now += seconds * 7,
                Step::Reclassify { column, class } => {
                    columns[column].meaning = Some((class, SemanticType::Text));
                    columns[column].confirmed = true;
                }
                Step::Unconfirm(column) => columns[column].confirmed = false,
            }
            let policies = if is_open { open.clone() } else { baseline.clone() };
            let owner = owned.then_some("Grace");
            let verdicts = policies.with_grants(grants.clone()).decide(&Asked {
                person: &person, action: Action::Compute, dataset: "heart", owner,
                columns: &columns, circumstances: &about,
            });
            prop_assert_eq!(verdicts.len(), columns.len());
            for (column, verdict) in columns.iter().zip(&verdicts) {
                let purpose = !about.purpose.is_empty();
                let no = forbidden(column, purpose, about.approved, about.now);
                let permitted = is_open || !owned || is_granted(&grants, &column.name, about.now);
                prop_assert_eq!(verdict.allowed, permitted && !no, "{:?} {:?}", column, verdict);
                prop_assert_eq!(verdict.allowed, verdict.changes.is_empty());
                let ids: BTreeSet<_> = verdict.by.iter().collect();
                prop_assert!(!ids.is_empty() && ids.len() == verdict.by.len());
            }
        }
    }
}
