//! What sites say at no cost of their own, and what the coordinator looks into its store for: so much
//! in a minute, for each site, over all its sessions.

use std::time::{Duration, Instant};

use ripieno_audit::{Event as Entry, Kind};
use ripieno_wire::limits::MAX_STANDINGS;

use super::Actor;
use super::error::Fatal;
use crate::log::TOO_MUCH;

const MINUTE: Duration = Duration::from_mins(1);
/// Slots that ended a while ago, of which one site is told the outcome in a minute: those of a few
/// greetings. It names what is left with its next one.
const MOST_RECALLED: usize = 4 * MAX_STANDINGS;

/// What a site caused in a minute.
#[derive(Debug)]
pub(super) struct Costs {
    began: Instant,
    said: u32,
    recalled: usize,
}

impl Costs {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, said: 0, recalled: 0 }
    }

    /// Begins anew where the minute is over.
    fn at(&mut self, now: Instant) -> &mut Self {
        if now.saturating_duration_since(self.began) >= MINUTE {
            *self = Self::new(now);
        }
        self
    }

    /// One message more; whether it may be looked at.
    fn say(&mut self) -> bool {
        self.said = self.said.saturating_add(1);
        self.said <= TOO_MUCH
    }

    /// How many of so many slots may be looked for.
    fn recall(&mut self, asked: usize) -> usize {
        let may = asked.min(MOST_RECALLED.saturating_sub(self.recalled));
        self.recalled += may;
        may
    }
}

impl Actor {
    /// A site says again who it is or what it holds; whether that is to be looked at. One that goes
    /// on and on with it is heard no more, for now.
    pub(super) fn may_say(&mut self, site: &str, what: &'static str) -> Result<bool, Fatal> {
        if self.costs_of(site).say() {
            return Ok(true);
        }
        let reason = "it says what it holds, or that it is there, over and over";
        let fill = |entry: Entry| {
            entry.with("site", site).with("culprit", site).with("of", what).with("reason", reason)
        };
        self.log.add_of_peer(site, (Kind::Refusal, "too-often"), fill, Instant::now())?;
        self.goes_on(site);
        Ok(false)
    }

    /// How many of so many slots are looked for in the store for a site.
    pub(super) fn may_recall(&mut self, site: &str, asked: usize) -> usize {
        self.costs_of(site).recall(asked)
    }

    fn costs_of(&mut self, site: &str) -> &mut Costs {
        let now = Instant::now();
        self.costs.entry(site.to_owned()).or_insert_with(|| Costs::new(now)).at(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repro_what_a_site_may_cause_in_a_minute_is_bounded() {
        let now = Instant::now();
        let mut costs = Costs::new(now);
        assert!((0..TOO_MUCH).all(|_| costs.at(now).say()));
        let last = now + MINUTE.checked_sub(Duration::from_millis(1)).unwrap();
        assert!(!costs.at(now).say() && !costs.at(last).say());
        assert_eq!(costs.at(now).recall(MOST_RECALLED - 1), MOST_RECALLED - 1);
        assert_eq!((costs.at(now).recall(64), costs.at(last).recall(64)), (1, 0));
        assert!(costs.at(now + MINUTE).say(), "the next minute");
        assert_eq!(costs.recall(64), 64);
    }
}
