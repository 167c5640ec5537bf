//! What is encoded is what is decoded.

use proptest::prelude::*;
use ripieno_study::{Check, Refusal};

use super::{any, sample};
use crate::limits::{MAX_REASON, MAX_RULE};
use crate::{FromSite, StudyAnswer, StudyVerdict, ToSite};

proptest! {
    #[test]
    fn to_site(message in any::to_site()) {
        prop_assert!(ToSite::decode(message.encode()) == Ok(message));
    }

    #[test]
    fn from_site(message in any::from_site()) {
        prop_assert!(FromSite::decode(message.encode()) == Ok(message));
    }
}

#[test]
fn every_variant_has_its_own_body() {
    let to_site: Vec<_> = any::to_site_variants().into_iter().map(sample).collect();
    let from_site: Vec<_> = any::from_site_variants().into_iter().map(sample).collect();
    let names = |names: Vec<String>| {
        let distinct: std::collections::BTreeSet<_> = names.iter().cloned().collect();
        assert_eq!(distinct.len(), names.len());
        names.len()
    };
    assert_eq!(names(to_site.iter().map(|message| format!("{message:?}")).collect()), 15);
    assert_eq!(names(from_site.iter().map(|message| format!("{message:?}")).collect()), 13);
    for message in to_site {
        assert!(ToSite::decode(message.encode()) == Ok(message.clone()), "{message:?}");
    }
    for message in from_site {
        assert!(FromSite::decode(message.encode()) == Ok(message.clone()), "{message:?}");
    }
}

#[test]
fn a_reason_arrives_short_and_without_control_characters() {
    let refusal = Refusal::coordinator(Check::S3, format!("a\u{1b}[2J\nb{}", "ß".repeat(2000)));
    let message = FromSite::Refused { id: None, study: None, refusal };
    let Ok(FromSite::Refused { refusal, .. }) = FromSite::decode(message.encode()) else {
        panic!("it did not arrive");
    };
    assert!(refusal.reason.starts_with("a [2J\nbß"), "{}", refusal.reason);
    assert_eq!(refusal.reason.len(), MAX_REASON - 1, "no character is cut in half");
}

#[test]
fn a_rule_arrives_short_and_on_one_line() {
    let verdict =
        StudyVerdict::Refused { rule: format!("a\nb{}", "x".repeat(999)), reason: "no".into() };
    let message = FromSite::StudyAnswer(StudyAnswer { study: sample(any::digest()), verdict });
    let Ok(FromSite::StudyAnswer(answer)) = FromSite::decode(message.encode()) else {
        panic!("it did not arrive");
    };
    let StudyVerdict::Refused { rule, .. } = answer.verdict else { panic!("another verdict") };
    assert!(rule.starts_with("a bx"));
    assert_eq!(rule.len(), MAX_RULE);
}

#[test]
fn no_text_form_shows_lanes_or_shares() {
    let tile =
        FromSite::Tile { id: sample(any::slot_id()), number: 0, lanes: vec![123_456].into() };
    assert_eq!(format!("{tile:?}"), "FromSite::Tile");
    assert_eq!(format!("{:?}", FromSite::Release(sample(any::release()))), "FromSite::Release");
    let mut published = sample(any::published());
    published.sum = vec![123_456].into();
    published.parts = crate::Parts::Tiles([(1, vec![])].into());
    let shown = format!("{published:?}");
    assert!(!shown.contains("123456") && shown.ends_with("1 lanes, Tiles(1 tiles))"), "{shown}");
}
