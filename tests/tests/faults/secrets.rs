//! No secret of a slot is ever on a disk: what a site drew from its generator is looked for in all
//! that it, or the coordinator, keeps.

use std::collections::HashSet;

use rand::Rng as _;

use crate::common::federation::Federation;
use crate::common::tape::Tape;

/// So much of each generator is looked for, in bytes: the secrets of several epochs.
const STREAM: usize = 8 << 10;
/// So many bytes of a secret in a row are no accident.
const PIECE: usize = 16;

type Pieces = HashSet<[u8; PIECE]>;

/// Asserts that no piece of what any site drew stands in a record.
pub(crate) fn assert_none_kept(federation: &Federation) {
    let drawn = drawn(federation);
    for (site, tapes) in &federation.tapes {
        let shelf = tapes.shelf.ever().into_iter().map(|(_, record)| record);
        let journals = [&tapes.ledger, &tapes.witness, &tapes.audit];
        let records = journals.into_iter().flat_map(Tape::records).chain(shelf);
        for record in records {
            assert!(!holds(&record, &drawn), "{site} keeps a secret");
        }
    }
    let saved = &federation.saved;
    let studies = saved.studies.iter().map(|(_, record)| record);
    let epochs = saved.epochs.iter().map(|(_, record)| record);
    for record in studies.chain(epochs).chain(saved.outcomes.iter().map(|(_, _, r)| r)) {
        assert!(!holds(record, &drawn), "the coordinator keeps a secret");
    }
}

/// All pieces of the streams from which sites drew.
fn drawn(federation: &Federation) -> Pieces {
    let mut pieces = Pieces::new();
    for site in federation.sites.keys() {
        for restarts in 0..=federation.restarts() {
            let mut stream = vec![0; STREAM];
            federation.secrets_after(*site, restarts).fill_bytes(&mut stream);
            // Secrets are drawn in whole words.
            pieces.extend(stream.windows(PIECE).step_by(4).filter_map(piece));
        }
    }
    pieces
}

fn piece(window: &[u8]) -> Option<[u8; PIECE]> {
    window.try_into().ok()
}

/// Whether a record holds a piece: as it is, in hexadecimal digits, or as a list of numbers.
fn holds(record: &[u8], pieces: &Pieces) -> bool {
    let contains = |bytes: &[u8]| {
        bytes.windows(PIECE).filter_map(piece).any(|window| pieces.contains(&window))
    };
    contains(record) || contains(&from_hex(record)) || contains(&from_list(record))
}

/// The bytes of all pairs of hexadecimal digits in runs of them.
fn from_hex(record: &[u8]) -> Vec<u8> {
    let runs = record.split(|byte| !byte.is_ascii_hexdigit());
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    runs.flat_map(|run| run.chunks_exact(2)).filter_map(pair).collect()
}

/// The bytes of all small numbers, in order.
fn from_list(record: &[u8]) -> Vec<u8> {
    let runs = record.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty());
    runs.filter_map(|run| std::str::from_utf8(run).ok()?.parse().ok()).collect()
}

#[test]
fn a_secret_would_be_found_in_any_form() {
    let secret: Vec<u8> = (0..32).map(|n| 250_u8.wrapping_mul(n).wrapping_add(7)).collect();
    let pieces: Pieces = secret.windows(PIECE).filter_map(piece).collect();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let raw = [b"before".as_slice(), &secret, b"behind"].concat();
    for record in [raw, format!("{{\"key\":\"{hex}\"}}").into(), format!("{secret:?}").into()] {
        assert!(holds(&record, &pieces), "{record:?}");
    }
    assert!(!holds(b"{\"epoch\": 1, \"site\": [2, 3]}", &pieces));
}
