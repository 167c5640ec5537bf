//! `enroll`: an invited site gets its certificate.

use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;
use ripieno_audit::{AuditLog, Event, Kind};
use ripieno_client_engine::ENTRIES_PER_SIGNATURE;
use ripieno_files::{AppendFile, StateDir};
use ripieno_identity::enrolment::{enrol_digest, request_digest};
use ripieno_identity::{AuthorityList, PublicKey};
use ripieno_rpc::{EnrolRequest, EnrolResponse};
use ripieno_terminal::{Exit, Failure};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, Endpoint};
use ripieno_transport::{CaCertificate, Fingerprint, SubjectName, TlsIdentity, TrustedAuthorities};
use ripieno_wire::{BadText, Invitation, encode_authorities};
use thiserror::Error;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::clock::{date, now, seconds};
use crate::config::{Config, Coordinator};
use crate::daemon::authorities::{held, verified};
use crate::daemon::renewal;
use crate::link::{self, CALL, Problem};
use crate::state::{Inventory, found, limits, load_charters, no_inventory, signing_key};
use crate::{edit, layout, program};

/// What an enrolment gave.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enrolled {
    /// The name under which the site was invited.
    pub site: String,
    /// The federation.
    pub federation: String,
    /// Where the coordinator is.
    pub coordinator: String,
    /// When the certificate ends, in seconds since 1970-01-01 UTC.
    pub certificate_ends: u64,
    /// The site comes back: its charters, ledger and studies are as they were.
    pub again: bool,
}

/// Why a site was not enrolled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The text is no invitation.
    #[error(transparent)]
    Invitation(#[from] BadText),
    /// The invitation holds something that cannot be.
    #[error("the invitation cannot be used: {0}")]
    Content(String),
    /// Its time is over.
    #[error("the invitation ended on {}", date(*.0))]
    Expired(u64),
    /// It was used, by this site or another.
    #[error("the invitation was used already: {0}")]
    Used(String),
    /// It is of another federation, or for another site, than the records of this folder.
    #[error(
        "this folder has been used already, and the invitation is for {0}: what was opened of its \
         data would be forgotten"
    )]
    Another(String),
    /// The coordinator does not know it: perhaps a later one has replaced it.
    #[error("the coordinator refuses: {0}")]
    Unknown(String),
    /// The site comes back, and this is not its key.
    #[error("the coordinator refuses: {0}")]
    OtherKey(String),
    /// This is the key of a site of another name.
    #[error("the coordinator refuses: {0}")]
    WrongName(String),
    /// This is the key of a site that was revoked.
    #[error("the coordinator refuses: {0}")]
    KeyTaken(String),
    /// The coordinator refuses for another reason.
    #[error("the coordinator refuses: {0}")]
    Denied(String),
    /// The coordinator cannot be reached.
    #[error("{text}")]
    Unreachable {
        /// What happened.
        text: String,
        /// What to do next.
        advice: String,
    },
    /// What came back is not what was asked for.
    #[error("the coordinator's answer cannot be used: {0}")]
    Answer(String),
    /// The folder.
    #[error("{}", .0.text())]
    Folder(Failure),
}

impl From<EnrollError> for Failure {
    fn from(error: EnrollError) -> Self {
        let ask = "ask the federation's operator for a new invitation";
        let (exit, next) = match &error {
            EnrollError::Folder(_) => {
                let EnrollError::Folder(failure) = error else {
                    return Failure::new(Exit::Internal, error);
                };
                return failure;
            }
            EnrollError::Invitation(_) | EnrollError::Content(_) => (Exit::Denied, ask.to_owned()),
            EnrollError::Expired(_) | EnrollError::Denied(_) => (Exit::Denied, ask.to_owned()),
            EnrollError::Used(_) => (
                Exit::Denied,
                format!(
                    "if nobody here used it, tell the federation's operator at once; else {ask}"
                ),
            ),
            EnrollError::Unknown(_) => (
                Exit::Denied,
                format!("use the newest invitation, for it replaces those before; else {ask}"),
            ),
            EnrollError::OtherKey(_) => (
                Exit::Denied,
                "give the --dir that has this site's key, or restore site.key there from its \
                 backup; without it, ask for an invitation under another name"
                    .to_owned(),
            ),
            EnrollError::WrongName(_) => (
                Exit::Denied,
                format!("give the --dir of the site that was invited; or, for this one, {ask}"),
            ),
            EnrollError::KeyTaken(_) => (
                Exit::Denied,
                format!("{} init --dir NEW, and enrol there with this invitation", program()),
            ),
            EnrollError::Another(_) => (
                Exit::Denied,
                format!(
                    "give the right --dir; another federation needs a folder of its own: {} init",
                    program()
                ),
            ),
            EnrollError::Unreachable { advice, .. } => (Exit::Unreachable, advice.clone()),
            EnrollError::Answer(_) => (
                Exit::Denied,
                "tell the federation's operator; nothing was changed here".to_owned(),
            ),
        };
        Failure::new(exit, error).next(next)
    }
}

/// Enrols the site of a folder with the text of an invitation. Private keys stay here; the request
/// is on the disk before it is sent, and sent again as it is after an interruption.
///
/// # Errors
/// [`EnrollError`].
pub async fn enroll(dir: impl Into<PathBuf>, invitation: &str) -> Result<Enrolled, EnrollError> {
    let folder = |error: Failure| EnrollError::Folder(error);
    let mut config = Config::load(dir)
        .map_err(|e| folder(Failure::new(Exit::Output, e).next(format!("{} init", program()))))?;
    let _lock =
        StateDir::open(config.layout.dir()).map_err(|error| folder(Failure::output(error)))?;
    // Before the invitation is used, which can be used once.
    let inventory = open_inventory(&config).map_err(folder)?;
    let invitation = Invitation::from_text(invitation)?;
    if now() >= invitation.expires {
        return Err(EnrollError::Expired(invitation.expires));
    }
    let bound = Bound::of(&config).map_err(folder)?;
    bound.check(&invitation.site, invitation.coordinator, None)?;
    let address: Endpoint =
        invitation.address.parse().map_err(|e| EnrollError::Content(format!("{e}")))?;
    let key = signing_key(&config.layout).map_err(folder)?;
    let pending = renewal::pending(&config.layout.request())
        .map_err(|error| folder(Failure::output(error)))?;
    let request = Bytes::copy_from_slice(pending.der());
    let digest = enrol_digest(
        invitation.coordinator,
        &invitation.secret_digest(),
        &request_digest(&request),
        &key.public(),
    );
    let message = EnrolRequest {
        // Overwritten when the request is gone.
        secret: Bytes::from_owner(invitation.secret.clone()),
        certificate_request: request,
        key: Bytes::copy_from_slice(key.public().as_bytes()),
        signature: Bytes::copy_from_slice(key.sign(&digest).as_bytes()),
    };
    let answer = call(&config, &invitation, address.clone(), message).await?;
    let (unsigned, federation) = check(&invitation, &answer)?;
    bound.check(&invitation.site, invitation.coordinator, Some(&federation))?;
    let coordinator =
        Coordinator { address, key: invitation.coordinator, federation: federation.clone() };
    let signed = signed(&config, &answer, &invitation, &coordinator)?;
    let trusted = signed.as_ref().map_or(&unsigned, |(_, trusted)| trusted);
    let identity = pending
        .accept(&answer.certificate, trusted, SystemTime::now())
        .map_err(|error| EnrollError::Answer(error.to_string()))?;
    let site: SubjectName = answer.site.parse().map_err(|e| EnrollError::Answer(format!("{e}")))?;
    let list = signed.as_ref().map(|(list, _)| list);
    keep(&mut config, &inventory, &site, &coordinator, (trusted, list), &identity)
        .map_err(folder)?;
    Ok(Enrolled {
        site: site.to_string(),
        federation: coordinator.federation,
        coordinator: coordinator.address.to_string(),
        certificate_ends: seconds(identity.certificate().not_after),
        again: bound.0.is_some(),
    })
}

/// The inventory of a folder in which other files may be lost: this writes them.
fn open_inventory(config: &Config) -> Result<Inventory, Failure> {
    let (inventory, _) = Inventory::open(&config.layout).map_err(no_inventory)?;
    inventory.check_fresh().map_err(Failure::output)?;
    let key = signing_key(&config.layout)?.public();
    inventory.settle(&found(&config.layout, key)?).map_err(Failure::output)?;
    Ok(inventory)
}

/// What the records of a folder belong to.
struct Bound(Option<Belonging>);

struct Belonging {
    site: String,
    /// `None` where neither a charter nor the configuration says so any more.
    coordinator: Option<(PublicKey, String)>,
}

impl Bound {
    /// Nothing, where no charter is held and the ledger is empty.
    fn of(config: &Config) -> Result<Self, Failure> {
        let charters = load_charters(&config.layout.charters())?;
        let ledger = AppendFile::open(config.layout.ledger(), limits::LEDGER);
        let ledger = ledger.map_err(Failure::output)?.file.count();
        if charters.is_empty() && ledger == 0 {
            return Ok(Self(None));
        }
        let held = charters.last().map(|held| (held.coordinator(), held.federation().to_owned()));
        let named = config.site.coordinator.as_ref();
        let coordinator = held.or_else(|| named.map(|c| (c.key, c.federation.clone())));
        Ok(Self(Some(Belonging { site: config.site.name.to_string(), coordinator })))
    }

    /// A new certificate may come, but only from the same federation and for the same site.
    fn check(
        &self,
        site: &str,
        coordinator: PublicKey,
        federation: Option<&str>,
    ) -> Result<(), EnrollError> {
        let Some(bound) = &self.0 else { return Ok(()) };
        if site != bound.site {
            return Err(EnrollError::Another(format!("the site {site:?}, not {:?}", bound.site)));
        }
        match &bound.coordinator {
            Some((key, name))
                if *key == coordinator && federation.is_none_or(|new| new == name) =>
            {
                Ok(())
            }
            _ => Err(EnrollError::Another("another federation or coordinator".into())),
        }
    }
}

/// Sends the request over a connection to whoever shows the authority of the invitation.
async fn call(
    config: &Config,
    invitation: &Invitation,
    address: Endpoint,
    message: EnrolRequest,
) -> Result<EnrolResponse, EnrollError> {
    let content = |error: &dyn std::fmt::Display| EnrollError::Content(error.to_string());
    // A fingerprint reads its digits with and without colons.
    let pinned: Fingerprint = invitation.authority.to_string().parse().map_err(|e| content(&e))?;
    let tls = ClientTls::pinned(pinned).map_err(|e| content(&e))?;
    let proxy = config.proxy().map_err(|error| EnrollError::Unreachable {
        text: error.to_string(),
        advice: "correct it, or unset it".into(),
    })?;
    let connector =
        Connector::new(address, tls, proxy, Deadlines::default()).map_err(|e| content(&e))?;
    let mut client = link::client(connector);
    let late = |_| EnrollError::Unreachable {
        text: format!("the coordinator did not answer within {} s", CALL.as_secs()),
        advice: "try again with the same invitation".into(),
    };
    let answered = timeout(CALL, client.enrol(message)).await.map_err(late)?;
    answered.map(tonic::Response::into_inner).map_err(|status| refused(&status, invitation.expires))
}

/// Tells the coordinator's ways of saying no apart.
fn refused(status: &Status, expires: u64) -> EnrollError {
    let problem = Problem::from(status);
    let said = if status.message().is_empty() {
        status.code().to_string()
    } else {
        status.message().chars().filter(|c| !c.is_control()).take(500).collect()
    };
    match status.code() {
        // As proto/ripieno/v1/site.proto says.
        Code::OutOfRange => EnrollError::Expired(expires),
        Code::FailedPrecondition => EnrollError::Used(said),
        Code::NotFound => EnrollError::Unknown(said),
        Code::PermissionDenied => EnrollError::OtherKey(said),
        Code::Aborted => EnrollError::WrongName(said),
        Code::AlreadyExists => EnrollError::KeyTaken(said),
        Code::Unauthenticated | Code::InvalidArgument => EnrollError::Denied(said),
        _ => EnrollError::Unreachable { text: problem.text, advice: problem.advice },
    }
}

/// The answer is the invitation's: its coordinator, and its authority among those to be trusted.
fn check(
    invitation: &Invitation,
    answer: &EnrolResponse,
) -> Result<(TrustedAuthorities, String), EnrollError> {
    let wrong = |text: &str| Err(EnrollError::Answer(text.to_owned()));
    let trusted = renewal::authorities(&answer.authorities).map_err(EnrollError::Answer)?;
    if !names(&trusted, invitation) {
        return wrong("the authority of the invitation is not among those that it names");
    }
    if answer.coordinator.as_ref() != invitation.coordinator.as_bytes() {
        return wrong("it names another coordinator than the invitation does");
    }
    if answer.site != invitation.site {
        return wrong("it names the site otherwise than the invitation does");
    }
    if answer.federation.parse::<SubjectName>().is_err() {
        return wrong("the federation has no name");
    }
    Ok((trusted, answer.federation.clone()))
}

/// Whether the authority of the invitation is among these.
fn names(trusted: &TrustedAuthorities, invitation: &Invitation) -> bool {
    let pinned = |one: &CaCertificate| *one.fingerprint().digest() == invitation.authority;
    trusted.certificates().iter().any(pinned)
}

/// The list of authorities that came along, signed by the coordinator of the invitation. Nobody who
/// has an authority that was replaced can bring the site back to a list from before: one that is
/// held is followed by the same or a newer one.
fn signed(
    config: &Config,
    answer: &EnrolResponse,
    invitation: &Invitation,
    coordinator: &Coordinator,
) -> Result<Option<(AuthorityList, TrustedAuthorities)>, EnrollError> {
    let wrong = |reason: &str| {
        EnrollError::Answer(format!(
            "its list of authorities is not taken: {reason}. If the coordinator's operator says, on \
             a number that you know, that its list was lost: move {} away and try again",
            config.layout.authorities_signed().display()
        ))
    };
    // A list by another coordinator says nothing of this one.
    let same = config.site.coordinator.as_ref().is_some_and(|held| held.key == coordinator.key);
    let held = held(&config.layout).filter(|_| same);
    if answer.signed.is_empty() {
        return match held {
            None => Ok(None),
            Some(held) => Err(wrong(&format!("none came, and number {} is held", held.number))),
        };
    }
    let (list, trusted) = verified(answer.signed.clone(), held.as_ref(), coordinator)
        .map_err(|reason| wrong(&reason))?;
    match names(&trusted, invitation) {
        true => Ok(Some((list, trusted))),
        false => Err(wrong("the authority of the invitation is not on it")),
    }
}

/// Keeps all of it; the configuration last, and the request until then.
fn keep(
    config: &mut Config,
    inventory: &Inventory,
    site: &SubjectName,
    coordinator: &Coordinator,
    (trusted, list): (&TrustedAuthorities, Option<&AuthorityList>),
    identity: &TlsIdentity,
) -> Result<(), Failure> {
    let write =
        |name, bytes: &[u8], mode| inventory.write(name, bytes, mode).map_err(Failure::output);
    write(layout::AUTHORITIES, trusted.to_pem().as_bytes(), 0o644)?;
    match list {
        Some(list) => write(layout::AUTHORITIES_SIGNED, &encode_authorities(list), 0o644)?,
        // At most another coordinator's is there.
        None => inventory.remove(layout::AUTHORITIES_SIGNED).map_err(Failure::output)?,
    }
    write(layout::CONNECTION, identity.to_pem().as_bytes(), 0o600)?;
    edit::set_coordinator(&config.layout, site.as_str(), coordinator)?;
    let key = std::sync::Arc::new(signing_key(&config.layout)?);
    let opened =
        AppendFile::open(config.layout.people(), limits::AUDIT).map_err(Failure::output)?;
    let log = AuditLog::open(opened.file, key, ENTRIES_PER_SIGNATURE);
    let mut log = log.map_err(|error| Failure::new(Exit::Output, error))?;
    let event = Event::new(Kind::Membership, now())
        .with("step", "enrolled")
        .with("site", site)
        .with("coordinator", coordinator.key)
        .with("certificate", &identity.certificate().serial);
    log.append(event).map_err(Failure::output)?;
    // What is left behind is used again by the next enrolment.
    let _ = std::fs::remove_file(config.layout.request());
    Ok(())
}

#[cfg(test)]
mod tests {
    use ripieno_identity::SigningKey;
    use ripieno_study::Digest;

    use super::*;
    use crate::layout::Layout;

    fn key(seed: u8) -> PublicKey {
        SigningKey::from_seed(&zeroize::Zeroizing::new([seed; 32])).public()
    }

    fn invitation(site: &str, coordinator: PublicKey) -> String {
        let invitation = Invitation {
            address: "127.0.0.1:1".into(),
            authority: Digest::from_bytes([3; 32]),
            coordinator,
            site: site.into(),
            expires: now() + 3600,
            secret: zeroize::Zeroizing::new([4; 32]),
        };
        invitation.to_text().to_string()
    }

    /// A site's folder that enrolled with the coordinator 1 in North.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        crate::init::init(&dir, &"st-anna".parse().unwrap()).unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let coordinator = Coordinator { address, key: key(1), federation: "North".into() };
        edit::set_coordinator(&Layout::at(&dir), "st-anna", &coordinator).unwrap();
        (folder, dir)
    }

    #[tokio::test]
    async fn a_used_folder_gets_a_new_certificate_and_nothing_else() {
        let (_folder, dir) = folder();
        let site = dir.join("site.toml");
        let before = std::fs::read(&site).unwrap();
        let unreachable = |result| matches!(result, Err(EnrollError::Unreachable { .. }));
        // Nothing was opened here yet: any invitation may be tried.
        assert!(unreachable(enroll(&dir, &invitation("another", key(2))).await));
        let ledger = AppendFile::open(dir.join("ledger"), limits::LEDGER).unwrap();
        let mut ledger = ledger.file;
        ledger.append(b"a slot").unwrap();
        drop(ledger);
        for (name, coordinator) in [("another", key(1)), ("st-anna", key(2))] {
            let refused = enroll(&dir, &invitation(name, coordinator)).await;
            assert!(matches!(refused, Err(EnrollError::Another(_))), "{refused:?}");
        }
        assert!(unreachable(enroll(&dir, &invitation("st-anna", key(1))).await));
        assert_eq!(std::fs::read(&site).unwrap(), before);
        let bound = Bound::of(&Config::load(&dir).unwrap()).unwrap();
        bound.check("st-anna", key(1), Some("North")).unwrap();
        bound.check("st-anna", key(1), Some("South")).unwrap_err();
    }
    /// Whoever has an authority that was replaced cannot bring a site back to an older list.
    #[test]
    fn repro_an_enrolment_brings_no_older_list_of_authorities() {
        let (_folder, dir) = folder();
        let config = Config::load(&dir).unwrap();
        let validity = ripieno_transport::authority::Validity { from: SystemTime::now(), days: 30 };
        let north = "North".parse().unwrap();
        let made = ripieno_transport::authority::Authority::create(&north, validity).unwrap();
        let der = made.certificate().der().to_vec();
        let signer = |seed| SigningKey::from_seed(&zeroize::Zeroizing::new([seed; 32]));
        let list = |number, seed| {
            encode_authorities(&AuthorityList::sign(
                number,
                vec![der.clone()],
                "North",
                &signer(seed),
            ))
        };
        let mut invitation = Invitation::from_text(&invitation("st-anna", key(1))).unwrap();
        invitation.authority = *made.certificate().fingerprint().digest();
        let coordinator = config.site.coordinator.clone().unwrap();
        let take = |bytes: Bytes, invitation: &Invitation| {
            let answer = EnrolResponse { signed: bytes, ..EnrolResponse::default() };
            let taken = signed(&config, &answer, invitation, &coordinator);
            taken.map(|taken| taken.map(|(list, _)| list.number)).map_err(|error| error.to_string())
        };
        assert_eq!(take(Bytes::new(), &invitation), Ok(None));
        assert_eq!(take(list(2, 1), &invitation), Ok(Some(2)));
        std::fs::write(config.layout.authorities_signed(), list(3, 1)).unwrap();
        assert!(take(Bytes::new(), &invitation).unwrap_err().contains("number 3 is held"));
        assert!(take(list(2, 1), &invitation).unwrap_err().contains("number 3 is held"));
        assert!(take(list(4, 2), &invitation).unwrap_err().contains("not signed"));
        assert_eq!(take(list(3, 1), &invitation), Ok(Some(3)), "the one that is held");
        assert_eq!(take(list(4, 1), &invitation), Ok(Some(4)));
        let other = Invitation { authority: Digest::from_bytes([3; 32]), ..invitation };
        assert!(take(list(4, 1), &other).unwrap_err().contains("is not on it"));
    }
}
