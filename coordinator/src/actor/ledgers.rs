//! Sites whose ledgers are refused (check L1): they are older than what was seen of them, for their
//! folders were restored, or they name other sums of a study than the others do.

use std::time::Instant;

use ripieno_audit::{Event as Entry, Kind};
use ripieno_rpc::LedgerBehind;
use ripieno_rpc::attend_response::Body;
use ripieno_study::{Check, Culprit, Refusal, SiteIndex, SiteSet};
use tracing::warn;

use super::Actor;
use super::news::name_of;
use crate::log::LogError;

/// Who refused a ledger.
#[derive(Debug, Default)]
pub(super) struct Refusers {
    /// By their word alone: any of them may lie.
    sites: SiteSet,
    /// This coordinator, by what it saw itself.
    here: bool,
}

impl Actor {
    /// Notes whose ledger is refused, and by whom; `None` where it was found here. The site is told,
    /// for nobody else can mend it.
    pub(super) fn note_ledger(
        &mut self,
        by: Option<SiteIndex>,
        refusal: &Refusal,
    ) -> Result<(), LogError> {
        let charter = self.charters.last();
        let Culprit::Site(of) = refusal.culprit else { return Ok(()) };
        let listed = charter.is_some_and(|charter| charter.charter().site(of).is_some());
        // What a site says of its own ledger is nobody's refusal.
        if refusal.check != Check::L1 || !listed || by == Some(of) {
            return Ok(());
        }
        let site = name_of(charter, of);
        let said = by.map_or_else(|| "coordinator".to_owned(), |by| name_of(charter, by));
        let peer = name_of(charter, by.unwrap_or(of));
        let first = !self.behind.contains_key(&of);
        let refusers = self.behind.entry(of).or_default();
        match by {
            Some(by) => refusers.sites.insert(by),
            None => refusers.here = true,
        }
        if first {
            warn!(site, by = said, reason = refusal.reason, "the ledger of a site is refused");
            let fill = |entry: Entry| {
                let entry = entry.with("site", &site).with("refused-by", said);
                entry.with("check", refusal.check).with("reason", &refusal.reason)
            };
            let of_kind = (Kind::Alarm, "ledger-behind");
            self.log.add_of_peer(&peer, of_kind, fill, Instant::now())?;
        }
        self.tell_of_ledger(of);
        Ok(())
    }

    /// Tells a site that is there that its ledger is refused, where it is.
    pub(super) fn tell_of_ledger(&self, of: SiteIndex) {
        let Some(by) = self.behind.get(&of) else { return };
        let refused_by = by.sites.iter().map(|site| site.get().into()).collect();
        let behind = LedgerBehind { refused_by, by_coordinator: by.here };
        if let Some(session) = self.session_of(of) {
            // Where its queue is full it is told with its next session.
            let _ = session.send(Body::LedgerBehind(behind), 0);
        }
    }

    /// Sites whose ledgers all holders of an epoch have taken.
    pub(super) fn ledgers_are_good(&mut self, holders: &SiteSet) {
        self.behind.retain(|site, _| !holders.contains(*site));
    }

    /// What the operator has to know of it.
    pub(super) fn ledger_alarms(&self) -> impl Iterator<Item = String> {
        self.behind.iter().map(|(of, by)| {
            let charter = self.charters.last();
            let here = by.here.then(|| "this coordinator".to_owned());
            let sites = by.sites.iter().map(|site| name_of(charter, site));
            let by: Vec<_> = here.into_iter().chain(sites).collect();
            format!(
                "The ledger of {} is refused (check L1, by {}): it is older than what was seen of it, \
                 or it names other sums of a study than most do. What a site says of it is unproven, \
                 for one that lies can say so: call the stewards of all that are named, before \
                 anything is moved. Where it is older, its site is in no epoch until its operator \
                 puts the newest folder back; else it comes back as a new site. Where it is not, \
                 the stewards compare what each has decided about the study's slots (audit show).",
                name_of(charter, *of),
                by.join(", ")
            )
        })
    }
}
