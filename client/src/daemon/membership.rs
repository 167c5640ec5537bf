//! How the site comes under a charter: proposals, consents, successions.

use bytes::Bytes;
use ripieno_audit::{Event, Kind};
use ripieno_identity::{Charter, CharterConsent, ConsentError, Consenter, RatifiedCharter};
use ripieno_study::{Check, Refusal};
use ripieno_terminal::Failure;
use ripieno_wire::membership::encode_consent;
use thiserror::Error;
use tracing::{info, warn};

use super::Ending;
use super::alarms::About;
use super::keeper::{Duty, Keeper};
use crate::clock::now;
use crate::state::{BadCharters, Taken, of_key};
use crate::words::{self, WrongWords};

/// Why a charter is not signed.
#[derive(Debug, Error)]
pub(crate) enum SignError {
    #[error("no charter waits for this site's signature")]
    Nothing,
    #[error("the proposed charter does not list this site and it has no say on it")]
    NoSay,
    #[error("{0}")]
    Words(#[from] WrongWords),
    #[error("{0}")]
    Refused(Refusal),
    #[error("{0:#}")]
    Record(anyhow::Error),
}

impl Keeper {
    /// Verifies charters that the coordinator sent, keeps them, and takes them over where it can.
    pub(super) fn take_charters(&mut self, bytes: Bytes) -> Result<(), Failure> {
        let coordinator = self.config.site.coordinator.as_ref().map(|other| other.key);
        match self.charters.take(bytes, coordinator) {
            Ok(Taken::Known) => Ok(()),
            Ok(Taken::New) => {
                let version = self.charters.newest().map_or(0, |c| c.charter().fields().version);
                let event = Event::new(Kind::Membership, now()).with("step", "charter-verified");
                self.note_some(About::Charters, event.with("version", version))?;
                self.take_over()
            }
            Err(BadCharters::Folder(error)) => Err(Failure::output(error)),
            Err(error) => {
                let text = format!(
                    "the coordinator's charters are not taken: {error}. Compare the words of the \
                     charter with the other sites"
                );
                self.alarm(About::Charters, text)
            }
        }
    }

    /// Puts the charters to come in force, one after the other, as far as it can be done now.
    pub(super) fn take_over(&mut self) -> Result<(), Failure> {
        while let Some(next) = self.charters.to_come().first().cloned() {
            let version = next.charter().fields().version;
            if let Duty::Serving(site) = &mut self.duty {
                if of_key(next.charter(), self.key.public()).is_none() {
                    self.ending = Some(Ending::Revoked(format!(
                        "version {version} of the charter does not list this site any more"
                    )));
                    return Ok(());
                }
                if let Err(refusal) = site.succeed(next) {
                    warn!(version, reason = refusal.reason, "the charter has to wait");
                    let text =
                        format!("version {version} of the charter has to wait: {}", refusal.reason);
                    self.alarms.raise(About::Waiting, text);
                    return Ok(());
                }
                self.alarms.clear(About::Waiting);
                self.charters.advance().map_err(Failure::output)?;
                self.hello();
            } else if !self.take_first()? {
                return Ok(());
            }
            self.note(
                Event::new(Kind::Membership, now())
                    .with("step", "charter-in-force")
                    .with("version", version),
            )?;
            let charter = self.charters.held().map(RatifiedCharter::charter);
            self.alarms.clear_ledgers(|site| charter.is_some_and(|c| c.site(site).is_some()));
            info!(version, "charter in force");
        }
        Ok(())
    }

    /// The first charters of this site: those that follow the one that it signed, or whose words
    /// its steward has compared. Whether they are in force now.
    fn take_first(&mut self) -> Result<bool, Failure> {
        let to_come = self.charters.to_come();
        let Some(last) = to_come.last().map(|last| last.charter().clone()) else {
            return Ok(false);
        };
        if of_key(&last, self.key.public()).is_none() {
            self.left_out(last.fields().version)?;
            return Ok(false);
        }
        if !self.has_signed(&last) && !self.charters.is_founder(&self.consents) {
            return Ok(false);
        }
        self.charters.advance_all().map_err(Failure::output)?;
        self.begin_duty()?;
        self.hello();
        Ok(true)
    }

    /// The last of the charters to come does not list this site. Anybody can make up a history in
    /// which a site was and is no more: it ends the daemon only where it follows a charter whose
    /// words were compared here.
    fn left_out(&mut self, version: u32) -> Result<(), Failure> {
        let own = self.key.public();
        let charters = self.charters.to_come().iter().map(RatifiedCharter::charter);
        let listing: Vec<_> = charters.filter(|charter| of_key(charter, own).is_some()).collect();
        if listing.is_empty() {
            return Ok(());
        }
        let text = format!("version {version} of the charter does not list this site any more");
        if self.charters.is_founder(&self.consents)
            || listing.iter().any(|charter| self.has_signed(charter))
        {
            self.ending = Some(Ending::Revoked(text));
            return Ok(());
        }
        self.alarm(
            About::Charters,
            format!(
                "the coordinator sent charters by which {text}; this site has compared the words of \
                 none of them. Ask the other sites, on a number that you know, whether they are true"
            ),
        )
    }

    /// Keeps a charter that waits for signatures.
    pub(super) fn take_proposal(&mut self, bytes: &Bytes) -> Result<(), Failure> {
        let coordinator = self.config.site.coordinator.as_ref().map(|other| other.key);
        let proposals = &mut self.proposals;
        let room = || proposals.spend(tokio::time::Instant::now());
        match self.charters.propose(bytes, self.key.public(), coordinator, room) {
            Ok(false) => Ok(()),
            Ok(true) => {
                let Some(charter) = self.charters.proposal() else { return Ok(()) };
                let event = Event::new(Kind::Membership, now())
                    .with("step", "charter-proposed")
                    .with("version", charter.fields().version)
                    .with("charter", charter.digest());
                self.note_some(About::Proposal, event)
            }
            Err(BadCharters::Folder(error)) => Err(Failure::output(error)),
            Err(error) => {
                self.alarm(About::Proposal, format!("a proposed charter is not taken: {error}"))
            }
        }
    }

    /// The charter whose words the steward is to compare: the one that is proposed, or the one in
    /// force elsewhere under which this site comes anew.
    pub(super) fn to_compare(&self) -> Option<&Charter> {
        let joins = matches!(self.duty, Duty::Waiting(_)).then(|| self.charters.to_come().last());
        let joins = joins.flatten().map(RatifiedCharter::charter);
        joins
            .filter(|charter| of_key(charter, self.key.public()).is_some())
            .or_else(|| self.charters.proposal())
    }

    /// Whether this site has signed or confirmed a charter.
    pub(super) fn has_signed(&self, charter: &Charter) -> bool {
        let fields = charter.fields();
        self.consents.signed(&fields.federation, fields.version) == Some(charter.digest())
    }

    /// The steward has compared the words and types them: the site signs, once for each version,
    /// and the signature is durable before it is sent.
    pub(super) fn sign(&mut self, typed: &str, steward: &str) -> Result<u32, SignError> {
        let charter = self.to_compare().cloned().ok_or(SignError::Nothing)?;
        words::compare(typed, &charter)?;
        let version = charter.fields().version;
        let record = |error| SignError::Record(anyhow::Error::new(error));
        if self.charters.to_come().last().is_some_and(|last| *last.charter() == charter) {
            // In force already: there is nothing to sign, the words are confirmed.
            let digest = charter.digest();
            let federation = &charter.fields().federation;
            let mut consents = &mut self.consents;
            let settled =
                ripieno_identity::ConsentRecord::settle(&mut consents, federation, version, digest)
                    .map_err(record)?;
            if settled != digest {
                let reason = format!(
                    "this site signed or confirmed another version {version} of the charter, {}",
                    settled.short()
                );
                return Err(SignError::Refused(Refusal::coordinator(Check::H1, reason)));
            }
        } else {
            self.consent(&charter)?;
        }
        let event = Event::new(Kind::Membership, now())
            .with("step", "charter-signed")
            .with("version", version)
            .with("charter", charter.digest())
            .with("steward", steward);
        let kept = |failure: Failure| SignError::Record(anyhow::anyhow!(failure.text()));
        self.note(event).map_err(kept)?;
        self.send_consent().map_err(kept)?;
        self.take_over().map_err(kept)?;
        Ok(version)
    }

    /// Sends the signature under the proposed charter, if there is one: in every session until the
    /// charter is in force.
    pub(super) fn send_consent(&mut self) -> Result<(), Failure> {
        let Some(charter) = self.charters.proposal().cloned() else { return Ok(()) };
        if !self.has_signed(&charter) {
            return Ok(());
        }
        match self.consent(&charter) {
            Ok(consent) => self.outbox.push_consent(encode_consent(&consent)),
            Err(error) => warn!(%error, "the signature under the proposed charter is not sent"),
        }
        Ok(())
    }

    fn consent(&mut self, charter: &Charter) -> Result<CharterConsent, SignError> {
        let held = self.charters.held().cloned();
        let electorate = held.as_ref().map_or(charter, RatifiedCharter::charter);
        let index = of_key(electorate, self.key.public()).ok_or(SignError::NoSay)?;
        let mut consenter = Consenter::new(index, &self.key, &mut self.consents);
        let signed = match &held {
            Some(held) => consenter.succeed(held, charter),
            None => consenter.found(charter),
        };
        signed.map_err(|error| match error {
            ConsentError::Refused(refusal) => SignError::Refused(refusal),
            other => SignError::Record(anyhow::anyhow!("{other}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use ripieno_wire::membership::{encode_charter, encode_history};

    use super::super::made::{
        again, first, found, keeper, key, succeed, with_newcomer, without_fourth,
    };
    use super::*;

    #[tokio::test]
    async fn a_history_that_nobody_confirmed_ends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        let mut keeper = keeper(&dir);
        let own = keeper.key.clone();
        let founded = found(first(Some(own.public()), 200), &own);
        let next = succeed(&founded, without_fourth(&founded), &own);
        let history = encode_history(&[founded.clone(), next.clone()]);
        keeper.take_charters(history.clone()).unwrap();
        assert_eq!(keeper.ending, None);
        let alarms: Vec<_> = keeper.alarms.all().collect();
        assert!(alarms[0].contains("compared the words of none"), "{alarms:?}");
        // Another history may come in its place, also a shorter one.
        let true_one = found(first(Some(own.public()), 201), &own);
        keeper.take_charters(encode_history(std::slice::from_ref(&true_one))).unwrap();
        assert_eq!(keeper.to_compare(), Some(true_one.charter()));
        // Whose words were compared here, it is true.
        let (fields, digest) = (founded.charter().fields(), founded.digest());
        let mut consents = &mut keeper.consents;
        ripieno_identity::ConsentRecord::settle(&mut consents, &fields.federation, 1, digest)
            .unwrap();
        keeper.take_charters(history).unwrap();
        assert!(matches!(keeper.ending, Some(Ending::Revoked(_))));
    }

    /// In one session the coordinator sends a charter once: the next comes without those before.
    #[tokio::test]
    async fn charters_that_wait_are_followed_by_the_next_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        let mut newcomer = keeper(&dir);
        let own = newcomer.key.clone();
        let one = found(first(None, 200), &own);
        let two = succeed(&one, with_newcomer(&one, own.public(), 200), &own);
        newcomer.take_charters(encode_history(std::slice::from_ref(&one))).unwrap();
        assert_eq!(newcomer.to_compare(), None, "it is in none yet");
        newcomer.take_charters(encode_history(std::slice::from_ref(&two))).unwrap();
        assert_eq!(newcomer.alarms.all().count(), 0, "{:?}", newcomer.alarms);
        assert_eq!(newcomer.to_compare(), Some(two.charter()));
        // Both are kept, and come in force when the words were compared.
        drop(newcomer);
        let mut newcomer = keeper(&dir);
        let words = two.charter().fingerprint_words().join(" ");
        assert_eq!(newcomer.sign(&words, "Anna").unwrap(), 2);
        assert_eq!(newcomer.charters.held(), Some(&two));
    }

    /// Check H1 for charters that cannot be in force yet.
    #[tokio::test]
    async fn a_charter_that_does_not_follow_those_that_wait_is_an_alarm() {
        let folder = tempfile::tempdir().unwrap();
        let mut newcomer = keeper(&folder.path().join("site"));
        let own = newcomer.key.clone();
        let (one, other) = (found(first(None, 200), &own), found(first(None, 201), &own));
        newcomer.take_charters(encode_history(std::slice::from_ref(&one))).unwrap();
        let foreign = succeed(&other, with_newcomer(&other, own.public(), 201), &own);
        newcomer.take_charters(encode_history(&[foreign])).unwrap();
        assert_eq!(newcomer.alarms.all().count(), 1);
        assert_eq!(newcomer.charters.to_come(), [one]);
    }

    #[tokio::test]
    async fn a_version_is_confirmed_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder.path().join("site"));
        let own = keeper.key.clone();
        let forged = found(first(Some(own.public()), 200), &own);
        keeper.take_charters(encode_history(std::slice::from_ref(&forged))).unwrap();
        let mut consents = &mut keeper.consents;
        let other = first(Some(own.public()), 201).digest();
        ripieno_identity::ConsentRecord::settle(&mut consents, "North", 1, other).unwrap();
        let words = forged.charter().fingerprint_words().join(" ");
        let refused = keeper.sign(&words, "Anna").unwrap_err();
        assert!(matches!(refused, SignError::Refused(_)), "{refused}");
        assert!(keeper.charters.held().is_none());
    }

    #[tokio::test]
    async fn proposals_that_are_not_this_sites_leave_no_trace_and_others_few() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder.path().join("site"));
        let own = keeper.key.clone();
        let before = keeper.people.head().count;
        keeper.take_proposal(&encode_charter(&first(None, 200))).unwrap();
        let founded = found(first(Some(own.public()), 200), &own);
        keeper.take_proposal(&encode_charter(&again(&founded, 0))).unwrap();
        assert!(keeper.charters.proposal().is_none());
        assert_eq!(keeper.people.head().count, before);
        for coordinator in 100..200 {
            let charter = first(Some(own.public()), coordinator);
            keeper.take_proposal(&encode_charter(&charter)).unwrap();
        }
        // Nor is each of them kept: all that is kept is in the inventory too.
        let kept = keeper.charters.proposal().unwrap().fields().coordinator;
        assert_eq!(kept, key(107).public());
        assert!(keeper.alarms.all().any(|alarm| alarm.contains("too many")));
        assert_eq!(keeper.people.head().count, before + 8);
    }

    #[tokio::test]
    async fn a_founder_takes_all_charters_over_with_one_write() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        let mut keeper = keeper(&dir);
        let own = keeper.key.clone();
        let one = found(first(Some(own.public()), 200), &own);
        let two = succeed(&one, again(&one, 1), &own);
        let mut consents = &mut keeper.consents;
        ripieno_identity::ConsentRecord::settle(&mut consents, "North", 1, one.digest()).unwrap();
        keeper.take_charters(encode_history(&[one, two.clone()])).unwrap();
        assert_eq!(keeper.charters.held(), Some(&two));
        assert!(keeper.charters.to_come().is_empty());
        // Only the successor of what is held can be proposed, by the same federation.
        keeper.take_proposal(&encode_charter(&again(&two, 1))).unwrap();
        let proposed = keeper.charters.proposal().cloned();
        assert!(proposed.is_some());
        let mut fields = again(&two, 2).fields().clone();
        fields.federation = "South".into();
        let foreign = Charter::new(fields).unwrap();
        keeper.take_proposal(&encode_charter(&foreign)).unwrap();
        assert_eq!(keeper.charters.proposal().cloned(), proposed);
        assert_eq!(keeper.alarms.all().count(), 1);
        // Nor one that gives the index of a site to somebody else.
        let mut fields = again(&two, 2).fields().clone();
        fields.sites[1].key = key(250).public();
        let taken = Charter::new(fields).unwrap();
        keeper.take_proposal(&encode_charter(&taken)).unwrap();
        assert_eq!(keeper.charters.proposal().cloned(), proposed);
        assert!(keeper.alarms.all().any(|alarm| alarm.contains("check H1")));
        assert_eq!(key(200).public(), two.coordinator());
    }
}
