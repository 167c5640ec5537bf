//! What operators ask.

use std::time::{Duration, SystemTime};

use ripieno_audit::Kind;
use ripieno_identity::{PublicKey, RatifiedCharter};
use ripieno_rpc::{
    InviteRequest, InviteResponse, OperatorSite, OperatorStatusResponse, SitesResponse,
};
use ripieno_transport::SubjectName;
use ripieno_wire::Invitation;
use tonic::Status;

use super::Actor;
use super::command::Fault;
use crate::certificates::AUTHORITY_ALARM;
use crate::clock::{unix, unix_now};
use crate::log::event;
use crate::store::{InviteError, NewInvitation, SiteRow, Standing};

/// The longest that an invitation holds, in hours.
const MAX_HOURS: u32 = 168;
/// By so many seconds a site's clock may be off before somebody should look.
const CLOCK_ALARM: u64 = 60;
/// A site's certificate that ends so soon was not renewed.
const CERTIFICATE_ALARM: u64 = 7 * 24 * 3600;

impl Actor {
    /// Makes an invitation.
    pub(super) async fn invite(&mut self, request: InviteRequest) -> Result<InviteResponse, Fault> {
        let InviteRequest { site, hours } = request;
        if !(1..=MAX_HOURS).contains(&hours) {
            let reason = format!("an invitation holds for 1 to {MAX_HOURS} hours, not {hours}");
            return Err(Status::invalid_argument(reason).into());
        }
        let name: SubjectName = site.parse().map_err(|error: ripieno_transport::BadName| {
            Status::invalid_argument(error.to_string())
        })?;
        self.check_new_name(name.as_str())?;
        let secret = crate::keys::draw_secret()
            .ok_or_else(|| Status::internal("the system gave no random numbers"))?;
        let created = unix_now();
        let expires = created.saturating_add(u64::from(hours) * 3600);
        let address = self.shared.settings.addresses.first().cloned().unwrap_or_default();
        let authority = *self.certificates.authority().fingerprint().digest();
        let coordinator = self.shared.key;
        let invitation =
            Invitation { address, authority, coordinator, site: site.clone(), expires, secret };
        let new = NewInvitation {
            secret: invitation.secret_digest(),
            site: site.clone(),
            created,
            expires,
        };
        let bound = match self.shared.store.invite(new).await {
            Ok(bound) => bound,
            Err(InviteError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(Status::already_exists(error.to_string()).into()),
        };
        let bound = bound.or_else(|| self.key_under_signature(&site));
        let enrolled = self.sites.named(&site).and_then(|row| row.key);
        let replaces = enrolled.filter(|_| bound.is_none());
        self.refresh_site(&site).await?;
        let entry = event(Kind::Membership, "invited").with("site", site);
        let entry = entry.with("expires", expires);
        self.log.add(match (bound, replaces) {
            (Some(key), _) => entry.with("key", key),
            (None, Some(key)) => entry.with("replaces", key),
            (None, None) => entry,
        })?;
        let bytes = |key: PublicKey| bytes::Bytes::copy_from_slice(key.as_bytes());
        Ok(InviteResponse {
            invitation: invitation.to_text().to_string(),
            expires,
            key: bound.map(bytes),
            replaces: replaces.map(bytes),
        })
    }

    /// How the coordinator is.
    pub(super) fn status(&self) -> OperatorStatusResponse {
        let version = self.charters.last().map_or(0, |charter| charter.charter().fields().version);
        let epoch = self.epoch.as_ref();
        OperatorStatusResponse {
            federation: self.shared.settings.federation.clone(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            listens: self.acceptor.local_address().to_string(),
            up_seconds: self.watch.elapsed().as_secs(),
            sites_present: count(self.sessions.len()),
            studies_running: count(self.told.len()),
            epoch: epoch.map(|(number, _)| *number),
            holders: epoch
                .map(|(_, holders)| holders.iter().map(|site| site.get().into()).collect())
                .unwrap_or_default(),
            authority_ends: unix(self.certificates.authority().not_after()),
            certificate_ends: unix(self.certificates.server_ends()),
            revocation_list_ends: unix(self.certificates.list_ends()),
            alarms: self.alarms(),
            charter_version: version,
            metrics: self.shared.metrics.address().map(|address| address.to_string()),
        }
    }

    /// All sites.
    pub(super) fn list_sites(&self) -> SitesResponse {
        let site = |row: &SiteRow| {
            let session = self.sessions.get(&row.name);
            OperatorSite {
                name: row.name.clone(),
                standing: row.standing.as_str().to_owned(),
                index: row.index.map_or(0, |index| index.get().into()),
                present: session.is_some(),
                address: session.map(|s| s.address.to_string()).unwrap_or_default(),
                program: session.map(|s| s.program.clone()).unwrap_or_default(),
                clock_offset: row.clock_offset,
                certificate_ends: row.certificate_ends,
                seen: if session.is_some() { unix_now() } else { row.seen },
                charter_version: session.map_or(row.charter_version, |s| s.version),
                ledger_behind: self.index_of(row).is_some_and(|i| self.behind.contains_key(&i)),
            }
        };
        SitesResponse { sites: self.sites.iter().map(site).collect() }
    }

    /// What needs somebody's attention.
    fn alarms(&self) -> Vec<String> {
        let mut alarms = Vec::new();
        let now = SystemTime::now();
        let soon = |end: SystemTime, within: Duration| end <= now + within;
        if soon(self.certificates.authority().not_after(), AUTHORITY_ALARM) {
            alarms.push(
                "The authority's certificate ends within 90 days, and every certificate with it: \
                 replace it in time (authority prepare, then switch and retire)."
                    .to_owned(),
            );
        }
        if self.certificates.list_ends() <= now || self.certificates.server_ends() <= now {
            alarms.push(
                "The coordinator's certificate or the list of revoked ones has ended, and could \
                 not be renewed: look at the log and at this machine's clock."
                    .to_owned(),
            );
        }
        alarms.extend(self.authority_alarm());
        alarms.extend(self.found.alarms());
        if let Some(pending) = &self.pending {
            let (version, needed) =
                (pending.charter.fields().version, pending.needed(self.charters.last()));
            alarms.push(match self.proposal_is_signed() {
                true => format!(
                    "Version {version} of the charter has all its signatures, and comes into force \
                     when the rounds under way are over; none begins until then."
                ),
                false => format!(
                    "Version {version} of the charter has {} of {needed} signatures: its words are \
                     compared with `charter show`, then each steward signs.",
                    pending.consents.len(),
                ),
            });
        }
        alarms.extend(self.ledger_alarms());
        self.sites.iter().for_each(|site| self.site_alarms(site, &mut alarms));
        alarms
    }

    fn site_alarms(&self, site: &SiteRow, alarms: &mut Vec<String>) {
        if !matches!(site.standing, Standing::Member | Standing::Enrolled) {
            if site.standing == Standing::Revoked && self.index_of(site).is_some() {
                let without = self.pending.as_ref().filter(|pending| !pending.lists(site.key));
                let what = match without.map(|pending| pending.charter.fields().version) {
                    Some(version) => format!("have version {version} signed, which is without it"),
                    None => "propose the next one (charter propose)".to_owned(),
                };
                alarms.push(format!(
                    "{} is revoked and still in the charter in force: {what}.",
                    site.name
                ));
            }
            return;
        }
        if site.clock_offset.unsigned_abs() > CLOCK_ALARM {
            alarms.push(format!(
                "The clock of {} is off by {} s: its operator sets it.",
                site.name, site.clock_offset
            ));
        }
        // Where all were withdrawn it cannot renew any: that is said of it by itself.
        let ends = site.certificate_ends;
        if ends != 0 && ends <= unix_now().saturating_add(CERTIFICATE_ALARM) {
            alarms.push(format!(
                "The certificate of {} ends within a week or has ended: it renews it when its \
                 daemon runs.",
                site.name
            ));
        }
        let standing = self.charters.last().map(RatifiedCharter::sites);
        let listed = standing.is_some_and(|sites| sites.iter().any(|s| Some(s.key) == site.key));
        if let Some(version) = self.unconfirmed(site) {
            alarms.push(format!(
                "{} has not yet confirmed the words of version {version} of the charter, and takes \
                 part in nothing: its steward compares them with the others (site charter show), and \
                 types them (site charter sign).",
                site.name
            ));
        }
        if site.standing == Standing::Enrolled && !listed && self.pending.is_none() {
            alarms.push(format!(
                "{} has enrolled and is in no charter: propose one (charter propose).",
                site.name
            ));
        }
    }

    /// The version in force, where a site is there that is listed in it and came anew under it.
    fn unconfirmed(&self, site: &SiteRow) -> Option<u32> {
        let session = self.sessions.get(&site.name)?;
        let waits = !session.confirmed && self.index_of(site).is_some();
        waits.then(|| self.charters.last().map(|one| one.charter().fields().version))?
    }

    /// Charters tell names apart without regard to case.
    fn check_new_name(&self, name: &str) -> Result<(), Status> {
        let alike = |row: &&SiteRow| row.name != name && row.name.eq_ignore_ascii_case(name);
        match self.sites.iter().find(alike) {
            Some(row) => Err(Status::already_exists(format!(
                "there is a site {:?}, which differs in case only; choose another name",
                row.name
            ))),
            None => Ok(()),
        }
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
