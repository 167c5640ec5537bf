//! Site indices and sets of them.

use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Hasher;

/// A site's number in the charter: at least 1, never given to another site (docs/protocol.md §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SiteIndex(NonZeroU16);

impl SiteIndex {
    /// The index, or `None` for 0.
    #[must_use]
    pub fn new(index: u16) -> Option<Self> {
        NonZeroU16::new(index).map(Self)
    }

    /// The number, at least 1.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for SiteIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "site {}", self.0)
    }
}

impl From<SiteIndex> for u64 {
    fn from(index: SiteIndex) -> Self {
        u64::from(index.get())
    }
}

/// A set of sites in strictly increasing order: what a peer may send, checked once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<SiteIndex>", into = "Vec<SiteIndex>")]
pub struct SiteSet(Vec<SiteIndex>);

/// A list of sites that is not strictly increasing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("site {0} stands twice or out of order in a set of sites")]
pub struct NotASet(pub u16);

impl SiteSet {
    /// Takes a list as a peer sent it.
    ///
    /// # Errors
    /// [`NotASet`] where an index repeats or is out of order.
    pub fn from_increasing(list: Vec<SiteIndex>) -> Result<Self, NotASet> {
        match list.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(NotASet(pair[1].get())),
            None => Ok(Self(list)),
        }
    }

    /// How many sites.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `site` is one of them.
    #[must_use]
    pub fn contains(&self, site: SiteIndex) -> bool {
        self.0.binary_search(&site).is_ok()
    }

    /// The sites in increasing order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SiteIndex> + '_ {
        self.0.iter().copied()
    }

    /// Whether every site of this set is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|site| other.contains(site))
    }

    /// The sites of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.iter().filter(|site| !other.contains(*site)).collect()
    }

    /// Adds a site; one that is in the set changes nothing.
    pub fn insert(&mut self, site: SiteIndex) {
        if let Err(place) = self.0.binary_search(&site) {
            self.0.insert(place, site);
        }
    }

    /// Takes a site out; one that is not in the set changes nothing.
    pub fn remove(&mut self, site: SiteIndex) {
        if let Ok(place) = self.0.binary_search(&site) {
            self.0.remove(place);
        }
    }

    /// Adds the set to a hash: its length, then each index.
    #[must_use]
    pub fn hash_into(&self, hasher: Hasher) -> Hasher {
        hasher.list(self.iter(), Hasher::number)
    }
}

impl TryFrom<Vec<SiteIndex>> for SiteSet {
    type Error = NotASet;

    fn try_from(list: Vec<SiteIndex>) -> Result<Self, NotASet> {
        Self::from_increasing(list)
    }
}

impl From<SiteSet> for Vec<SiteIndex> {
    fn from(set: SiteSet) -> Self {
        set.0
    }
}

impl From<SiteIndex> for SiteSet {
    fn from(site: SiteIndex) -> Self {
        Self(vec![site])
    }
}

impl FromIterator<SiteIndex> for SiteSet {
    fn from_iter<I: IntoIterator<Item = SiteIndex>>(sites: I) -> Self {
        let mut list: Vec<_> = sites.into_iter().collect();
        list.sort_unstable();
        list.dedup();
        Self(list)
    }
}

impl fmt::Display for SiteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, site) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}", site.get())?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(index: u16) -> SiteIndex {
        SiteIndex::new(index).unwrap()
    }

    #[test]
    fn a_peers_list_must_increase() {
        assert!(SiteSet::from_increasing(vec![site(1), site(3)]).is_ok());
        assert_eq!(SiteSet::from_increasing(vec![site(3), site(3)]), Err(NotASet(3)));
        assert_eq!(SiteSet::from_increasing(vec![site(3), site(1)]), Err(NotASet(1)));
    }

    #[test]
    fn sites_come_and_go_in_order_and_once() {
        let mut set = SiteSet::from(site(5));
        for index in [2, 9, 5, 2] {
            set.insert(site(index));
        }
        assert_eq!(set, SiteSet::from_increasing([2, 5, 9].map(site).to_vec()).unwrap());
        set.remove(site(5));
        set.remove(site(7));
        assert_eq!(set.to_string(), "{2, 9}");
    }

    #[test]
    fn set_operations() {
        let all: SiteSet = [1, 2, 3].map(site).into_iter().collect();
        let some: SiteSet = [1, 3].map(site).into_iter().collect();
        assert!(some.is_subset(&all) && !all.is_subset(&some));
        assert_eq!(all.difference(&some).to_string(), "{2}");
    }
}
