//! Lanes that are held once and read in several places.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

/// A run of 64-bit lanes. Clones and parts are handles to the same memory; nothing is copied until
/// one of them is written to.
#[derive(Clone, Default)]
pub struct Lanes {
    whole: Arc<Vec<u64>>,
    range: Range<usize>,
}

impl Lanes {
    /// The lanes of a range within these; none where it is not within them.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        if range.start > range.end || range.end > self.len() {
            return Self::default();
        }
        let start = self.range.start;
        Self { whole: self.whole.clone(), range: start + range.start..start + range.end }
    }
}

impl From<Vec<u64>> for Lanes {
    fn from(lanes: Vec<u64>) -> Self {
        let range = 0..lanes.len();
        Self { whole: Arc::new(lanes), range }
    }
}

impl Deref for Lanes {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        self.whole.get(self.range.clone()).unwrap_or_default()
    }
}

impl DerefMut for Lanes {
    /// Whoever else has these lanes keeps them as they are.
    fn deref_mut(&mut self) -> &mut [u64] {
        if Arc::get_mut(&mut self.whole).is_none() {
            *self = self.to_vec().into();
        }
        let whole = Arc::make_mut(&mut self.whole);
        whole.get_mut(self.range.clone()).unwrap_or_default()
    }
}

impl PartialEq for Lanes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Lanes {}

impl<T: AsRef<[u64]>> PartialEq<T> for Lanes {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lanes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_memory_until_one_is_written_to() {
        let whole = Lanes::from(vec![1, 2, 3, 4]);
        let mut part = whole.part(1..4).part(0..2);
        assert_eq!((&*part, part.as_ptr()), ([2, 3].as_slice(), whole[1..].as_ptr()));
        part[0] = 9;
        assert_eq!((&*part, &*whole), ([9, 3].as_slice(), [1, 2, 3, 4].as_slice()));
        let mut alone = Lanes::from(vec![5, 6]);
        let place = alone.as_ptr();
        alone[1] = 7;
        assert_eq!((&*alone, alone.as_ptr()), ([5, 7].as_slice(), place));
    }

    #[test]
    fn a_range_that_is_not_within_has_no_lanes() {
        let part = Lanes::from(vec![1, 2, 3, 4]).part(1..3);
        assert!(part.part(1..3).is_empty());
        assert!(part.part(Range { start: 2, end: 1 }).is_empty());
        assert_eq!(part.part(0..2), part);
    }
}
