//! L1 at R3: the survivors of a fixed set are in the same sums of their study.
//!
//! Under fixed membership every survivor is in every opened slot of the study, and counts it as
//! opened before it enters the next one. Where two trailers name other sums, one of their sites has
//! forgotten one, for its ledger was restored from a backup; or a certificate is lacking, and a
//! steward has decided otherwise. No memory of its peers is asked here, so it does not matter what
//! the coordinator has shown to whom, and when.

use std::collections::BTreeMap;

use ripieno_study::{Check, Digest, Refusal, SiteIndex};

use crate::round::upload::Trailer;

/// Check L1 for trailers that have passed C2: all of them name the same sums. Of the sites `corrupt`
/// may name what they like, so the refusal names somebody only where more than so many sites name
/// one history, and fewer any other.
///
/// # Errors
/// Check L1. The culprit is the first site that names other sums than most, or this site itself where
/// it does; nobody where nobody can tell.
pub(super) fn check_histories(
    me: SiteIndex,
    corrupt: usize,
    trailers: &[Trailer],
) -> Result<(), Refusal> {
    let Some(first) = trailers.first() else { return Ok(()) };
    if trailers.iter().all(|trailer| trailer.history == first.history) {
        return Ok(());
    }
    let Some(most) = most_named(trailers, corrupt) else {
        let reason = "the survivors name different sums of this study, and nobody can tell whose \
                      ledger lacks one: was one of them restored from a backup, or does it lack a \
                      certificate?";
        return Err(Refusal::own(Check::L1, reason));
    };
    let mut others = trailers.iter().filter(|trailer| trailer.history != most);
    if others.clone().any(|trailer| trailer.from == me) {
        let reason = "this site's ledger names other sums of this study than most of the others: was \
                      it restored from a backup, or does it lack a certificate?";
        return Err(Refusal::own(Check::L1, reason));
    }
    others.next().map_or(Ok(()), |other| {
        let reason = "its ledger names other sums of this study than most of the others: was it \
                      restored from a backup, or does it lack a certificate?";
        Err(Refusal::site(Check::L1, other.from, reason))
    })
}

/// The history that more sites name than any other, and more than may be corrupt.
fn most_named(trailers: &[Trailer], corrupt: usize) -> Option<Digest> {
    let mut named: BTreeMap<Digest, usize> = BTreeMap::new();
    for trailer in trailers {
        *named.entry(trailer.history).or_default() += 1;
    }
    let (most, count) = named.iter().max_by_key(|(_, count)| **count)?;
    let alone = named.values().filter(|other| *other == count).count() == 1;
    (alone && *count > corrupt).then_some(*most)
}

#[cfg(test)]
mod tests {
    use ripieno_identity::SigningKey;
    use ripieno_study::{Culprit, Hasher, Tag};
    use zeroize::Zeroizing;

    use super::*;
    use crate::ledger::Head;

    fn site(index: u16) -> SiteIndex {
        SiteIndex::new(index).unwrap()
    }

    /// Trailers of sites 1, 2, …, that name these histories.
    fn trailers(named: &[u8]) -> Vec<Trailer> {
        let digest = |byte: u8| Hasher::new(Tag::History).number(byte).finish();
        let signature = SigningKey::from_seed(&Zeroizing::new([7; 32])).sign(&digest(0));
        let trailer = |(index, byte): (u16, &u8)| Trailer {
            ctx: digest(0),
            from: site(index),
            root: digest(0),
            lanes: 1,
            history: digest(*byte),
            ledger: Head::empty(),
            audit: digest(0),
            signature,
        };
        (1..).zip(named).map(trailer).collect()
    }

    /// Whom site `me` blames.
    fn blamed(me: u16, corrupt: usize, named: &[u8]) -> Option<Culprit> {
        let refusal = check_histories(site(me), corrupt, &trailers(named)).err()?;
        assert_eq!(refusal.check, Check::L1);
        Some(refusal.culprit)
    }

    #[test]
    fn who_names_other_sums_than_most_is_blamed() {
        assert_eq!(blamed(1, 1, &[5, 5, 5, 5]), None);
        assert_eq!(blamed(1, 1, &[]), None);
        assert_eq!(blamed(1, 1, &[5, 5, 6, 5]), Some(Culprit::Site(site(3))));
        assert_eq!(blamed(9, 1, &[5, 5, 6, 5]), Some(Culprit::Site(site(3))));
        assert_eq!(blamed(3, 1, &[5, 5, 6, 5]), Some(Culprit::Own));
    }

    #[test]
    fn repro_a_tie_blames_nobody() {
        for me in [1, 3, 9] {
            assert_eq!(blamed(me, 0, &[5, 5, 6, 6]), Some(Culprit::Own), "{me}");
        }
        assert_eq!(blamed(9, 1, &[5, 5, 6, 6, 7]), Some(Culprit::Own));
    }

    /// Corrupt sites may be most of the survivors: what they alone name proves nothing.
    #[test]
    fn repro_no_more_sites_than_may_be_corrupt_make_nobody_a_culprit() {
        let named = [5, 5, 5, 5, 6, 6, 6];
        for me in [1, 5, 9] {
            assert_eq!(blamed(me, 4, &named), Some(Culprit::Own), "{me}");
        }
        assert_eq!(blamed(1, 3, &named), Some(Culprit::Site(site(5))), "one of four is honest");
    }
}
