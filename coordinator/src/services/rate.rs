//! How often one address, and all together, may try something.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ripieno_transport::server::origin;

/// Addresses that are remembered; where there are more, all share one.
const MOST: usize = 4096;
const MINUTE: Duration = Duration::from_mins(1);

/// Counts attempts by address, in minutes.
#[derive(Debug)]
pub(crate) struct Rate {
    per_minute: u32,
    in_all: u32,
    attempts: Mutex<Attempts>,
}

#[derive(Debug, Default)]
struct Attempts {
    of: HashMap<IpAddr, (Instant, u32)>,
    all: Option<(Instant, u32)>,
}

impl Rate {
    /// At most so many in a minute of one address, and of all that keep to that.
    pub(crate) fn new(per_minute: u32, in_all: u32) -> Self {
        Self { per_minute, in_all, attempts: Mutex::default() }
    }

    /// Whether an address may try once more now. What is refused for its address does not count
    /// for all: one address alone uses up no more than its own part.
    pub(crate) fn admits(&self, address: IpAddr, now: Instant) -> bool {
        // Nothing under the lock leaves the table half changed.
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let Attempts { of, all } = &mut *attempts;
        let mut address = origin(address);
        if of.len() >= MOST && !of.contains_key(&address) {
            of.retain(|_, (began, _)| fresh(*began, now));
            if of.len() >= MOST {
                address = Ipv6Addr::UNSPECIFIED.into();
            }
        }
        counts(of.entry(address).or_insert((now, 0)), now, self.per_minute)
            && counts(all.get_or_insert((now, 0)), now, self.in_all)
    }
}

fn fresh(began: Instant, now: Instant) -> bool {
    now.saturating_duration_since(began) < MINUTE
}

/// Counts one more; whether it is still within the bound.
fn counts((began, count): &mut (Instant, u32), now: Instant, most: u32) -> bool {
    if !fresh(*began, now) {
        (*began, *count) = (now, 0);
    }
    *count = count.saturating_add(1);
    *count <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tries_so_often_in_a_minute() {
        let rate = Rate::new(2, 100);
        let now = Instant::now();
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        assert!(rate.admits(one, now) && rate.admits(one, now) && !rate.admits(one, now));
        assert!(rate.admits(other, now));
        assert!(!rate.admits(one, now + MINUTE - Duration::from_secs(1)));
        assert!(rate.admits(one, now + MINUTE));
    }

    #[test]
    fn all_together_try_so_often_and_one_alone_never_for_all() {
        let rate = Rate::new(2, 3);
        let now = Instant::now();
        let admitted =
            |last: u8| (0..9).filter(|_| rate.admits([192, 0, 2, last].into(), now)).count();
        assert_eq!([1, 2, 3].map(admitted), [2, 1, 0]);
        assert!(rate.admits([192, 0, 2, 3].into(), now + MINUTE));
    }

    #[test]
    fn the_table_is_bounded() {
        let rate = Rate::new(1, u32::MAX);
        let now = Instant::now();
        for number in 0..2 * u32::try_from(MOST).unwrap() {
            let address = IpAddr::from(number.to_be_bytes());
            assert_eq!(rate.admits(address, now), number <= u32::try_from(MOST).unwrap());
        }
        assert!(rate.attempts.lock().unwrap().of.len() <= MOST + 1);
    }
}
