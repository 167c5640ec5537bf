//! How a site comes in, and how it gets its next certificate.

use std::time::{Instant, SystemTime};

use ripieno_audit::{Event, Kind};
use ripieno_identity::RatifiedCharter;
use ripieno_study::Digest;
use ripieno_transport::authority::IssuedCertificate;
use ripieno_transport::request::VerifiedRequest;
use ripieno_transport::{PeerCertificate, Serial};
use tonic::{Code, Status};
use tracing::info;

use super::Actor;
use super::command::{Claim, Fault, Issued};
use super::roll::Roll;
use crate::clock::{unix, unix_now};
use crate::log::event;
use crate::renewal::{self, NotRenewed};
use crate::store::{
    Enrolment, LiveCertificate, NewCertificate, RedeemError, SiteRow, Standing, StoreError,
};

impl Actor {
    /// Redeems an invitation.
    pub(super) async fn enrol(&mut self, claim: Claim) -> Result<Issued, Fault> {
        let now = unix_now();
        let address = claim.address;
        let store = &self.shared.store;
        let asked_before = store.redeemed(&claim.secret, now, (&claim.key, &claim.digest)).await?;
        if let Some((site, certificate)) = asked_before {
            info!(site, %address, "a site gets the answer to its enrolment again");
            return Ok(self.enrolled(site, certificate));
        }
        let site = match store.peek(&claim.secret, now).await {
            Ok(site) => site,
            Err(error) => return Err(self.not_redeemed(address, error)),
        };
        // Also the key of a site that has another one now: the charter's others know it by that.
        let listed = self.charters.last().map(RatifiedCharter::sites).unwrap_or_default();
        if let Some(other) = listed.iter().find(|o| o.key == claim.key && o.name != site) {
            let (invited, holder) = (site, other.name.clone());
            let revoked =
                |row: &SiteRow| row.key == Some(claim.key) && row.standing == Standing::Revoked;
            let error = match self.sites.iter().any(revoked) {
                true => RedeemError::KeyTaken { invited, holder },
                false => RedeemError::WrongName { invited, holder },
            };
            return Err(self.not_redeemed(address, error));
        }
        if self.key_under_signature(&site).is_some_and(|key| key != claim.key) {
            return Err(self.not_redeemed(address, RedeemError::OtherKey(site)));
        }
        let again = self.sites.named(&site).is_some_and(|row| row.key == Some(claim.key));
        let issued = self.certify(&site, &claim.request)?;
        let enrolment = Enrolment {
            key: claim.key,
            request: claim.digest,
            certificate: issued.der.clone(),
            serial: issued.certificate.serial.to_string(),
            ends: unix(issued.certificate.not_after),
        };
        if let Err(error) = self.shared.store.redeem(&claim.secret, now, enrolment).await {
            return Err(self.not_redeemed(address, error));
        }
        let step = if again { "enrolled-again" } else { "enrolled" };
        let entry = event(Kind::Membership, step).with("site", &site);
        let entry = entry.with("key", claim.key).with("serial", &issued.certificate.serial);
        self.log.add(entry.with("address", address.ip()))?;
        info!(site, %address, "a site has enrolled");
        self.found.forget(&site);
        // It may have enrolled before: whoever has one of its earlier certificates is cut off.
        self.withdraw_certificates().await?;
        let why = "this site has enrolled again; its earlier certificates count no more";
        self.end_session(&site, Some(Status::aborted(why)));
        self.refresh_site(&site).await?;
        self.propose_with_key(&site, claim.key).await?;
        Ok(self.enrolled(site, issued.der))
    }

    /// The answer to an enrolment.
    fn enrolled(&self, site: String, certificate: Vec<u8>) -> Issued {
        let authorities = vec![self.present_authority()];
        Issued { site, certificate, authorities, signed: self.signed_authorities() }
    }

    /// Certifies a new key of a site that has a certificate. The same request once more gets the
    /// same answer: the first one may have been lost.
    pub(super) async fn renew(
        &mut self,
        shown: &Serial,
        (request, digest): (&VerifiedRequest, Digest),
    ) -> Result<Issued, Fault> {
        let site = self.identify(shown)?.name.clone();
        let authorities = self.authorities();
        let mut live = self.shared.store.live_certificates(Some(&site), unix_now()).await?;
        let shown = live.iter().find(|one| one.serial == shown.to_string()).cloned();
        let present = self.certificates.authority();
        live.retain(|one| present.issued(&one.der));
        if let Some(asked) = live.iter().find(|one| one.request == Some(digest)) {
            info!(site, "a site gets the answer to its renewal again");
            let signed = self.signed_authorities();
            return Ok(Issued { site, certificate: asked.der.clone(), authorities, signed });
        }
        if let Err(reason) = may_renew(shown.as_ref(), &live) {
            return Err(self.not_renewed(&site, reason));
        }
        let issued = self.certify(&site, request)?;
        let serial = issued.certificate.serial.to_string();
        let ends = unix(issued.certificate.not_after);
        let der = issued.der.clone();
        let new = NewCertificate { der, request: digest, serial: serial.clone(), ends };
        self.shared.store.renew(&site, &new).await?;
        let entry = event(Kind::Membership, "certificate-renewed").with("site", &site);
        self.log.add(entry.with("serial", serial))?;
        self.refresh_site(&site).await?;
        let signed = self.signed_authorities();
        Ok(Issued { site, certificate: issued.der, authorities, signed })
    }

    fn not_renewed(&mut self, site: &str, reason: NotRenewed) -> Fault {
        let fill = |entry: Event| entry.with("site", site).with("rule", reason.rule());
        match self.log.add_of_peer(site, (Kind::Refusal, "renewal"), fill, Instant::now()) {
            Ok(_) => Status::from(reason).into(),
            Err(error) => error.into(),
        }
    }

    fn certify(&self, site: &str, request: &VerifiedRequest) -> Result<IssuedCertificate, Fault> {
        let name = site.parse().map_err(|error| {
            Status::internal(format!("the site's name cannot stand in a certificate: {error}"))
        })?;
        let issued = self.certificates.issue_site(request, &name);
        // The authority may have ended; that is no reason to stop serving.
        Ok(issued.map_err(|error| Status::internal(error.to_string()))?)
    }

    fn not_redeemed(&mut self, address: std::net::SocketAddr, error: RedeemError) -> Fault {
        if let RedeemError::Store(error) = error {
            return error.into();
        }
        let status = Status::new(code_of(&error), error.to_string());
        let ip = address.ip();
        let fill = |entry: Event| entry.with("address", ip).with("reason", status.message());
        let of = (Kind::Refusal, "enrolment");
        match self.log.add_of_peer(&ip.to_string(), of, fill, Instant::now()) {
            Ok(_) => status.into(),
            Err(error) => error.into(),
        }
    }

    /// Reads the sites again after they have changed.
    pub(super) async fn refresh_sites(&mut self) -> Result<(), StoreError> {
        self.sites = Roll::of(self.shared.store.sites().await?);
        Ok(())
    }

    /// Reads one of them again.
    pub(super) async fn refresh_site(&mut self, name: &str) -> Result<(), StoreError> {
        if let Some(row) = self.shared.store.site_by_name(name).await? {
            self.sites.put(row);
        }
        Ok(())
    }
}

/// Whether a site that shows `shown` gets a certificate beside those of the present authority that
/// it has.
fn may_renew(shown: Option<&LiveCertificate>, own: &[LiveCertificate]) -> Result<(), NotRenewed> {
    // One that has just ended is no reason to keep the site waiting.
    let Some(shown) = shown else { return renewal::check_number(own.len()) };
    let superseded = !own.iter().any(|one| one.serial == shown.serial);
    match PeerCertificate::from_der(&shown.der) {
        Ok(certificate) => renewal::check(&certificate, superseded, own.len(), SystemTime::now()),
        // It cannot be read back; the site is to have one that can.
        Err(_) => renewal::check_number(own.len()),
    }
}

/// Each reason has a status of its own (proto/ripieno/v1/site.proto), so that a site can say what to
/// do next.
fn code_of(error: &RedeemError) -> Code {
    match error {
        RedeemError::Unknown => Code::NotFound,
        RedeemError::Used(_) => Code::FailedPrecondition,
        RedeemError::Expired(_) => Code::OutOfRange,
        RedeemError::OtherKey(_) => Code::PermissionDenied,
        RedeemError::WrongName { .. } => Code::Aborted,
        RedeemError::KeyTaken { .. } => Code::AlreadyExists,
        RedeemError::Store(_) => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renewal::MOST_LIVE;

    fn live(serial: usize) -> LiveCertificate {
        LiveCertificate {
            site: "north".into(),
            serial: serial.to_string(),
            der: b"cannot be read".to_vec(),
            request: None,
            held: true,
        }
    }

    /// Connections with a certificate go on for a moment after its end.
    #[test]
    fn repro_a_certificate_that_has_ended_is_no_way_round_the_bound() {
        let own: Vec<_> = (0..MOST_LIVE).map(live).collect();
        for shown in [None, own.first()] {
            assert_eq!(may_renew(shown, &own), Err(NotRenewed::TooMany));
            assert_eq!(may_renew(shown, &own[1..]), Ok(()));
        }
    }
}
