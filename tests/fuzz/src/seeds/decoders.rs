//! Texts, tables, numbers, certificates.

use std::time::{Duration, SystemTime};

use ripieno_transport::authority::{Authority, Revoked, Validity};
use ripieno_transport::request::{PendingRequest, VerifiedRequest};

use super::messages::seeds_of;
use super::{Seed, part};
use crate::common::site;
use crate::common::studies::{fedavg, glm, vector, write_table};
use crate::decoders::folder;
use crate::decoders::sums::STUDIES;

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds = texts();
    seeds.extend(tables());
    seeds.extend(sums());
    seeds.extend(lanes());
    seeds.extend(connections());
    seeds
}

fn texts() -> Vec<Seed> {
    let policy = include_str!("../../../../client/policy.sample.toml");
    let texts = [
        ("glm", 0, glm("minimum_sites = 4\nmembership = \"may-change\"")),
        ("fedavg", 0, fedavg("")),
        ("vector", 0, vector(9, 2, "corrupt = 1")),
        ("policy", 1, policy.to_owned()),
    ];
    let seed = |(name, kind, text): (&str, u8, String)| {
        ("texts", name.to_owned(), [vec![kind], text.into_bytes()].concat())
    };
    texts.into_iter().map(seed).collect()
}

fn tables() -> Vec<Seed> {
    let path = folder().join("made.csv");
    write_table(&path, site(1));
    let made = std::fs::read(&path).expect("the table");
    let tables = [
        ("made", made[..800].to_vec()),
        ("quoted", b"\"a\"\"b\",c\r\n\"1\r\n\",2\r\n\r\n3,NA\r\n".to_vec()),
        ("mark", "\u{feff}x;y\n1,5\n".as_bytes().to_vec()),
    ];
    tables.into_iter().map(|(name, bytes)| ("table", name.to_owned(), bytes)).collect()
}

/// The first state of each analysis, with sums that sites could have.
fn sums() -> Vec<Seed> {
    let seed = |(number, analysis): (u16, &dyn ripieno_analysis::Analysis)| {
        let state = serde_json::to_vec(&analysis.initial()).expect("a state");
        let values: Vec<u8> =
            (0..40).flat_map(|value| f64::from(100 - 2 * value).to_le_bytes()).collect();
        let bytes = [&number.to_le_bytes()[..], &[3], &part(&state), &values].concat();
        ("sums", format!("study-{number}"), bytes)
    };
    (0..).zip(STUDIES.iter().map(AsRef::as_ref)).map(seed).collect()
}

fn lanes() -> Vec<Seed> {
    let tail = |values: u8| [vec![0, 3, 4, values], (0..64).collect()].concat();
    let packed =
        |fields: u8, clip: u8| [&[0, clip, 0, fields], &1.5_f64.to_le_bytes()[..], &[8]].concat();
    let mut seeds = Vec::new();
    for values in [0, 1] {
        let wide = [vec![0, 0, 0, 0, 4], tail(values)].concat();
        seeds.push(("lanes", format!("wide-{values}"), wide));
        for (fields, clip) in [(1, 0), (2, 1), (3, 2), (4, 0)] {
            let bytes = [packed(fields, clip), tail(values)].concat();
            seeds.push(("lanes", format!("packed-{fields}-{clip}-{values}"), bytes));
        }
    }
    seeds
}

fn connections() -> Vec<Seed> {
    let frame = |kind: u8, payload: usize| {
        [vec![0, 0, u8::try_from(payload).expect("short"), kind, 4, 0, 0, 0, 1], vec![7; payload]]
            .concat()
    };
    let frames = [vec![b'P'; 24], frame(4, 6), frame(1, 9), frame(0, 40), frame(6, 8)].concat();
    let seeds = [
        ("established", 5, b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n".to_vec()),
        ("sign-in", 5, b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n".to_vec()),
        ("endpoint", 6, b"[2001:db8::1]:8443".to_vec()),
        ("proxy-url", 6, b"http://name:pass%20word@proxy.example.org:3128".to_vec()),
        ("frames", 7, frames),
    ];
    let seed = |(name, kind, bytes): (&str, u8, Vec<u8>)| {
        ("connection", name.to_owned(), [vec![kind], bytes].concat())
    };
    seeds.into_iter().map(seed).collect()
}

/// Certificates have new keys each time: these seeds are made, and not compared.
pub(super) fn once() -> Vec<Seed> {
    let name = |text: &str| text.parse().expect("a name");
    let validity = |days| Validity { from: SystemTime::now(), days };
    let authority = Authority::create(&name("North"), validity(1000)).expect("an authority");
    let pending = PendingRequest::create().expect("a request");
    let request = VerifiedRequest::from_der(pending.der()).expect("its own request");
    let issued = authority.issue_site(&request, &name("site-01"), validity(30)).expect("a site");
    let server = authority.issue_server(&name("coordinator"), &["localhost"], validity(30));
    let revoked = Revoked {
        serial: server.expect("a server").certificate().serial.clone(),
        at: SystemTime::now() - Duration::from_hours(1),
    };
    let list = authority.issue_list(&[revoked], 2, validity(7)).expect("a list");
    let text = authority.certificate().pem();
    seeds_of(
        "connection",
        [
            ("request", pending.der().to_vec()),
            ("list", list.der().to_vec()),
            ("certificate", issued.der.clone()),
            ("trusted", text.into_bytes()),
        ],
    )
}
