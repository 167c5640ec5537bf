//! Scripts for the engines: the run as it was, and with some of what can befall it.

use super::{Seed, part};
use crate::machines::trace::traces;

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (number, _) in (0_u16..).zip(traces()) {
        let trace = number.to_le_bytes();
        for (name, step) in SCRIPTS {
            let script = [&trace[..], &step.repeat(400 / step.len())].concat();
            seeds.push(("site", format!("{name}-{number}"), script.clone()));
            seeds.push(("coordinator", format!("{name}-{number}"), script));
        }
    }
    for study in 0..4_u8 {
        let script = |acts: &[u8], fates: &[u8]| [&[study], &part(acts)[..], fates].concat();
        seeds.push(("federation", format!("quiet-{study}"), script(&[], &[0; 20])));
        seeds.push(("federation", format!("ends-{study}"), script(&[9; 300], &[0; 20])));
        let crashes = [[20_u8, 0].repeat(40), vec![0, 0], [20, 1].repeat(60), vec![1, 2]].concat();
        seeds.push(("federation", format!("crashes-{study}"), script(&crashes, &[])));
        let fates: Vec<u8> = (0..1200_u16).map(fate).collect();
        seeds.push(("federation", format!("faults-{study}"), script(&[], &fates)));
    }
    seeds
}

/// Steps of both engines' scripts: the low bits choose what happens, the high ones how often.
const SCRIPTS: [(&str, &[u8]); 4] = [
    ("honest", &[0]),
    ("changed", &[0, 0, 10, 0, 0, 2, 40, 0, 0, 0, 0]),
    ("doubled", &[0, 0, 9, 7, 0, 0, 0, 8]),
    ("ended", &[0, 0, 0, 0, 0, 12, 1, 1, 0, 13, 1, 0, 0, 15]),
];

/// Every eighth message meets something.
fn fate(number: u16) -> u8 {
    match number % 8 {
        0 => 200 + u8::try_from(number / 8 % 56).expect("below 256"),
        _ => 0,
    }
}
