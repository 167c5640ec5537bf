//! Take one check away, and the adversary finds an attack; or it is known why there is none.

mod document;

use document::documented;
use ripieno_model::bounds::Bounds;
use ripieno_model::checker::search;
use ripieno_model::properties::Property;
use ripieno_model::rules::{NOT_MODELLED, Origin};
use ripieno_model::scenarios::{
    CHANGING, CONTRACT, CORRUPT, CRASH, FIXED, MINIMUM, OUTCOME, PIPELINED, RELEASES, RENEW,
    REPEAT, RESIZE, RESTART, ROWS, SLOTS,
};
use ripieno_model::words::tell;
use ripieno_model::{Model, Rule, Rules};
use ripieno_study::Check;

/// More states than any search here needs.
const MOST: usize = 2_000_000;

/// What follows when rules are not followed.
enum Expected {
    /// This is violated.
    Attack(Property),
    /// Nothing is, because something else stands in the way.
    None(&'static str),
}

use Expected::{Attack, None as Nothing};

/// Each rule, where it is taken away, and what follows.
fn cases() -> Vec<(Rule, Bounds, Expected)> {
    use Property as P;
    use Rule as R;
    vec![
        (R::AdvertSigned, RESIZE, Attack(P::OneKind)),
        (R::CharterCorrupt, RESIZE, Attack(P::Minimum)),
        (R::Threshold, OUTCOME, Attack(P::OneOutcome)),
        (R::EpochSize, RESIZE, Nothing("S3: P is no larger than n, and no smaller than m")),
        (R::OneTranscript, RESIZE, Attack(P::Minimum)),
        (R::NewerEpoch, RENEW, Nothing("secrets are drawn anew, so T is another one")),
        (R::LedgerCount, CHANGING, Attack(P::Data)),
        (R::LedgerHeads, CHANGING, Attack(P::Data)),
        (R::History, PIPELINED, Attack(P::Data)),
        (
            R::Accepted,
            OUTCOME,
            Nothing("without t shares nothing opens: it keeps rounds from being lost"),
        ),
        (R::Floor, OUTCOME, Attack(P::Minimum)),
        (R::Wanted, MINIMUM, Attack(P::Minimum)),
        (R::Reach, OUTCOME, Nothing("C1: U ⊆ P, and U is no smaller than m")),
        (R::Member, OUTCOME, Nothing("C1: who is not in P is not in U, so its self mask stays")),
        (R::OneContract, CONTRACT, Nothing("S4, S8: the ledger has the slot, unresolved")),
        (R::EnteredOnce, CONTRACT, Nothing("S4: the slot is bound; S8: it is unresolved")),
        (R::NoLateUpload, OUTCOME, Nothing("who uploads late is not in U, so its self mask stays")),
        (R::Limit, RELEASES, Attack(P::Limit)),
        (R::Unresolved, RELEASES, Attack(P::Limit)),
        (R::SameSet, SLOTS, Attack(P::Membership)),
        (R::StudyRule, FIXED, Attack(P::Membership)),
        (R::SameData, REPEAT, Attack(P::Data)),
        (
            R::Subset,
            CORRUPT,
            Nothing("C2: only a corrupt site has a trailer for a ctx that it is not in"),
        ),
        (R::Minimum, OUTCOME, Attack(P::Minimum)),
        (R::WholeSet, FIXED, Attack(P::Membership)),
        (
            R::Trailers,
            OUTCOME,
            Nothing("masks of survivors that sent nothing stay: there is no sum"),
        ),
        (
            R::OwnTrailer,
            OUTCOME,
            Nothing("C2: nobody else signs it; that the sum is right is not asked here"),
        ),
        (R::OneSet, OUTCOME, Attack(P::OneOutcome)),
        (R::SetOrVoid, OUTCOME, Attack(P::OneOutcome)),
        (R::Quorum, OUTCOME, Nothing("who releases has signed, once: t releases are t signatures")),
        (
            R::VoidQuorum,
            REPEAT,
            Nothing("L1: who takes an opened slot for void names other sums than the others"),
        ),
        (R::OwnOutcome, OUTCOME, Nothing("C3: there is one certificate in a slot")),
        (R::NotVoided, OUTCOME, Nothing("C3: with n − t + 1 honest votes for VOID no set has t")),
        (R::OneKind, OUTCOME, Attack(P::OneKind)),
        (R::OneRelease, OUTCOME, Nothing("C3: there is one certificate in a slot")),
        (R::MemoryOnly, RESTART, Attack(P::OneOutcome)),
        (R::Frozen, ROWS, Attack(P::OneVector)),
        (
            R::EntryFirst,
            CRASH,
            Nothing("L1: who has lost an entry names other sums than the others"),
        ),
        (
            R::CertificateFirst,
            CRASH,
            Nothing("S8: an unresolved entry stands in the way as an opened one does"),
        ),
    ]
}

/// Rules that stand in for each other: with all of them gone there is an attack.
fn groups() -> Vec<(&'static [Rule], Bounds, Property)> {
    use Property as P;
    use Rule as R;
    vec![
        (&[R::OneContract, R::EnteredOnce, R::Unresolved], CONTRACT, P::Minimum),
        (&[R::Subset, R::Trailers], OUTCOME, P::Minimum),
        (&[R::Quorum, R::OwnOutcome], OUTCOME, P::Minimum),
        (&[R::Quorum, R::NotVoided], OUTCOME, P::Minimum),
        (&[R::Quorum, R::OneRelease], OUTCOME, P::OneKind),
        (&[R::History, R::VoidQuorum], REPEAT, P::Data),
        (&[R::History, R::EntryFirst], CRASH, P::Data),
    ]
}

#[test]
fn every_rule_has_a_case() {
    let cases = cases();
    let listed: Vec<_> = cases.iter().map(|(rule, ..)| *rule).collect();
    assert_eq!(listed, Rule::ALL);
}

#[test]
fn every_check_has_a_rule_or_a_reason() {
    for check in Check::ALL {
        let modelled = Rule::ALL.iter().any(|rule| rule.origin() == Origin::Check(check));
        let reasons = NOT_MODELLED.iter().filter(|(other, _)| *other == check).count();
        assert_eq!(usize::from(modelled) + reasons, 1, "{check}");
    }
}

#[test]
fn epoch_rules() {
    try_cases(0..11);
}

#[test]
fn contract_rules() {
    try_cases(11..22);
}

#[test]
fn outcome_rules() {
    try_cases(22..30);
}

#[test]
fn opening_rules() {
    try_cases(30..39);
}

#[test]
fn rules_that_stand_in_for_each_other() {
    for (rules, bounds, property) in groups() {
        let model = Model { bounds, rules: Rules::without(rules) };
        let found = search(&model, &Property::HARM, MOST).found;
        let found = found.unwrap_or_else(|| panic!("{rules:?}: no attack was found"));
        println!("without {rules:?} in {}:\n{}", bounds.name, tell(&model, &found));
        assert_eq!(found.property, property, "{rules:?}");
        documented(&group_row(rules, bounds, property, found.actions.len()), "");
    }
}

#[test]
fn the_reasons_are_documented() {
    for (check, reason) in NOT_MODELLED {
        documented(&format!("| {check} | {reason} |"), "");
    }
}

fn try_cases(which: std::ops::Range<usize>) {
    for (rule, bounds, expected) in cases().drain(which) {
        try_case(rule, bounds, &expected);
    }
}

fn try_case(rule: Rule, bounds: Bounds, expected: &Expected) {
    let model = Model { bounds, rules: Rules::without(&[rule]) };
    let search = search(&model, &Property::HARM, MOST);
    let told = search.found.as_ref().map(|found| tell(&model, found));
    println!("without {rule:?} in {}: {} states", bounds.name, search.states);
    println!("{}", told.as_deref().unwrap_or("  no attack"));
    let result = match (expected, &search.found) {
        (Attack(property), Some(found)) if found.property == *property => {
            format!("{}, after {} steps", property.violation(), found.actions.len())
        }
        (Nothing(reason), None) => {
            assert!(search.complete, "{rule:?}: not all was visited");
            format!("none. {reason}")
        }
        (_, found) => panic!("{rule:?}: {:?} was not expected", found.as_ref().map(|f| f.property)),
    };
    let row = format!("| {} | {} | {} | {result} |", rule.origin(), rule.demand(), bounds.name);
    documented(&row, "");
}

fn group_row(rules: &[Rule], bounds: Bounds, property: Property, steps: usize) -> String {
    let named = |rule: &Rule| format!("{} {}", rule.origin(), rule.demand());
    let names: Vec<_> = rules.iter().map(named).collect();
    let harm = property.violation();
    format!("| {} | {} | {harm}, after {steps} steps |", names.join("; "), bounds.name)
}
