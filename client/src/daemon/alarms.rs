//! What needs the attention of the site's people, and how much of it is written down.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_study::{SiteIndex, SiteSet};
use tokio::time::Instant;

/// Seconds that two clocks may be apart before it is said: credentials and certificates are judged
/// by them.
pub(crate) const CLOCK_TOLERANCE: u64 = 120;
/// Entries of one kind that the other end may cause at once.
const BURST: u32 = 8;
/// After so long there may be one more.
const REFILL: Duration = Duration::from_secs(3600 / BURST as u64);

/// What an alarm is about. Each has one place: none can push another one out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// The certificate for connections.
    Certificate,
    /// Charters that the coordinator sent.
    Charters,
    /// A proposed charter.
    Proposal,
    /// A charter that has to wait.
    Waiting,
    /// A list of authorities.
    Authorities,
    /// The clocks.
    Clock,
    /// What the coordinator did in a session and must not.
    Session,
    /// The coordinator does not admit this site.
    Admission,
    /// This site's ledger, which is said to be older than what was seen of it.
    Restored,
    /// The sums of a study, of which this site's ledger names others than the trailers of the others,
    /// or of which nobody can tell who lacks one.
    Forgotten,
    /// Some site's ledger, which is said to be so in the reason for which a study ended.
    Hint,
    /// The ledger of a peer, by its index in the charter, that is older than this site knows.
    Ledger(SiteIndex),
    /// What a peer's trailer says of its ledger, by its index in the charter: refused in a round.
    Sums(SiteIndex),
    /// This site's folder is an older one: the coordinator's receipts hold what it signed since.
    Stale,
    /// The site's own records cannot be written.
    Records,
    /// A table, by its number.
    DataSet(usize),
    /// A file that was mended, by its number.
    Mended(usize),
}

/// One sentence with what to do for each, by what it is about.
#[derive(Debug, Default)]
pub(crate) struct Alarms(BTreeMap<About, String>);

impl Alarms {
    /// Sets one, in the place of what was said about the same; whether it is new.
    pub(crate) fn raise(&mut self, about: About, text: String) -> bool {
        let known = self.0.get(&about) == Some(&text);
        self.0.insert(about, text);
        !known
    }

    /// Takes one back.
    pub(crate) fn clear(&mut self, about: About) {
        self.0.remove(&about);
    }

    /// Takes back what was said about tables.
    pub(crate) fn clear_data_sets(&mut self) {
        self.0.retain(|about, _| !matches!(about, About::DataSet(_)));
    }

    /// Takes back what was said about the ledgers of peers, but of those that are still `doubted`.
    pub(crate) fn clear_ledgers(&mut self, doubted: impl Fn(SiteIndex) -> bool) {
        self.0.retain(|about, _| !matches!(about, About::Ledger(site) if !doubted(*site)));
    }

    /// Takes back what was said about the sums of a study, which its text names: a proposal with these
    /// survivors was signed, so all of them name the same ones.
    pub(crate) fn clear_sums(&mut self, study: &str, survivors: &SiteSet) {
        self.0.retain(|about, text| match about {
            About::Forgotten => !text.contains(study),
            About::Sums(site) => !(survivors.contains(*site) && text.contains(study)),
            _ => true,
        });
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.0.values()
    }
}

/// How many entries of each kind were written to the log lately: a log that is only added to must
/// not grow as fast as the other end likes.
#[derive(Debug, Default)]
pub(crate) struct Notes(BTreeMap<About, Bucket>);

/// How often the other end may make something happen here: some times at once, and then each time
/// only after a while.
#[derive(Debug)]
pub(crate) struct Bucket {
    free: u32,
    since: Instant,
    /// Entries that were not written.
    more: u64,
}

impl Notes {
    /// Whether one more may be written: then with the number of those that were not since the last.
    pub(crate) fn take(&mut self, about: About, now: Instant) -> Option<u64> {
        let bucket = self.0.entry(about).or_insert_with(|| Bucket::full(now));
        if !bucket.spend(now) {
            bucket.more = bucket.more.saturating_add(1);
            return None;
        }
        Some(std::mem::take(&mut bucket.more))
    }

    /// Kinds of which entries were not written and one may be again, with how many it were.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<(About, u64)> {
        let mut overdue = Vec::new();
        for (about, bucket) in &mut self.0 {
            bucket.refill(now);
            if bucket.more > 0 && bucket.free > 0 {
                bucket.free -= 1;
                overdue.push((*about, std::mem::take(&mut bucket.more)));
            }
        }
        overdue
    }
}

impl Bucket {
    /// One of which nothing was spent.
    pub(crate) fn full(now: Instant) -> Self {
        Self { free: BURST, since: now, more: 0 }
    }

    /// Whether it may happen once more; then that is spent.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        self.refill(now);
        let left = self.free.checked_sub(1);
        self.free = left.unwrap_or_default();
        left.is_some()
    }

    fn refill(&mut self, now: Instant) {
        while self.free < BURST && now.saturating_duration_since(self.since) >= REFILL {
            self.free += 1;
            self.since += REFILL;
        }
        if self.free == BURST {
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_alarm_pushes_another_one_out() {
        let mut alarms = Alarms::default();
        assert!(alarms.raise(About::Certificate, "it ends".into()));
        for number in 0..1000 {
            assert!(alarms.raise(About::Session, format!("frame {number}")));
        }
        assert!(!alarms.raise(About::Session, "frame 999".into()));
        assert_eq!(alarms.all().collect::<Vec<_>>(), ["it ends", "frame 999"]);
        alarms.raise(About::DataSet(3), "t".into());
        alarms.clear_data_sets();
        alarms.clear(About::Session);
        assert_eq!(alarms.all().count(), 1);
    }

    /// An advert says nothing about the sums of a study, and a sum of one study nothing about another.
    #[test]
    fn repro_an_alarm_about_sums_goes_with_the_next_sum_of_the_study_alone() {
        let [one, two] = [1, 2].map(|index| SiteIndex::new(index).unwrap());
        let mut alarms = Alarms::default();
        alarms.raise(About::Sums(one), "one, study aa".into());
        alarms.raise(About::Sums(two), "two, study aa".into());
        alarms.raise(About::Forgotten, "own, study bb".into());
        alarms.raise(About::Ledger(two), "two's ledger".into());
        alarms.clear_ledgers(|_| false);
        assert_eq!(alarms.all().count(), 3, "an epoch with both");
        alarms.clear_sums("cc", &SiteSet::from_iter([one, two]));
        assert_eq!(alarms.all().count(), 3, "another study");
        alarms.clear_sums("aa", &SiteSet::from(one));
        let left: Vec<_> = alarms.all().collect();
        assert_eq!(left, ["own, study bb", "two, study aa"]);
        alarms.clear_sums("bb", &SiteSet::from(one));
        assert_eq!(alarms.all().collect::<Vec<_>>(), ["two, study aa"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_one_kind_is_counted_and_not_written() {
        let (mut notes, begun) = (Notes::default(), Instant::now());
        let written = (0..1000).filter(|_| notes.take(About::Session, begun).is_some()).count();
        assert_eq!(written, 8);
        assert_eq!(notes.take(About::Proposal, begun), Some(0), "another kind");
        assert_eq!(notes.overdue(begun), []);
        let later = begun + REFILL;
        assert_eq!(notes.overdue(later), [(About::Session, 992)]);
        assert_eq!(notes.overdue(later), [], "once");
        assert_eq!(notes.take(About::Session, later), None);
        let day = begun + Duration::from_secs(86_400);
        let written = (0..1000).filter(|_| notes.take(About::Session, day).is_some()).count();
        assert_eq!(written, 8, "at most so many at once");
    }
}
