//! How the authority for connections is replaced while the federation goes on: the next one is
//! made and trusted, then it certifies, then the former one is trusted no more.
//!
//! Whoever still needs the former one is known by what sites say that they hold: the number of the
//! list of authorities, and the certificate with which they will come next. Nothing has to be
//! connected anew for that.

use std::time::Instant;

use bytes::Bytes;
use ripieno_audit::{Event as Entry, Kind};
use ripieno_rpc::attend_response::Body;
use ripieno_rpc::authority_request::Step;
use ripieno_rpc::{AuthorityRequest, AuthorityResponse, AuthoritySite};
use ripieno_transport::{CaCertificate, Fingerprint};
use ripieno_wire::encode_authorities;
use tonic::Status;
use tracing::{debug, warn};

use super::Actor;
use super::command::{Fault, Holdings, SessionId};
use super::error::Fatal;
use super::revocation::revoked;
use crate::certificates::Phase;
use crate::clock::unix_now;
use crate::log::event;
use crate::store::{LiveCertificate, SiteRow, Standing};

/// How long an authority lasts that follows another, in days.
const AUTHORITY_DAYS: u16 = 3650;

impl Actor {
    /// Takes one step, or none; then says how far it is. A step that was taken is not taken again.
    pub(super) async fn authority(
        &mut self,
        request: AuthorityRequest,
    ) -> Result<AuthorityResponse, Fault> {
        let refused = |text: &str| Err(Status::failed_precondition(text).into());
        match (request.step(), self.certificates.phase()) {
            (Step::Prepare, Phase::Settled) => self.prepare_authority().await?,
            (Step::Prepare, Phase::Switched) => {
                return refused("the former authority is still trusted: authority retire");
            }
            (Step::Switch, Phase::Prepared) => self.switch_authority(request.force).await?,
            (Step::Switch, Phase::Settled) => {
                return refused("there is no next authority: authority prepare");
            }
            (Step::Retire, Phase::Switched) => self.retire_authority(request.force).await?,
            (Step::Retire, Phase::Prepared) => {
                return refused("the next authority does not certify yet: authority switch");
            }
            (Step::Status | Step::Prepare | Step::Switch | Step::Retire, _) => {}
        }
        self.authority_status().await
    }

    /// Signs the list of authorities where the one that was signed last names others, and shows it
    /// to every site that is there.
    pub(super) fn sign_authorities(&mut self) -> Result<(), Fatal> {
        let Some((number, authorities)) = self.certificates.unsigned() else { return Ok(()) };
        let mut entry = event(Kind::OperatorAction, "authorities-signed").with("number", number);
        for one in self.certificates.trusted().certificates() {
            entry = entry.with("authority", one.fingerprint());
        }
        self.log.add(entry)?;
        let key = crate::keys::read(&self.shared.folder)?;
        let federation = &self.shared.settings.federation;
        self.certificates.sign((number, authorities), federation, &key)?;
        let names: Vec<_> = self.sessions.keys().cloned().collect();
        for name in names {
            self.show_authorities(&name);
        }
        Ok(())
    }

    /// A site arrives and says what it holds; it is sent the list of authorities where it holds
    /// another one. The number of its list is to be written down, with the certificate that it shows:
    /// that it holds this one is proven.
    pub(super) fn arrives_with(
        &mut self,
        site: &str,
        holdings: Option<Holdings>,
    ) -> Result<Option<u64>, Fatal> {
        let holds = match holdings {
            Some(holdings) => self.list_of(site, &holdings)?,
            // It says nothing; what was known of it stays.
            None => None,
        };
        if holds != self.certificates.signed().map(|list| list.number) {
            self.show_authorities(site);
        }
        Ok(holds)
    }

    /// A site in a session holds another list or another certificate now.
    pub(super) async fn holds(&mut self, id: &SessionId, holdings: Holdings) -> Result<(), Fatal> {
        let Some(session) = self.session_mut(id) else { return Ok(()) };
        if session.holdings.replace(holdings) == Some(holdings) {
            return Ok(());
        }
        if !self.may_say(&id.site, "holdings")? {
            return Ok(());
        }
        let list = self.list_of(&id.site, &holdings)?;
        let live = self.shared.store.live_certificates(Some(&id.site), unix_now()).await?;
        let named = |one: &LiveCertificate| *Fingerprint::of(&one.der).digest();
        let serial = live.iter().find(|one| Some(named(one)) == holdings.certificate);
        let serial = serial.map(|one| one.serial.as_str());
        let news = self.shared.store.note_holdings(&id.site, list, serial).await?;
        debug!(site = id.site, list, serial, "what a site holds");
        if news {
            self.refresh_site(&id.site).await?;
        }
        Ok(())
    }

    /// What needs the operator's attention.
    pub(super) fn authority_alarm(&self) -> Option<String> {
        let next = match self.certificates.phase() {
            Phase::Settled => return None,
            Phase::Prepared => "when all sites hold the list with the next one: authority switch",
            Phase::Switched => "when the next one has certified all sites: authority retire",
        };
        Some(format!(
            "The authority is being replaced; {next} (authority status says how far it is)."
        ))
    }

    /// The certificate of the authority that certifies now. A site that enrols trusts no other
    /// without the coordinator's signature.
    pub(super) fn present_authority(&self) -> Bytes {
        Bytes::copy_from_slice(self.certificates.authority().der())
    }

    /// The certificates of the authorities that sites are to trust, the one that certifies first.
    pub(super) fn authorities(&self) -> Vec<Bytes> {
        let certificates = self.certificates.trusted().certificates().iter();
        certificates.map(|one| Bytes::copy_from_slice(one.der())).collect()
    }

    /// The signed list, as researchers and sites that enrol get it; empty before the first one is signed.
    pub(super) fn signed_authorities(&self) -> Bytes {
        self.certificates.signed().map(encode_authorities).unwrap_or_default()
    }

    async fn prepare_authority(&mut self) -> Result<(), Fault> {
        self.certificates.prepare(AUTHORITY_DAYS)?;
        let next = self.certificates.other().map(CaCertificate::fingerprint);
        let entry = event(Kind::OperatorAction, "authority-prepared");
        self.log.add(entry.with("next", next.map(|one| one.to_string()).unwrap_or_default()))?;
        Ok(self.show_all_authorities().await?)
    }

    async fn switch_authority(&mut self, force: bool) -> Result<(), Fault> {
        let lacking = self.sites.iter().filter(|row| connects(row) && !self.holds_list(row));
        let lacking: Vec<_> = lacking.map(|row| row.name.clone()).collect();
        let lacking = lacking.join(", ");
        if !lacking.is_empty() && !force {
            let text = format!(
                "these sites have not said that they trust the next authority, and could connect \
                 no more: {lacking}; wait until they have, or: authority switch --force"
            );
            return Err(Status::failed_precondition(text).into());
        }
        // They name the former authority: whoever has its key could be asked to redeem them. First:
        // a switch that is cut off here is begun again.
        let forgotten = self.shared.store.forget_all_invitations().await?;
        let entry = event(Kind::OperatorAction, "authority-switched").with("cut-off", lacking);
        self.log.add(entry.with("invitations-ended", forgotten))?;
        self.certificates.switch()?;
        Ok(self.show_all_authorities().await?)
    }

    async fn retire_authority(&mut self, force: bool) -> Result<(), Fault> {
        let needed = self.needed_of_former().await?;
        let mut sites: Vec<_> = needed.iter().map(|one| one.site.as_str()).collect();
        sites.sort_unstable();
        sites.dedup();
        let sites = sites.join(", ");
        if !needed.is_empty() && !force {
            let text = format!(
                "these sites have no certificate by the present authority yet, and would be cut \
                 off: {sites}; wait until they have, or: authority retire --force"
            );
            return Err(Status::failed_precondition(text).into());
        }
        let entry = event(Kind::OperatorAction, "authority-retired");
        self.log.add(entry.with("cut-off", sites))?;
        let serials: Vec<_> = needed.into_iter().map(|one| one.serial).collect();
        self.shared.store.withdraw(&serials, unix_now()).await?;
        self.refresh_sites().await?;
        // While both are trusted: it cuts their connections. The others' go on.
        self.withdraw_certificates().await?;
        self.certificates.retire()?;
        Ok(self.show_all_authorities().await?)
    }

    /// Lets listener and sites know which authorities there are now.
    async fn show_all_authorities(&mut self) -> Result<(), Fatal> {
        let revoked = revoked(&self.shared.store).await?;
        self.renew_list(&revoked).await?;
        self.sign_authorities()?;
        // Whom the former one certified alone cannot come any more once it is retired.
        self.look_for_stranded().await
    }

    fn show_authorities(&mut self, name: &str) {
        let Some(list) = self.certificates.signed().map(encode_authorities) else { return };
        let Some(session) = self.sessions.get(name) else { return };
        let bytes = list.len();
        if session.send(Body::Authorities(list), bytes).is_err() {
            self.overflowed(name);
        }
    }

    /// The number of the list that a site says to hold, where it can be one of this coordinator.
    fn list_of(&mut self, site: &str, holdings: &Holdings) -> Result<Option<u64>, Fatal> {
        let Some(signed) = self.certificates.signed() else { return Ok(None) };
        let own = signed.digest(&self.shared.settings.federation, self.shared.key);
        if holdings.list < signed.number
            || (holdings.list == signed.number && holdings.digest == Some(own))
        {
            self.found.holds_list(site, true);
            return Ok(Some(holdings.list));
        }
        self.found.holds_list(site, false);
        let reason = "the site holds a list of authorities that this coordinator did not sign last: \
                      it may have been restored from an old backup";
        warn!(site, list = holdings.list, reason);
        let fill = |entry: Entry| {
            entry.with("site", site).with("list", holdings.list).with("reason", reason)
        };
        let of = (Kind::Alarm, "authorities-differ");
        self.log.add_of_peer(site, of, fill, Instant::now())?;
        Ok(None)
    }

    /// Whether a site holds the list that was signed last.
    fn holds_list(&self, site: &SiteRow) -> bool {
        self.certificates.signed().is_some_and(|list| list.number == site.authorities)
    }

    /// Certificates by the former authority of sites that hold none by the present one.
    async fn needed_of_former(&mut self) -> Result<Vec<LiveCertificate>, Fatal> {
        let Some(former) = self.certificates.other() else { return Ok(Vec::new()) };
        let present = self.certificates.authority();
        let live = self.shared.store.live_certificates(None, unix_now()).await?;
        let moved = |site: &str| {
            live.iter().any(|one| one.site == site && one.held && present.issued(&one.der))
        };
        let needed = live.iter().filter(|one| former.issued(&one.der) && !moved(&one.site));
        Ok(needed.cloned().collect())
    }

    async fn authority_status(&mut self) -> Result<AuthorityResponse, Fault> {
        let live = self.shared.store.live_certificates(None, unix_now()).await?;
        let site = |row: &SiteRow| AuthoritySite {
            name: row.name.clone(),
            present: self.sessions.contains_key(&row.name),
            list: row.authorities,
            certified_by: self.certified_by(&row.name, &live).unwrap_or_default(),
        };
        let text = |one: &CaCertificate| one.fingerprint().to_string();
        Ok(AuthorityResponse {
            phase: self.certificates.phase().name().to_owned(),
            present: text(self.certificates.authority()),
            other: self.certificates.other().map(text).unwrap_or_default(),
            list: self.certificates.signed().map_or(0, |list| list.number),
            sites: self.sites.iter().filter(|row| connects(row)).map(site).collect(),
        })
    }

    /// The authority by which a site's newest certificate is that it is known to hold.
    fn certified_by(&self, site: &str, live: &[LiveCertificate]) -> Option<String> {
        let own = live.iter().filter(|one| one.site == site);
        // One that came with the enrolment may never have been shown.
        let newest = own.clone().rfind(|one| one.held).or_else(|| own.clone().next_back())?;
        let trusted = self.certificates.trusted().certificates();
        let issuer = trusted.iter().find(|one| one.issued(&newest.der))?;
        Some(issuer.fingerprint().to_string())
    }
}

/// Whether a site connects.
pub(super) fn connects(site: &SiteRow) -> bool {
    matches!(site.standing, Standing::Member | Standing::Enrolled)
}
