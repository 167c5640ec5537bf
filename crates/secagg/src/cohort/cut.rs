//! How the sites of a draw are cut into cohorts: to the same cut at every site.

use ripieno_study::{Digest, Hasher, SiteIndex, SiteSet, Tag};

use crate::params::MAX_HOLDERS;

/// The fewest sites of a drawn cohort.
pub const MIN_COHORT: usize = 64;

/// How many cohorts `sites` are cut into, of which `corrupt` may collude: as many as leave each
/// cohort at least 64 sites, and four times c where that is more, but never so few that a cohort has
/// more than 128. At least 1.
#[must_use]
pub fn cohorts(sites: usize, corrupt: u16) -> usize {
    let least = usize::from(corrupt).saturating_mul(4).clamp(MIN_COHORT, MAX_HOLDERS);
    (sites / least).max(sites.div_ceil(MAX_HOLDERS)).max(1)
}

/// Permutes the sites by the seed, and cuts them into [`cohorts`].
pub(super) fn cut(seed: &Digest, sites: &SiteSet, corrupt: u16) -> Vec<SiteSet> {
    let mut order: Vec<SiteIndex> = sites.iter().collect();
    let mut words = Words { seed, next: 0 };
    for place in (1..order.len()).rev() {
        let other = words.below(place as u64 + 1);
        // It is at most `place`.
        order.swap(place, usize::try_from(other).unwrap_or(place));
    }
    let (count, parts) = (order.len(), cohorts(order.len(), corrupt));
    // Cohort j has the places from ⌊j·N/k⌋ to below ⌊(j + 1)·N/k⌋.
    let bound = |number: usize| number * count / parts;
    let cohort = |number| order.get(bound(number)..bound(number + 1)).unwrap_or_default();
    (0..parts).map(|number| cohort(number).iter().copied().collect()).collect()
}

/// Random words: word i is LE64 of the first 8 bytes of H("draw-word", seed, i).
struct Words<'a> {
    seed: &'a Digest,
    next: u64,
}

impl Words<'_> {
    /// A uniform number below `bound`, which is at least 1: words from 2^64 − (2^64 mod bound) on
    /// are passed over.
    fn below(&mut self, bound: u64) -> u64 {
        // 2^64 mod bound.
        let excess = (u64::MAX % bound + 1) % bound;
        loop {
            let word = self.word();
            if word <= u64::MAX - excess {
                return word % bound;
            }
        }
    }

    fn word(&mut self) -> u64 {
        let digest = Hasher::new(Tag::DrawWord).part(self.seed).number(self.next).finish();
        self.next += 1;
        let (words, _) = digest.as_bytes().as_chunks::<8>();
        words.first().map_or(0, |word| u64::from_le_bytes(*word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(n: u64) -> Digest {
        Hasher::new(Tag::Draw).number(n).finish()
    }

    fn sites(count: u16) -> SiteSet {
        (1..=count).filter_map(SiteIndex::new).collect()
    }

    #[test]
    fn every_cohort_has_64_to_128_sites_and_every_site_is_in_one() {
        for corrupt in [0, 1, 16, 17, 30, 32, 100] {
            for count in (129_usize..1500).chain([10_000, 65_535]) {
                let parts = cohorts(count, corrupt);
                let (least, most) = (count / parts, count.div_ceil(parts));
                assert!(least >= MIN_COHORT && most <= MAX_HOLDERS, "{count}: {least} to {most}");
            }
        }
        for count in [129, 191, 200, 1000, 10_000] {
            let cohorts = cut(&seed(1), &sites(count), 1);
            let (least, most) = (usize::from(count) / cohorts.len(), MAX_HOLDERS);
            assert!(cohorts.iter().all(|cohort| (least..=least + 1).contains(&cohort.len())));
            assert!(least < most);
            let all: SiteSet = cohorts.iter().flat_map(SiteSet::iter).collect();
            assert_eq!(all, sites(count));
        }
    }

    #[test]
    fn more_corrupt_sites_get_larger_cohorts() {
        assert_eq!(cohorts(10_000, 1), 156);
        assert_eq!(cohorts(10_000, 20), 125);
        assert_eq!(cohorts(10_000, 32), 79);
        assert_eq!(cohorts(128, 1), 2, "whoever draws has more than 128");
    }

    #[test]
    fn another_seed_is_another_cut() {
        assert_eq!(cut(&seed(1), &sites(200), 1), cut(&seed(1), &sites(200), 1));
        assert_ne!(cut(&seed(1), &sites(200), 1), cut(&seed(2), &sites(200), 1));
    }

    /// Each of 1000 seeds puts site 1 into one of three cohorts. By Hoeffding a fair share misses a
    /// third by more than 0.12 with probability below 2·exp(−2·1000·0.12²) < 1e-12.
    #[test]
    fn no_place_is_preferred() {
        let site = SiteIndex::new(1).unwrap();
        let mut found = [0_u32; 3];
        for n in 0..1000 {
            let cohorts = cut(&seed(n), &sites(192), 1);
            found[cohorts.iter().position(|cohort| cohort.contains(site)).unwrap()] += 1;
        }
        assert!(found.iter().all(|count| (213..=453).contains(count)), "{found:?}");
    }

    #[test]
    fn words_beyond_the_last_multiple_are_passed_over() {
        // Of 2^63 + 1 only the words below it are taken.
        let bound = (1 << 63) + 1;
        let mut words = Words { seed: &seed(3), next: 0 };
        let drawn: Vec<_> = (0..50).map(|_| words.below(bound)).collect();
        assert!(words.next > 60, "about every second word is passed over");
        let mut all = Words { seed: &seed(3), next: 0 };
        let taken: Vec<_> = (0..words.next).map(|_| all.word()).filter(|w| *w < bound).collect();
        assert_eq!(drawn, taken);
    }
}
