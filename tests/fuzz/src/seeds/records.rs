//! What a site keeps: the journals of a whole run, and the file that they lie in.

use ripieno_files::{AppendFile, Limits};

use super::{Seed, part};
use crate::common::federation::{Federation, Settings};
use crate::common::site;
use crate::common::studies::vector;
use crate::decoders::folder;

pub(super) fn seeds() -> Vec<Seed> {
    let mut federation = Federation::new(&Settings::new(4, 1).slots(4));
    let study = federation.begin(&vector(5, 2, ""));
    federation.run(&[study]);
    let tapes = &federation.tapes[&site(1)];
    let journals = [tapes.ledger.records(), tapes.witness.records(), tapes.audit.records()];
    let names = ["ledger", "witness", "audit"];
    let mut seeds = Vec::new();
    for (kind, (name, records)) in (0..).zip(names.into_iter().zip(&journals)) {
        let parts: Vec<u8> = records.iter().flat_map(|record| part(record)).collect();
        seeds.push(("journals", name.to_owned(), [vec![kind], parts].concat()));
    }
    let file = file(&journals[0]);
    let torn = file[..file.len() - 9].to_vec();
    let mut damaged = file.clone();
    damaged[60] ^= 1;
    for (name, bytes) in [("whole", file), ("torn", torn), ("damaged", damaged)] {
        seeds.push(("append", name.to_owned(), bytes));
    }
    seeds
}

fn file(records: &[Vec<u8>]) -> Vec<u8> {
    let path = folder().join("seed");
    let _ = std::fs::remove_file(&path);
    let limits = Limits { record: 1 << 20, file: 1 << 20 };
    let mut file = AppendFile::create(&path, limits).expect("a new file");
    records.iter().for_each(|record| file.append(record).expect("a record"));
    std::fs::read(&path).expect("the file")
}
