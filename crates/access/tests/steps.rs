//! Each transformation by itself, and the plan that holds them.

use proptest::prelude::*;
use ripieno_access::plan::{
    At, Cell, Consent, Dates, Day, Fake, FakeKind, OptOut, OptOutList, Plan, PlanSieve,
    PlannedColumn, RowFilter, SiteKey, Step, StudyKeys,
};
use ripieno_catalog::{Field, Fields, Sieve, Why};
use ripieno_study::{Digest, Hasher, Tag};

fn study(name: &str) -> Digest {
    Hasher::new(Tag::Study).part(name).finish()
}

fn keys(site: u8, name: &str) -> StudyKeys {
    SiteKey::from_bytes([site; 32]).for_study(&study(name))
}

fn at<'a>(column: &'a str, keys: Option<&'a StudyKeys>) -> At<'a> {
    At { column, row: 0, keys }
}

fn apply(step: &Step, field: Field<'_>, keys: Option<&StudyKeys>) -> Result<Option<String>, Why> {
    let mut cell = Cell::default();
    cell.load(field);
    step.apply(&mut cell, at("c", keys))?;
    Ok(cell.text().map(std::borrow::Cow::into_owned))
}

#[test]
fn each_step_makes_what_it_says() {
    let edges = Step::Bucket(vec![18.0, 65.0]);
    for (step, from, to) in [
        (Step::Band(5.0), "63", "60"),
        (Step::Band(10.0), "-3", "-10"),
        (Step::Year, "1961-12-31", "1961"),
        (Step::Year, "31.12.1961", "1961"),
        (Step::Leading(3), "SW1A 1AA", "SW1"),
        (Step::Leading(2), "01234", "01"),
        (Step::Leading(9), "01 2", "012"),
        (Step::IcdChapter, "I21.4", "9"),
        (edges.clone(), "17.9", "0"),
        (edges.clone(), "18", "1"),
        (edges, "90", "2"),
        (Step::Top(89.0), "95", "89"),
        (Step::Top(89.0), "88", "88"),
        (Step::Bottom(18.0), "3", "18"),
        (Step::Round(0.5), "1.3", "1.5"),
    ] {
        let made = apply(&step, Field::Text(from), None).unwrap();
        assert_eq!(made.as_deref(), Some(to), "{step} of {from}");
        assert_eq!(apply(&step, Field::Missing, None), Ok(None), "{step} of nothing");
    }
    assert_eq!(apply(&Step::Suppress, Field::Text("x"), None), Ok(None));
    assert_eq!(apply(&Step::Band(10.0), Field::Number(41.0), None), Ok(Some("40".into())));
}

#[test]
fn what_does_not_fit_is_an_error_without_the_value() {
    let secret = "Zqxcanary";
    for step in [Step::Band(5.0), Step::Round(1.0), Step::Top(1.0), Step::Bucket(vec![1.0])] {
        assert_eq!(apply(&step, Field::Text(secret), None), Err(Why::NotANumber), "{step}");
    }
    for step in [Step::Year, Step::IcdChapter] {
        let why = apply(&step, Field::Text(secret), None).unwrap_err();
        assert!(matches!(why, Why::Not(words) if !words.contains(secret)), "{why:?}");
    }
    let mut cell = Cell::default();
    cell.load(Field::Text(secret));
    assert_eq!(format!("{cell:?}"), "text");
}

#[test]
fn pseudonyms_are_of_one_study_and_tokens_of_one_site() {
    let of = |step: &Step, site, study: &str, value| {
        apply(step, Field::Text(value), Some(&keys(site, study))).unwrap().unwrap()
    };
    let (name, token) = (Step::Pseudonym, Step::Token("patient".into()));
    let one = of(&name, 1, "a", "4711");
    assert_eq!((one.len(), &one), (32, &of(&name, 1, "a", "4711")));
    assert_ne!(one, of(&name, 1, "a", "4712"));
    assert_ne!(one, of(&name, 1, "b", "4711"), "another study");
    assert_ne!(one, of(&name, 2, "a", "4711"), "another site");
    let joined = of(&token, 1, "a", "4711");
    assert_eq!(joined, of(&token, 1, "b", "4711"), "tables of one site can be joined");
    assert_ne!(joined, of(&token, 2, "a", "4711"), "tables of two sites cannot");
    assert_ne!(joined, of(&Step::Token("visit".into()), 1, "a", "4711"));
    assert_ne!(joined, one);
    assert_eq!(apply(&name, Field::Text("4711"), None), Ok(None), "nothing without a key");
    assert_eq!(format!("{:?}", SiteKey::from_bytes([7; 32])), "SiteKey(<redacted>)");
}

/// The construction a second time, by Python: hmac.new(hmac.new(b"\x01"*32, parts("ripieno-1/
/// pseudonym", "study", study), sha256).digest(), parts("c", "4711"), sha256).hexdigest()[:32],
/// with the length of each part before it as eight bytes.
#[test]
fn a_pseudonym_is_the_keyed_hash_that_the_text_says() {
    let zero = Digest::from_bytes([0; 32]);
    let keys = SiteKey::from_bytes([1; 32]).for_study(&zero);
    let made = apply(&Step::Pseudonym, Field::Text("4711"), Some(&keys)).unwrap();
    assert_eq!(made.as_deref(), Some(PSEUDONYM));
}

const PSEUDONYM: &str = "8eaa31cb1236f720ccce25739ec3822a";

#[test]
fn made_up_values_say_nothing_of_the_real_ones() {
    for kind in [
        FakeKind::Name,
        FakeKind::RecordNumber,
        FakeKind::Email,
        FakeKind::Phone,
        FakeKind::Postcode,
        FakeKind::Date,
        FakeKind::Age,
        FakeKind::Icd10,
        FakeKind::Flag,
        FakeKind::Measure,
    ] {
        let step = |seed| Step::Fake(Fake { kind, seed });
        let column = |seed, field: Field<'_>| -> Vec<String> {
            let of_row = |row| {
                let mut cell = Cell::default();
                cell.load(field);
                step(seed).apply(&mut cell, At { column: "c", row, keys: None }).unwrap();
                cell.text().unwrap().into_owned()
            };
            (0..50).map(of_row).collect()
        };
        let made = column(7, Field::Text("Zqxcanary"));
        assert_eq!(made, column(7, Field::Missing), "{kind}");
        assert_ne!(made, column(8, Field::Missing), "{kind}: another seed");
        assert!(made.iter().any(|value| *value != made[0]), "{kind}: not all the same");
        let plausible = |value: &String| match kind {
            FakeKind::Date => Day::read(value).is_some(),
            FakeKind::Icd10 => apply(&Step::IcdChapter, Field::Text(value), None).is_ok(),
            FakeKind::Age => (18.0..=95.0).contains(&value.parse::<f64>().unwrap()),
            FakeKind::Postcode => value.len() == 5 && value.parse::<u32>().is_ok(),
            FakeKind::Email => value.ends_with("@example.org"),
            _ => !value.is_empty(),
        };
        assert!(made.iter().all(plausible), "{kind}: {made:?}");
    }
}

/// A row of texts.
struct Texts<'a>(&'a [String]);

impl Fields for Texts<'_> {
    fn field(&self, column: usize) -> Field<'_> {
        match self.0.get(column).map(String::as_str) {
            None | Some("") => Field::Missing,
            Some(text) => Field::Text(text),
        }
    }
}

fn plan() -> Plan {
    let column =
        |name: &str, steps: &[Step]| PlannedColumn { name: name.into(), steps: steps.into() };
    Plan {
        dataset: "heart".into(),
        columns: vec![column("y", &[]), column("age", &[Step::Top(89.0), Step::Band(10.0)])],
        rows: RowFilter {
            consent: Some(Consent { column: "consent".into(), values: vec!["yes".into()] }),
            opt_out: Some(OptOut {
                column: "id".into(),
                list: OptOutList::read("# by letter\n 4711 \n\n").unwrap().into(),
            }),
            dates: Some(Dates {
                column: "seen".into(),
                from: Day::new(2020, 1, 1),
                to: Day::new(2020, 12, 31),
            }),
        },
        anonymity: None,
    }
}

#[test]
fn a_plan_says_in_words_what_it_does() {
    let plan = plan();
    assert_eq!(plan.also(), ["consent", "id", "seen"]);
    assert!(!plan.is_plain());
    assert_eq!(
        plan.to_string(),
        "column \"y\": as it is\n\
         column \"age\": 89 where it is more; then bands of 10, by their lower end\n\
         column \"consent\": read for the choice of rows, not shown\n\
         column \"id\": read for the choice of rows, not shown\n\
         column \"seen\": read for the choice of rows, not shown\n\
         rows: only where \"consent\" is one of [\"yes\"]\n\
         rows: only where \"id\" is not on the opt-out list (1 entries)\n\
         rows: only where \"seen\" is a day from 2020-01-01 to 2020-12-31\n"
    );
}

#[test]
fn any_change_of_a_plan_changes_its_digest() {
    type Change = fn(&mut Plan);
    let changes: [Change; 11] = [
        |_| {},
        |plan| plan.dataset = "lung".into(),
        |plan| plan.columns[1].name = "weight".into(),
        |plan| drop(plan.columns[1].steps.pop()),
        |plan| plan.columns[1].steps.reverse(),
        |plan| plan.columns[1].steps[1] = Step::Band(5.0),
        |plan| plan.columns[1].steps[1] = Step::Round(10.0),
        |plan| plan.rows.consent.as_mut().unwrap().values.push("ja".into()),
        |plan| plan.rows.opt_out.as_mut().unwrap().list = OptOutList::read("4712").unwrap().into(),
        |plan| plan.rows.dates.as_mut().unwrap().to = None,
        |plan| plan.rows.consent = None,
    ];
    let digests = changes.map(|change| {
        let mut plan = plan();
        change(&mut plan);
        plan.digest()
    });
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), changes.len());
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("yes".into()),
        Just("no".into()),
        Just("YES".into()),
        Just("4711".into()),
        Just("2020-06-01".into()),
        Just("1999-06-01".into()),
        Just("61".into()),
        "[a-z0-9 ]{0,6}",
    ]
}

proptest! {
    #[test]
    fn a_row_without_consent_never_passes(rows in prop::collection::vec(prop::collection::vec(cell(), 5), 0..40)) {
        let plan = plan();
        let mut sieve = PlanSieve::new(&plan, None);
        for row in &rows {
            let mut values = Vec::new();
            let kept = sieve.sift(&Texts(row), &mut values).unwrap_or(false);
            let agreed = row[2] == "yes";
            let there = !row[3].is_empty() && row[3] != "4711";
            prop_assert!(!kept || (agreed && there && row[4] == "2020-06-01"), "{row:?}");
            prop_assert!(kept || !(agreed && there && row[4] == "2020-06-01" && row[0] == "61" && row[1] == "61"));
            if kept {
                prop_assert_eq!(values.len(), sieve.width());
            }
        }
    }

    #[test]
    fn a_coarser_number_is_near_and_stays_where_it_is(number in -1e6..1e6_f64, width in 0.1..1e3_f64) {
        let made = |step: &Step, number: f64| {
            let made = apply(step, Field::Number(number), None).unwrap().unwrap();
            made.parse::<f64>().unwrap()
        };
        let band = made(&Step::Band(width), number);
        prop_assert!(band <= number + 1e-6 && number < band + width * (1.0 + 1e-6));
        let round = made(&Step::Round(width), number);
        prop_assert!((round - number).abs() <= width / 2.0 * (1.0 + 1e-6));
    }
}
