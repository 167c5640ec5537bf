//! Charters: proposed, signed, in force.

use std::sync::Arc;

use ripieno_audit::Kind;
use ripieno_coordinator_engine::Coordinator;
use ripieno_identity::{Charter, CharterConsent, PublicKey, RatifiedCharter};
use ripieno_rpc::{ProposeCharterRequest, ProposeCharterResponse, ShowCharterResponse};
use ripieno_study::{SiteIndex, SiteSet};
use ripieno_wire::membership::{encode_charter, encode_consent, encode_ratified};
use tonic::Status;
use tracing::{info, warn};

use super::Actor;
use super::command::Fault;
use super::error::Fatal;
use crate::log::event;
use crate::membership::{Candidate, NoProposal, Pending, Wish, members, propose};
use crate::store::Standing;

impl Actor {
    /// Proposes the next charter with the numbers that the operator wants.
    pub(super) async fn propose_by_request(
        &mut self,
        request: ProposeCharterRequest,
    ) -> Result<ProposeCharterResponse, Fault> {
        let number = |name: &str, value: Option<u32>| {
            value
                .map(u16::try_from)
                .transpose()
                .map_err(|_| Status::invalid_argument(format!("{name} is at most {}", u16::MAX)))
        };
        let wish = Wish {
            corrupt: number("corrupt", request.corrupt)?,
            quorum: number("quorum", request.quorum)?,
            minimum_sites: number("minimum_sites", request.minimum_sites)?,
        };
        match self.propose(wish).await? {
            Ok(charter) => Ok(ProposeCharterResponse { proposed: encode_charter(&charter) }),
            Err(why) => Err(Status::failed_precondition(why.to_string()).into()),
        }
    }

    /// Proposes the charter that follows from the sites that are here.
    pub(super) async fn propose(
        &mut self,
        wish: Wish,
    ) -> Result<Result<Charter, NoProposal>, Fatal> {
        let in_force = self.charters.last();
        let charter = match &self.pending {
            Some(pending) => pending.may_be_replaced(in_force, &self.revoked_electors(pending)),
            None => Ok(()),
        };
        let charter = charter.and_then(|()| {
            let federation = &self.shared.settings.federation;
            propose(federation, self.shared.key, in_force, self.candidates(), wish)
        });
        let charter = match charter {
            Ok(charter) => charter,
            Err(why) => return Ok(Err(why)),
        };
        self.shared.store.propose(encode_charter(&charter), charter.digest()).await?;
        let fields = charter.fields();
        let entry = event(Kind::Membership, "charter-proposed").with("version", fields.version);
        let entry = entry.with("digest", charter.digest()).with("sites", fields.sites.len());
        self.log.add(entry.with("corrupt", fields.corrupt).with("quorum", fields.quorum))?;
        info!(version = fields.version, sites = fields.sites.len(), "a charter is proposed");
        let bound = self.pending.as_ref().filter(|_| !self.charters.is_empty());
        let bound = bound.map(Pending::all_bound).unwrap_or_default();
        self.pending = Some(Pending { charter: charter.clone(), consents: Vec::new(), bound });
        let names: Vec<_> = self.sessions.keys().cloned().collect();
        for name in names {
            self.show_proposal(&name);
        }
        Ok(Ok(charter))
    }

    /// The key by which the proposed charter lists a site, once somebody has signed that: others
    /// know the site by it, and it keeps it.
    pub(super) fn key_under_signature(&self, site: &str) -> Option<PublicKey> {
        let pending = self.pending.as_ref().filter(|pending| !pending.consents.is_empty())?;
        let listed = pending.charter.fields().sites.iter().find(|one| one.name == site);
        listed.map(|one| one.key)
    }

    /// A site has this key now. A proposal that lists it by another one, which nobody has signed,
    /// gives way to one with the same numbers.
    pub(super) async fn propose_with_key(
        &mut self,
        site: &str,
        key: PublicKey,
    ) -> Result<(), Fatal> {
        let Some(fields) = self.pending.as_ref().map(|pending| pending.charter.fields()) else {
            return Ok(());
        };
        if !fields.sites.iter().any(|one| one.name == site && one.key != key) {
            return Ok(());
        }
        let wish = Wish {
            corrupt: Some(fields.corrupt),
            quorum: Some(fields.quorum),
            minimum_sites: Some(fields.policy.minimum_sites),
        };
        if let Err(why) = self.propose(wish).await? {
            warn!(site, %why, "the proposed charter lists a key that its site has no more");
        }
        Ok(())
    }

    /// Takes a site's signature.
    pub(super) async fn take_consent(
        &mut self,
        site: &str,
        consent: CharterConsent,
    ) -> Result<(), Fault> {
        let in_force = self.charters.last();
        let key = self.sites.named(site).and_then(|row| row.key);
        let Some(pending) = &mut self.pending else {
            // It came into force while this was on its way.
            return Ok(());
        };
        let electorate = pending.electorate(in_force);
        let own = electorate.iter().find(|elector| Some(elector.key) == key);
        if own.is_none_or(|own| own.index != consent.site) {
            let reason = "the signature is in the name of another site";
            return Err(Status::permission_denied(reason).into());
        }
        let taken = pending.take(consent, in_force);
        if !taken.map_err(|refusal| Status::failed_precondition(refusal.reason))? {
            return Ok(());
        }
        let digest = pending.charter.digest();
        let version = pending.charter.fields().version;
        self.shared.store.consent(&digest, consent.site, encode_consent(&consent)).await?;
        let entry = event(Kind::Membership, "charter-signed").with("site", site);
        self.log.add(entry.with("version", version).with("digest", digest))?;
        info!(site, version, "a site has signed the charter");
        Ok(())
    }

    /// Brings the charter into force that has all signatures, once no round is under way. Until
    /// then none begins.
    pub(super) async fn change_charter_when_quiet(&mut self) -> Result<(), Fatal> {
        let pending = self.pending.as_ref();
        let Some(next) = pending.and_then(|pending| pending.ratified(self.charters.last())) else {
            return Ok(());
        };
        if let Some(engine) = &mut self.engine {
            engine.hold();
            if !engine.is_quiet() {
                return Ok(());
            }
        }
        self.change_charter(next).await
    }

    async fn change_charter(&mut self, next: RatifiedCharter) -> Result<(), Fatal> {
        let version = next.charter().fields().version;
        let members = members(&next, &self.sites);
        if members.len() < next.sites().len() {
            warn!(version, "the charter lists keys that no site here has: those sites cannot come");
        }
        self.shared.store.ratify(encode_ratified(&next), version, &members).await?;
        self.pending = None;
        self.epoch = None;
        self.behind.retain(|site, _| next.charter().site(*site).is_some());
        let clock = self.watch.read();
        self.charters.push(next.clone());
        self.nobody_is_there();
        match &mut self.engine {
            Some(engine) => engine.succeed(next.clone(), clock).map_err(|error| Fatal::Record {
                what: format!("version {version} of the charter"),
                reason: error.to_string(),
            })?,
            None => self.wake()?,
        }
        self.refresh_sites().await?;
        for index in self.revoked_members() {
            if let Some(engine) = &mut self.engine {
                engine.expel(index, clock);
            }
        }
        if self.draining.is_some()
            && let Some(engine) = &mut self.engine
        {
            engine.hold();
        }
        self.shared.charters.send_replace(Arc::new(self.charters.clone()));
        self.tell_who_is_cut_off();
        let entry = event(Kind::Membership, "charter-in-force").with("version", version);
        let names: Vec<_> = next.sites().iter().map(|site| site.name.as_str()).collect();
        self.log.add(entry.with("digest", next.digest()).with("sites", names.join(", ")))?;
        info!(version, sites = next.sites().len(), "a charter is in force");
        let names: Vec<_> = self.sessions.keys().cloned().collect();
        for name in names {
            self.bring_up_to_date(&name);
        }
        Ok(())
    }

    /// Sites say Hello again once they have taken the next charter over: until then the engine has
    /// nobody to set an epoch up with.
    fn nobody_is_there(&mut self) {
        for session in self.sessions.values_mut() {
            if std::mem::take(&mut session.greeted)
                && let (Some(index), Some(engine)) = (session.index, &mut self.engine)
            {
                engine.disconnected(index);
            }
        }
    }

    /// The charter in force, the one proposed, and who has signed that.
    pub(super) fn show_charter(&self) -> ShowCharterResponse {
        let in_force = self.charters.last();
        let mut response = ShowCharterResponse {
            in_force: in_force.map(encode_ratified),
            ..ShowCharterResponse::default()
        };
        if let Some(pending) = &self.pending {
            let electorate = pending.electorate(in_force).iter();
            let (signed, others) =
                electorate.partition::<Vec<_>, _>(|site| pending.has_signed(site.index));
            let gone = self.revoked_electors(pending);
            let (revoked, unsigned) =
                others.into_iter().partition::<Vec<_>, _>(|site| gone.contains(site.index));
            let names = |sites: Vec<&ripieno_identity::CharterSite>| {
                sites.into_iter().map(|site| site.name.clone()).collect()
            };
            response.proposed = Some(encode_charter(&pending.charter));
            response.signed = names(signed);
            response.unsigned = names(unsigned);
            response.revoked = names(revoked);
            response.needed = u32::try_from(pending.needed(in_force)).unwrap_or(u32::MAX);
            response.waits_for_rounds = self.proposal_is_signed();
        }
        response
    }

    /// Whether the charter that is proposed has all its signatures: it waits for the rounds under
    /// way.
    pub(super) fn proposal_is_signed(&self) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| pending.ratified(self.charters.last()).is_some())
    }

    /// Sites of the charter in force that were revoked.
    pub(super) fn revoked_members(&self) -> Vec<SiteIndex> {
        let revoked = self.sites.iter().filter(|site| site.standing == Standing::Revoked);
        revoked.filter_map(|site| self.index_of(site)).collect()
    }

    /// Sites that were revoked and have a say on the proposal.
    fn revoked_electors(&self, pending: &Pending) -> SiteSet {
        let revoked = |key| {
            let row = self.sites.iter().find(|row| row.key == Some(key));
            row.is_some_and(|row| row.standing == Standing::Revoked)
        };
        let electors = pending.electorate(self.charters.last()).iter();
        electors.filter(|site| revoked(site.key)).map(|site| site.index).collect()
    }

    /// Whom they vouch for is refused from now on.
    pub(super) fn tell_who_is_cut_off(&self) {
        let cut_off = self.revoked_members().into_iter().collect();
        self.shared.cut_off.send_replace(cut_off);
    }

    /// Whether a round can be held at all.
    pub(super) fn engine(&mut self) -> Result<&mut Coordinator, Status> {
        self.engine.as_mut().ok_or_else(|| {
            Status::failed_precondition(
                "no charter is in force yet: the operator proposes one, and every site signs it",
            )
        })
    }

    fn candidates(&self) -> Vec<Candidate> {
        let may = |standing| matches!(standing, Standing::Enrolled | Standing::Member);
        let rows = self.sites.iter().filter(|row| may(row.standing));
        let candidates =
            rows.filter_map(|row| Some(Candidate { name: row.name.clone(), key: row.key? }));
        candidates.collect()
    }
}
