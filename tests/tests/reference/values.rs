//! Values in lanes, and their sums (docs/protocol.md §7).

use ripieno_encoding::{DecodeError, EncodeError, Encoded, NamedVector, decode, encode, plan_for};
use ripieno_study::plan::Clip;
use ripieno_study::{Encoding, InputSpec, Packing, Plan};

use crate::support::{Drawn, Vector, file};

#[test]
fn packed_values() {
    for one in file("values").list("packed") {
        let (plan, mut rounding) = (packed_plan(&one, Clip::Refuse, 11), drawn(&one));
        let encoded = encoded(&plan, &one, &mut rounding).expect("within the range");
        assert_eq!(encoded.lanes, one.lanes("lanes"), "{}", one.label());
        rounding.assert_spent();
    }
}

#[test]
fn clipped_values_and_their_count() {
    let v = file("values");
    for one in v.list("clipped") {
        let length = one.doubles("values").len();
        let plan = packed_plan(&one, clip(&one.text("clip")), length);
        let encoded = encoded(&plan, &one, &mut drawn(&one)).expect("clipped into the range");
        assert_eq!(encoded.clipped, one.get::<u64>("count"), "{}", one.label());
        assert_eq!(encoded.lanes, one.lanes("lanes"), "{}", one.label());
    }
    for one in v.list("clipped_refused") {
        let packed = Encoding::Packed {
            packing: Packing::Two,
            range: one.double("range"),
            clip: Clip::Refuse,
        };
        let values = one.doubles("values");
        let plan = plan(packed, values.len());
        // A value is looked at when it is rounded, so bytes may be drawn for what is then refused.
        let mut drawn = Drawn::new(vec![0; 8 * values.len()]);
        let refused = encode(&plan, &named(values), 4, &mut drawn);
        assert_eq!(refused, Err(EncodeError::OutsideRange("v".into())), "{}", one.label());
    }
}

#[test]
fn wide_values() {
    let v = file("values");
    let encode_wide = |values: Vec<f64>, sites: usize| {
        let plan = plan(Encoding::Wide, values.len());
        encode(&plan, &named(values), sites, &mut Drawn::new(Vec::new()))
    };
    for one in v.list("wide") {
        let encoded = encode_wide(one.doubles("values"), one.get("sites"));
        assert_eq!(encoded.expect("small enough").lanes, one.lanes("lanes"));
    }
    for one in v.list("wide_refused") {
        let refused = encode_wide(vec![one.double("value")], one.get("sites"));
        assert_eq!(refused, Err(EncodeError::TooLarge("v".into())), "{}", one.label());
    }
}

#[test]
fn widths_that_leave_no_bit_for_a_value_are_refused() {
    for one in file("values").list("widths_refused") {
        let encoding = Encoding::Packed { packing: packing(&one), range: 1.0, clip: Clip::Refuse };
        let refused = plan(encoding, 1).check(one.get("sites"));
        assert!(refused.is_err(), "{}", one.label());
    }
}

#[test]
fn sums_decode_to_the_same_bits() {
    let v = file("values");
    for one in v.list("sums") {
        let plan = packed_plan(&one, Clip::Refuse, one.get("length"));
        assert_same_bits(&decoded(&plan, &one).expect("an honest sum"), &one);
    }
    for one in v.list("wide_sums") {
        let plan = plan(Encoding::Wide, one.lanes("lanes").len() / 2);
        assert_same_bits(&decoded(&plan, &one).expect("an honest sum"), &one);
    }
}

#[test]
fn sums_that_no_honest_sites_make_are_refused() {
    let v = file("values");
    let reach = DecodeError::OutOfReach("v".into());
    for one in v.list("sums_refused") {
        let plan = packed_plan(&one, Clip::Refuse, one.get("length"));
        let refused = decoded(&plan, &one).expect_err(&one.label());
        let unused = one.text("name").contains("unused");
        let expected = if unused { DecodeError::UnusedBits("v".into()) } else { reach.clone() };
        assert_eq!(refused, expected, "{}", one.label());
    }
    for one in v.list("wide_sums_refused") {
        let refused = decoded(&plan(Encoding::Wide, 1), &one);
        assert_eq!(refused, Err(reach.clone()), "{}", one.label());
    }
}

fn assert_same_bits(decoded: &[NamedVector], one: &Vector) {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&decoded[0].values), bits(&one.doubles("values")), "{}", one.label());
}

fn decoded(plan: &Plan, one: &Vector) -> Result<Vec<NamedVector>, DecodeError> {
    decode(plan, &one.lanes("lanes"), one.get("survivors"), one.get("sites"))
}

fn encoded(plan: &Plan, one: &Vector, rounding: &mut Drawn) -> Result<Encoded, EncodeError> {
    encode(plan, &named(one.doubles("values")), one.get("sites"), rounding)
}

fn drawn(one: &Vector) -> Drawn {
    Drawn::new(one.at("randomness").hex())
}

fn named(values: Vec<f64>) -> [NamedVector; 1] {
    [NamedVector::new("v", values)]
}

fn packed_plan(one: &Vector, clip: Clip, length: usize) -> Plan {
    plan(Encoding::Packed { packing: packing(one), range: one.double("range"), clip }, length)
}

fn plan(encoding: Encoding, length: usize) -> Plan {
    plan_for(&[InputSpec { name: "v".into(), length: length as u64, encoding }], 512)
}

fn packing(one: &Vector) -> Packing {
    packing_of(one.get("width"))
}

pub(crate) fn packing_of(width: u32) -> Packing {
    let all = [Packing::One, Packing::Two, Packing::Three, Packing::Four];
    all.into_iter().find(|packing| packing.width() == width).expect("a width")
}

pub(crate) fn clip(name: &str) -> Clip {
    match name {
        "refuse" => Clip::Refuse,
        "coordinate" => Clip::Coordinate,
        "l2" => Clip::L2,
        other => panic!("no clip is called {other}"),
    }
}
