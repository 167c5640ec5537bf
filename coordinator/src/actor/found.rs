//! What was found that the operator has to know of, for as long as it is so. The audit log has when
//! it was found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Actor;
use super::authority::connects;
use super::error::Fatal;
use crate::clock::unix_now;
use crate::store::{LiveCertificate, SiteRow};

/// What was found, by site where it is about one.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The database is older than the audit log.
    behind_log: bool,
    /// The database is older than a list of revoked certificates.
    behind_lists: bool,
    /// Sites that are turned away for their charters.
    charters: BTreeMap<String, Charter>,
    /// Sites that hold a list of authorities which was not signed last here.
    lists: BTreeSet<String>,
    /// Sites whose certificates are of no authority that counts.
    stranded: BTreeSet<String>,
}

/// How the charter that a site holds differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charter {
    /// Another one of this version.
    Other(u32),
    /// A later one, of this version.
    Later(u32),
}

impl Charter {
    /// What the site is told, and the audit log.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Other(_) => {
                "the site holds another charter of this version: its steward and the operator \
                 compare the words of both"
            }
            Self::Later(_) => {
                "the site holds a later charter than this coordinator, which may have been \
                 restored from an old backup: ask the operator"
            }
        }
    }

    /// The version that the site holds.
    pub(super) fn version(self) -> u32 {
        match self {
            Self::Other(version) | Self::Later(version) => version,
        }
    }

    fn alarm(self, site: &str) -> String {
        match self {
            Self::Other(version) => format!(
                "{site} holds another version {version} of the charter than this coordinator, and is \
                 turned away: one of the two was made up. Stop, and compare the words of both with \
                 the other sites."
            ),
            Self::Later(version) => format!(
                "{site} holds a later charter than this coordinator, version {version}, and is turned \
                 away: either this coordinator was restored from an old copy, or {site} says what is \
                 not so. Compare with another site before anything is restored."
            ),
        }
    }
}

impl Found {
    /// What is known before anybody has come: whether the database is older than the audit log, or
    /// than a list of revoked certificates.
    pub(crate) fn at_start(behind_log: bool, behind_lists: bool) -> Self {
        Self { behind_log, behind_lists, ..Self::default() }
    }

    /// A site is turned away for its charter.
    pub(super) fn charter_differs(&mut self, site: &str, how: Charter) {
        self.charters.insert(site.to_owned(), how);
    }

    /// A site is there under a charter of this coordinator; so its certificate counts.
    pub(super) fn is_admitted(&mut self, site: &str) {
        self.charters.remove(site);
        self.stranded.remove(site);
    }

    /// Whether the list of authorities that a site holds is one that was signed here.
    pub(super) fn holds_list(&mut self, site: &str, known: bool) {
        match known {
            true => self.lists.remove(site),
            false => self.lists.insert(site.to_owned()),
        };
    }

    /// A site has enrolled again, or was revoked: nothing of before counts.
    pub(super) fn forget(&mut self, site: &str) {
        self.is_admitted(site);
        self.lists.remove(site);
    }

    /// A sentence for each, with what to do.
    pub(super) fn alarms(&self) -> impl Iterator<Item = String> {
        let behind_log = self.behind_log.then(|| {
            "The database is older than the audit log: it was restored from a copy, or \
             coordinator.db-wal is lost. Bring the newest one back; where there is none, repeat the \
             revocations since, and make every invitation again. This is shown for 7 days, and from \
             then on until the coordinator starts the next time."
                .to_owned()
        });
        let behind_lists = self.behind_lists.then(|| {
            "The database is older than the list of revoked certificates: it was restored from a \
             copy. Repeat the revocations since the copy, and make every invitation again; this is \
             shown until the coordinator starts the next time."
                .to_owned()
        });
        let charters = self.charters.iter().map(|(site, how)| how.alarm(site));
        let lists = self.lists.iter().map(|site| {
            format!(
                "{site} holds a list of authorities that this coordinator did not sign last: either \
                 this coordinator was restored from an old copy, or authorities.list is lost, or \
                 {site} says what is not so. Compare with another site before anything is restored."
            )
        });
        let stranded = self.stranded.iter().map(|site| {
            format!(
                "No certificate of {site} is by an authority that counts, and it cannot connect: \
                 invite it again under its own name (invite {site})."
            )
        });
        behind_log.into_iter().chain(behind_lists).chain(charters).chain(lists).chain(stranded)
    }
}

impl Actor {
    /// Looks for sites whose certificates were all withdrawn with their authority, or are by none
    /// that is trusted: another one took its place. One whose certificates have ended is not among
    /// them: that has an alarm of its own.
    pub(super) async fn look_for_stranded(&mut self) -> Result<(), Fatal> {
        let live = self.shared.store.live_certificates(None, unix_now()).await?;
        let trusted = self.certificates.trusted().certificates();
        let counts = |one: &LiveCertificate| trusted.iter().any(|by| by.issued(&one.der));
        let mut of_sites = HashMap::<&str, Vec<&LiveCertificate>>::new();
        for one in &live {
            of_sites.entry(&one.site).or_default().push(one);
        }
        let is_stranded = |row: &&SiteRow| {
            let own = of_sites.get(row.name.as_str()).cloned().unwrap_or_default();
            let lapsed = own.is_empty() && !row.serials.is_empty();
            connects(row) && !lapsed && !own.into_iter().any(counts)
        };
        self.found.stranded =
            self.sites.iter().filter(is_stranded).map(|row| row.name.clone()).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mended_is_said_no_more() {
        let mut found = Found::at_start(true, true);
        found.charter_differs("a", Charter::Later(3));
        found.charter_differs("b", Charter::Other(1));
        found.holds_list("a", false);
        found.stranded.insert("c".to_owned());
        assert_eq!(found.alarms().count(), 6);
        found.is_admitted("a");
        found.is_admitted("c");
        let left: Vec<_> = found.alarms().collect();
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(left[2].starts_with("b holds another version 1"), "{left:?}");
        assert!(left[3].starts_with("a holds a list"), "{left:?}");
        found.holds_list("a", true);
        found.forget("b");
        assert_eq!(found.alarms().count(), 2, "until the next start");
    }
}
