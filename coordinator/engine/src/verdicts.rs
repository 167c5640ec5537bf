//! Which verdicts on a large sum the next contract carries: few, short, and enough.

use ripieno_secagg::round::publish::{SumRecord, Verdict};
use ripieno_wire::limits::{MAX_CONTROL_BYTES, MAX_SETUP_BYTES};

/// The most verdicts that a contract carries.
const MOST: usize = 128;
/// The most bytes of them: the rest of the message is for the contract.
const MOST_BYTES: usize = MAX_CONTROL_BYTES - MAX_SETUP_BYTES;
/// A verdict without its tiles: digests, signature, lengths, with room to spare.
const HEAD_BYTES: usize = 256;

/// Whether all of `few` are in `many`; both increase.
pub(crate) fn includes(many: &[u32], few: &[u32]) -> bool {
    let mut many = many.iter();
    few.iter().all(|tile| many.by_ref().any(|other| other == tile))
}

/// Verdicts of `verdicts`, at most one a site, that cover every tile, are at most 128 and fit into
/// a message; `None` where none were found. Greedy: the one that adds most comes first, and where
/// these are too long, the one that adds most for its length.
pub(crate) fn covering(record: &SumRecord, verdicts: &[Verdict]) -> Option<Vec<Verdict>> {
    let by_gain = |gain: usize, _: &Verdict| (gain, 0);
    let by_density = |gain: usize, verdict: &Verdict| {
        let density = (gain << 20).checked_div(verdict.tiles.len()).unwrap_or(0);
        (density, gain)
    };
    greedy(record, verdicts, by_gain).or_else(|| greedy(record, verdicts, by_density))
}

fn greedy(
    record: &SumRecord,
    verdicts: &[Verdict],
    worth: impl Fn(usize, &Verdict) -> (usize, usize),
) -> Option<Vec<Verdict>> {
    let mut left: Vec<&Verdict> = verdicts.iter().collect();
    let mut chosen: Vec<Verdict> = Vec::new();
    let mut bytes = 0_usize;
    loop {
        let lacking = record.uncovered(&chosen);
        if lacking.is_empty() {
            chosen.sort_by_key(|verdict| verdict.from);
            return Some(chosen);
        }
        let gain = |verdict: &Verdict| {
            verdict.tiles.iter().filter(|tile| lacking.binary_search(tile).is_ok()).count()
        };
        let worths = left.iter().enumerate().map(|(at, verdict)| {
            let gain = gain(verdict);
            (worth(gain, verdict), gain, at)
        });
        let (_, _, at) =
            worths.filter(|(_, gain, _)| *gain > 0).max_by_key(|(worth, ..)| *worth)?;
        let verdict = left.swap_remove(at);
        bytes = bytes.saturating_add(length(verdict));
        if chosen.len() >= MOST || bytes > MOST_BYTES {
            return None;
        }
        chosen.push(verdict.clone());
    }
}

/// At most so many bytes, encoded.
fn length(verdict: &Verdict) -> usize {
    let varint = |tile: &u32| (32 - tile.leading_zeros()).max(1).div_ceil(7) as usize;
    HEAD_BYTES + verdict.tiles.iter().map(varint).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use ripieno_identity::Signature;
    use ripieno_study::{Digest, SiteIndex};

    use super::*;

    /// A sum of so many tiles, each of which takes two verdicts.
    fn record(tiles: u32) -> SumRecord {
        let digest = Digest::from_bytes([1; 32]);
        let record = serde_json::json!({
            "ctx": digest, "sum": digest, "survivors": [1, 2, 3, 4], "tiles": tiles, "corrupt": 1,
            "in_parts": true,
        });
        serde_json::from_value(record).unwrap()
    }

    fn verdict(site: u16, tiles: impl IntoIterator<Item = u32>) -> Verdict {
        let digest = Digest::from_bytes([1; 32]);
        Verdict {
            ctx: digest,
            sum: digest,
            from: SiteIndex::new(site).unwrap(),
            tiles: tiles.into_iter().collect(),
            holds: true,
            signature: Signature::from_bytes([0; 64]),
        }
    }

    #[test]
    fn verdicts_are_at_most_7_mib_together() {
        assert_eq!(MOST_BYTES, 7 << 20);
        for (tiles, fits) in [(1_150_000, true), (1_250_000, false)] {
            let all = [verdict(1, 0..tiles), verdict(2, 0..tiles)];
            let chosen = covering(&record(tiles), &all);
            assert_eq!(chosen.is_some(), fits, "{tiles} tiles");
        }
    }

    #[test]
    fn verdicts_that_add_nothing_are_left_out() {
        let few = [verdict(1, 0..9), verdict(2, 0..5), verdict(3, 5..9), verdict(4, 0..1)];
        let chosen: Vec<u16> =
            covering(&record(9), &few).unwrap().iter().map(|one| one.from.get()).collect();
        assert_eq!(chosen, [1, 2, 3]);
    }
}
