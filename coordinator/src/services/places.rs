//! How much may be under way at the same time, for one of many and for all together.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// What is under way, by whom it is of.
#[derive(Debug)]
pub(super) struct Places<K> {
    each: usize,
    all: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// One place; dropped, another one may be taken.
#[derive(Debug)]
pub(super) struct Place<K: Eq + Hash> {
    places: Arc<Places<K>>,
    of: K,
}

/// There is no place any more.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum Full {
    /// For this one: so many are taken.
    #[error("one may have {0}")]
    Each(usize),
    /// For all: so many are taken.
    #[error("all together may have {0}")]
    All(usize),
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// So many for one, and for all together.
    pub(super) fn new(each: usize, all: usize) -> Arc<Self> {
        Arc::new(Self { each, all, taken: Mutex::default() })
    }

    /// A place for one more.
    pub(super) fn take(self: &Arc<Self>, of: K) -> Result<Place<K>, Full> {
        let mut taken = self.taken();
        if taken.get(&of).is_some_and(|own| *own >= self.each) {
            return Err(Full::Each(self.each));
        }
        if taken.values().sum::<usize>() >= self.all {
            return Err(Full::All(self.all));
        }
        *taken.entry(of.clone()).or_default() += 1;
        drop(taken);
        Ok(Place { places: self.clone(), of })
    }
}

impl<K> Places<K> {
    fn taken(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        // Nothing under the lock leaves the table half changed.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match taken.get_mut(&self.of) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.of)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_each_and_for_all_and_are_given_back() {
        let places = Places::new(2, 3);
        let (one, _two) = (places.take('a').unwrap(), places.take('a').unwrap());
        assert_eq!(places.take('a').unwrap_err(), Full::Each(2));
        let _three = places.take('b').unwrap();
        assert_eq!(places.take('c').unwrap_err(), Full::All(3));
        drop(one);
        let _four = places.take('c').unwrap();
        assert!(places.take('a').is_err(), "all are taken again");
    }
}
