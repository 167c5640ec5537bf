//! Which policy decides, and what would change it.

use ripieno_access::{
    Action, Asked, BadGrant, Circumstances, Grant, Grantee, Grants, Model, Policies, PolicyColumn,
    Verdict,
};
use ripieno_catalog::{Class, SemanticType};

use crate::support::{
    KEY, NOW, ada, allowed, circumstances, columns, decide, grant, granted, site, staff,
};

fn by(verdict: &Verdict) -> Vec<&str> {
    verdict.by.iter().map(|id| &**id).collect()
}

#[test]
fn the_baseline_names_what_denies_each_class() {
    let policies = Policies::baseline().unwrap();
    let verdicts = decide(&policies, &ada(), Action::Compute, None, &circumstances(false));
    let found: Vec<_> = verdicts.iter().map(|v| (&*v.column, v.allowed, by(v))).collect();
    assert_eq!(
        found,
        [
            ("name", false, vec!["baseline.direct"]),
            ("born", true, vec!["baseline.compute"]),
            ("age", false, vec!["baseline.sensitive"]),
            ("ward", true, vec!["baseline.compute"]),
            ("guess", false, vec!["baseline.unconfirmed"]),
            ("blank", false, vec!["baseline.unconfirmed", "baseline.unknown"]),
        ]
    );
    for verdict in verdicts.iter().filter(|verdict| !verdict.allowed) {
        assert_eq!(verdict.changes.len(), verdict.by.len());
        for change in &verdict.changes {
            assert!(change.model == Model::Baseline && !change.remedy.is_empty(), "{change:?}");
        }
    }
    assert_eq!(allowed(&policies, None, true), ["born", "age", "ward"]);
    let aimless = Circumstances { purpose: String::new(), ..circumstances(true) };
    let verdicts = decide(&policies, &ada(), Action::Compute, None, &aimless);
    assert_eq!(by(&verdicts[1]), ["baseline.quasi"]);
    assert_eq!(by(&verdicts[2]), ["baseline.sensitive"]);
    let late = Circumstances { now: NOW + 1000, ..circumstances(true) };
    let verdicts = decide(&policies, &ada(), Action::Compute, None, &late);
    assert_eq!(by(&verdicts[3]), ["baseline.expired"]);
}

#[test]
fn a_preview_is_for_the_sites_own_people() {
    let policies = Policies::baseline().unwrap();
    let see = |person| decide(&policies, person, Action::Preview, None, &circumstances(false));
    let (grace, ada) = (staff(), ada());
    let own = see(&grace);
    assert_eq!(by(&own[2]), ["baseline.preview"]);
    assert_eq!(by(&own[0]), ["baseline.direct"]);
    let other = see(&ada);
    assert_eq!(by(&other[3]), ["baseline.default"]);
    assert!(other.iter().all(|verdict| !verdict.allowed));
}

#[test]
fn all_four_models_deny_by_name() {
    let text = r#"
@id("site.role")
forbid (principal, action, resource) unless { principal in Role::"physician" };
@id("site.department")
@advice("only radiology computes on wards")
forbid (principal is Researcher, action, resource)
when { resource.type == "department" } unless { principal.department == "radiology" };
"#;
    let verdicts = decide(&site(text), &ada(), Action::Compute, None, &circumstances(true));
    let ward = &verdicts[3];
    assert_eq!(by(ward), ["site.department", "site.role"]);
    let models: Vec<_> = ward.changes.iter().map(|change| change.model).collect();
    assert_eq!(models, [Model::Attribute, Model::Role]);
    assert_eq!(ward.changes[0].remedy, "only radiology computes on wards");
    assert!(ward.changes[1].remedy.contains("another role"), "{:?}", ward.changes);
    assert_eq!(by(&verdicts[0]), ["baseline.direct", "site.role"]);

    let baseline = Policies::baseline().unwrap();
    let verdicts = decide(&baseline, &ada(), Action::Compute, Some("Grace"), &circumstances(true));
    assert_eq!(by(&verdicts[3]), ["owner.grant"]);
    assert_eq!(verdicts[3].changes[0].model, Model::Owner);
    let text = format!("{:?}", verdicts[3]);
    assert!(!text.contains("Grace"), "who owns it is not for everybody: {text}");
}

#[test]
fn an_owners_grant_is_for_a_person_or_a_role_a_column_or_all() {
    let owner = Some("Grace");
    let person = Grantee::Researcher(KEY.into());
    assert_eq!(
        allowed(&granted(grant(person.clone(), None)), owner, true),
        ["born", "age", "ward"]
    );
    assert_eq!(allowed(&granted(grant(person.clone(), Some("age"))), owner, true), ["age"]);
    assert_eq!(allowed(&granted(grant(person.clone(), Some("age"))), owner, false), [""; 0]);
    assert_eq!(allowed(&granted(grant(person.clone(), Some("name"))), owner, true), [""; 0]);
    let role = Grantee::Role("researcher".into());
    assert_eq!(allowed(&granted(grant(role, Some("ward"))), owner, true), ["ward"]);
    for other in [
        grant(Grantee::Role("physician".into()), None),
        grant(Grantee::Researcher(KEY.replace('a', "b")), None),
        Grant { dataset: "lung".into(), ..grant(person.clone(), None) },
        // It was another's when the grant was given.
        Grant { owner: "Edsger".into(), ..grant(person.clone(), None) },
        Grant { expires: Some(NOW), ..grant(person.clone(), None) },
    ] {
        assert_eq!(allowed(&granted(other.clone()), owner, true), [""; 0], "{other:?}");
    }
    let lasting = Grant { expires: Some(NOW + 1), ..grant(person, Some("ward")) };
    let policies = granted(lasting);
    let verdicts = decide(&policies, &ada(), Action::Compute, owner, &circumstances(true));
    assert_eq!(by(&verdicts[3]), ["grant.1"]);
}

#[test]
fn grants_are_checked_and_numbers_are_never_given_twice() {
    let mut grants = Grants::default();
    let role = |name: &str| grant(Grantee::Role(name.into()), None);
    assert_eq!(grants.give(role("a")).unwrap().number, 1);
    assert_eq!(grants.give(role("b")).unwrap().number, 2);
    assert_eq!(grants.give(role(" ")).unwrap_err(), BadGrant::Name { what: "the role" });
    let short = grant(Grantee::Researcher("aa".into()), None);
    assert_eq!(grants.give(short).unwrap_err(), BadGrant::Key);
    let ended = Grant { expires: Some(NOW - 10), ..role("a") };
    assert_eq!(grants.give(ended).unwrap_err(), BadGrant::Ended);
    let revoked = grants.revoke(2, "Edsger", |_| false).unwrap_err();
    assert_eq!(revoked, BadGrant::OtherOwner { number: 2 });
    assert_eq!(grants.revoke(2, "Grace", |_| false).unwrap().to, Grantee::Role("b".into()));
    assert_eq!(grants.revoke(2, "Grace", |_| true).unwrap_err(), BadGrant::Unknown(2));
    assert_eq!(grants.give(role("c")).unwrap().number, 3);
    let numbers: Vec<_> = grants.all().map(|grant| grant.number).collect();
    assert_eq!(numbers, [1, 3]);
}

#[test]
fn names_that_look_alike_are_different_columns() {
    // Column "c" of "a/b", and column "b/c" of "a".
    let text = |column| format!("@id(\"x\") forbid (principal, action, resource == {column});");
    let ask = |policies: &Policies, dataset: &str, column: &str| {
        let columns = [PolicyColumn::confirmed(column, Class::General, SemanticType::Count)];
        let (person, circumstances) = (ada(), circumstances(true));
        let asked = Asked {
            person: &person,
            action: Action::Compute,
            dataset,
            owner: None,
            columns: &columns,
            circumstances: &circumstances,
        };
        policies.decide(&asked)[0].allowed
    };
    let policies = site(&text("Column::\"a/b/c\""));
    assert!(!ask(&policies, "a", "b/c") && ask(&policies, "a/b", "c"));
    let policies = site(&text("Column::\"a%2Fb/c\""));
    assert!(ask(&policies, "a", "b/c") && !ask(&policies, "a/b", "c"));
}

#[test]
fn what_cannot_be_evaluated_is_denied() {
    // The sum is beyond Cedar's numbers: it would skip the policy, which might have forbidden it.
    let text = "@id(\"odd\") forbid (principal, action, resource) \
                when { context.now + 9223372036854775807 == 0 };";
    let verdicts = decide(&site(text), &ada(), Action::Compute, None, &circumstances(true));
    assert!(verdicts.iter().all(|verdict| !verdict.allowed));
    assert!(verdicts[3].changes[0].remedy.contains("cannot be evaluated"), "{verdicts:?}");
}

#[test]
fn a_permit_that_is_of_no_use_is_shown_with_what_outranks_it() {
    let policies = site("@id(\"open\") permit (principal, action, resource);");
    let columns = columns();
    let (person, circumstances) = (ada(), circumstances(false));
    let asked = Asked {
        person: &person,
        action: Action::Compute,
        dataset: "heart",
        owner: None,
        columns: &columns,
        circumstances: &circumstances,
    };
    let overruled = policies.overruled(&asked);
    let direct = overruled.iter().find(|one| &*one.forbid == "baseline.direct").unwrap();
    assert_eq!((&*direct.permit, &*direct.columns[0], direct.columns.len()), ("open", "name", 1));
    assert!(Policies::baseline().unwrap().overruled(&asked).is_empty());
}

/// They are decided about together where nothing tells them apart.
#[test]
fn of_columns_that_are_alike_one_can_be_named() {
    let alike = |name: &str| PolicyColumn::confirmed(name, Class::General, SemanticType::Count);
    let columns = [alike("a"), alike("b"), alike("c")];
    let (person, circumstances) = (ada(), circumstances(true));
    let allowed = |policies: &Policies, owner| {
        let asked = Asked {
            person: &person,
            action: Action::Compute,
            dataset: "heart",
            owner,
            columns: &columns,
            circumstances: &circumstances,
        };
        let verdicts = policies.decide(&asked);
        let names: Vec<_> = verdicts.iter().map(|verdict| &*verdict.column).collect();
        assert_eq!(names, ["a", "b", "c"]);
        verdicts.iter().map(|verdict| verdict.allowed).collect::<Vec<_>>()
    };
    for resource in ["resource == Column::\"heart/b\"", "resource in Column::\"heart/b\""] {
        let policies = site(&format!("@id(\"x\") forbid (principal, action, {resource});"));
        assert_eq!(allowed(&policies, None), [true, false, true], "{resource}");
    }
    let text = "@id(\"x\") forbid (principal, action, resource) \
                when { [Column::\"heart/c\"].contains(resource) };";
    assert_eq!(allowed(&site(text), None), [true, true, false]);
    let policies = granted(grant(Grantee::Researcher(KEY.into()), Some("b")));
    assert_eq!(allowed(&policies, Some("Grace")), [false, true, false]);
}
