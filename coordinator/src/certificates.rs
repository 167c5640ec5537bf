//! The authority's work: the coordinator's own certificate, the sites', and the list of revoked
//! ones.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ripieno_identity::authorities::NotTaken;
use ripieno_identity::{AuthorityList, PublicKey, SigningKey};
use ripieno_transport::authority::{
    Authority, AuthorityError, IssuedCertificate, RevocationList, Revoked, Validity,
};
use ripieno_transport::request::VerifiedRequest;
use ripieno_transport::server::{BadServerTls, ServerTls};
use ripieno_transport::{
    BadTrust, CaCertificate, FileError, Serial, SubjectName, TlsIdentity, TrustedAuthorities,
};
use ripieno_wire::{WireError, decode_authorities, encode_authorities};
use thiserror::Error;

use crate::config::{Certificates as Days, Settings};
use crate::folder::Folder;

/// How long before its end the coordinator's certificate is renewed, as a part of its life.
const RENEW_AT: u32 = 3;
/// How long before its end the authority's certificate raises an alarm.
pub(crate) const AUTHORITY_ALARM: Duration = Duration::from_hours(24 * 90);
/// The largest file of a list of authorities, in bytes.
const MAX_LIST: u64 = 16 << 10;
const DAY: Duration = Duration::from_hours(24);

/// Why a certificate or a list could not be made, kept or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The authority's certificate.
    #[error(transparent)]
    Trust(#[from] BadTrust),
    /// What the server is to show.
    #[error(transparent)]
    Server(#[from] BadServerTls),
    /// A file that is kept whole.
    #[error(transparent)]
    Whole(#[from] ripieno_files::FileError),
    /// A file could not be moved, removed or read.
    #[error("{}: {error}", .path.display())]
    System {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// An authority's certificate is not what it signed.
    #[error(
        "{} is damaged: the certificate in it does not bear its own signature; restore it from the \
         backup",
        .0.display()
    )]
    Authenticity(PathBuf),
    /// The signed list of authorities bears another signature, or names what it should not.
    #[error("{}: {error}; restore it from the backup", .path.display())]
    Unsigned {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        error: NotTaken,
    },
    /// The signed list of authorities.
    #[error("{} holds no list of authorities: {error}; restore it from the backup", .path.display())]
    List {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        error: WireError,
    },
}

/// How far the replacement of the authority is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is one.
    Settled,
    /// The next one is trusted beside the present one.
    Prepared,
    /// The former one is still trusted beside the present one.
    Switched,
}

impl Phase {
    /// In a word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Prepared => "prepared",
            Self::Switched => "switched",
        }
    }
}

/// The authority with what it issued for this coordinator; and, while it is replaced, the other.
///
/// The files of the authorities are all there is to remember. The list that sites trust by follows
/// from them: where it names others, the next one is signed.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: Folder,
    days: Days,
    name: SubjectName,
    hosts: Vec<String>,
    authority: Authority,
    other: Option<Authority>,
    phase: Phase,
    trusted: TrustedAuthorities,
    server: TlsIdentity,
    list: RevocationList,
    other_list: Option<RevocationList>,
    signed: Option<AuthorityList>,
}

impl Certificates {
    /// Reads the authorities of a folder, and issues a new certificate for the addresses that the
    /// configuration has now, and the next list.
    pub(crate) fn open(
        folder: &Folder,
        settings: &Settings,
        name: SubjectName,
        key: PublicKey,
        (number, revoked): (u64, &[Revoked]),
    ) -> Result<Self, CertificateError> {
        let authority = load(&folder.authority())?;
        let (phase, other) = other(folder, &authority)?;
        let trusted = trusted(&authority, other.as_ref())?;
        let hosts = settings.hosts();
        let days = settings.certificates.clone();
        let server = issue_server(&authority, &name, &hosts, days.server_days)?;
        server.save(&folder.server())?;
        let list = issue_list(&authority, revoked, number, days.revocation_list_days)?;
        list.save(&folder.revoked())?;
        let signed = read_list(&folder.authorities(), &settings.federation, key)?;
        let folder = folder.clone();
        let mut certificates = Self {
            folder,
            days,
            name,
            hosts,
            authority,
            other,
            phase,
            trusted,
            server,
            list,
            other_list: None,
            signed,
        };
        certificates.renew_other_list(number, revoked)?;
        Ok(certificates)
    }

    /// Makes the authority that is to follow, unless it is there.
    pub(crate) fn prepare(&mut self, days: u16) -> Result<(), CertificateError> {
        let path = self.folder.next_authority();
        if !path.exists() {
            Authority::create(&self.name, from_now(days))?.save(&path)?;
        }
        self.read_authorities()
    }

    /// Lets the next authority certify from now on. Interrupted anywhere it has happened, or not
    /// at all: a former authority that is the present one counts as none.
    pub(crate) fn switch(&mut self) -> Result<(), CertificateError> {
        self.authority.save(&self.folder.former_authority())?;
        let next = self.folder.next_authority();
        let moved = std::fs::rename(&next, self.folder.authority());
        moved.map_err(|error| CertificateError::System { path: next, error })?;
        self.sync()?;
        self.read_authorities()?;
        self.renew_server()
    }

    /// Forgets the former authority, with its key.
    pub(crate) fn retire(&mut self) -> Result<(), CertificateError> {
        remove(&self.folder.former_authority())?;
        self.sync()?;
        self.read_authorities()
    }

    /// The list that is to be signed where the one that was signed last names other authorities.
    pub(crate) fn unsigned(&self) -> Option<(u64, Vec<Vec<u8>>)> {
        let certificates = self.trusted.certificates().iter();
        let authorities: Vec<_> = certificates.map(|one| one.der().to_vec()).collect();
        match &self.signed {
            Some(signed) if signed.authorities == authorities => None,
            Some(signed) => Some((signed.number.saturating_add(1), authorities)),
            None => Some((1, authorities)),
        }
    }

    /// Signs and keeps the list with this number.
    pub(crate) fn sign(
        &mut self,
        (number, authorities): (u64, Vec<Vec<u8>>),
        federation: &str,
        key: &SigningKey,
    ) -> Result<(), CertificateError> {
        let list = AuthorityList::sign(number, authorities, federation, key);
        let bytes = encode_authorities(&list);
        ripieno_files::write_atomically(&self.folder.authorities(), &bytes, 0o644)?;
        self.signed = Some(list);
        Ok(())
    }

    /// The list of authorities that sites are to hold.
    pub(crate) fn signed(&self) -> Option<&AuthorityList> {
        self.signed.as_ref()
    }

    /// How far the replacement of the authority is.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// The authority that is to follow or that was followed.
    pub(crate) fn other(&self) -> Option<&CaCertificate> {
        self.other.as_ref().map(Authority::certificate)
    }

    /// The authorities that are trusted, the present one first.
    pub(crate) fn trusted(&self) -> &TrustedAuthorities {
        &self.trusted
    }

    /// What the listener shows and believes.
    pub(crate) fn tls(&self) -> Result<ServerTls, CertificateError> {
        let lists: Vec<_> = [&self.list].into_iter().chain(&self.other_list).cloned().collect();
        Ok(ServerTls::new(&self.server, &self.trusted, &lists)?)
    }

    /// The authority's certificate.
    pub(crate) fn authority(&self) -> &CaCertificate {
        self.authority.certificate()
    }

    /// Certifies a site's key for connections.
    pub(crate) fn issue_site(
        &self,
        request: &VerifiedRequest,
        site: &SubjectName,
    ) -> Result<IssuedCertificate, CertificateError> {
        Ok(self.authority.issue_site(request, site, from_now(self.days.site_days))?)
    }

    /// Makes and keeps the next list of revoked certificates, of each authority.
    pub(crate) fn renew_list(
        &mut self,
        number: u64,
        revoked: &[Revoked],
    ) -> Result<(), CertificateError> {
        self.list = issue_list(&self.authority, revoked, number, self.days.revocation_list_days)?;
        self.list.save(&self.folder.revoked())?;
        self.renew_other_list(number, revoked)
    }

    /// Makes and keeps a new certificate of this coordinator.
    pub(crate) fn renew_server(&mut self) -> Result<(), CertificateError> {
        let days = self.days.server_days;
        self.server = issue_server(&self.authority, &self.name, &self.hosts, days)?;
        Ok(self.server.save(&self.folder.server())?)
    }

    /// Whether the list has come to half of its life.
    pub(crate) fn list_is_due(&self, now: SystemTime) -> bool {
        let life = DAY * u32::from(self.days.revocation_list_days);
        self.list.next_update() <= now + life / 2
    }

    /// Whether the coordinator's certificate has come to the last part of its life, and a new one
    /// would end later.
    pub(crate) fn server_is_due(&self, now: SystemTime) -> bool {
        let life = DAY * u32::from(self.days.server_days);
        let end = self.server_ends();
        end <= now + life / RENEW_AT && end < self.authority().not_after()
    }

    /// When the coordinator's certificate ends.
    pub(crate) fn server_ends(&self) -> SystemTime {
        self.server.certificate().not_after
    }

    /// Whether a certificate is on the list.
    pub(crate) fn lists(&self, serial: &Serial) -> bool {
        self.list.serials().contains(serial)
    }

    /// When the list of revoked certificates ends.
    pub(crate) fn list_ends(&self) -> SystemTime {
        self.list.next_update()
    }

    fn read_authorities(&mut self) -> Result<(), CertificateError> {
        self.authority = load(&self.folder.authority())?;
        (self.phase, self.other) = other(&self.folder, &self.authority)?;
        self.trusted = trusted(&self.authority, self.other.as_ref())?;
        Ok(())
    }

    fn renew_other_list(
        &mut self,
        number: u64,
        revoked: &[Revoked],
    ) -> Result<(), CertificateError> {
        let path = self.folder.other_revoked();
        let days = self.days.revocation_list_days;
        let other = self.other.as_ref();
        let list = other.map(|other| issue_list(other, revoked, number, days)).transpose()?;
        match &list {
            Some(list) => list.save(&path)?,
            None => remove(&path)?,
        }
        self.other_list = list;
        Ok(())
    }

    /// What was moved or removed stays so.
    fn sync(&self) -> Result<(), CertificateError> {
        let path = self.folder.path().to_owned();
        let synced = std::fs::File::open(&path).and_then(|folder| folder.sync_all());
        synced.map_err(|error| CertificateError::System { path, error })
    }
}

/// The second authority of a folder, by where the replacement was interrupted.
fn other(
    folder: &Folder,
    present: &Authority,
) -> Result<(Phase, Option<Authority>), CertificateError> {
    let former = folder.former_authority();
    if former.exists() {
        let authority = load(&former)?;
        if authority.certificate().fingerprint() != present.certificate().fingerprint() {
            return Ok((Phase::Switched, Some(authority)));
        }
        remove(&former)?;
    }
    let next = folder.next_authority();
    if next.exists() {
        return Ok((Phase::Prepared, Some(load(&next)?)));
    }
    Ok((Phase::Settled, None))
}

fn trusted(present: &Authority, other: Option<&Authority>) -> Result<TrustedAuthorities, BadTrust> {
    let both = [Some(present), other].into_iter().flatten();
    TrustedAuthorities::new(both.map(|one| one.certificate().clone()).collect())
}

/// An authority, if its certificate is what it signed once.
fn load(path: &Path) -> Result<Authority, CertificateError> {
    let authority = Authority::load(path)?;
    match authority.certificate().issued(authority.certificate().der()) {
        true => Ok(authority),
        false => Err(CertificateError::Authenticity(path.to_owned())),
    }
}

fn read_list(
    path: &Path,
    federation: &str,
    key: PublicKey,
) -> Result<Option<AuthorityList>, CertificateError> {
    use std::io::Read as _;
    let system = |error| CertificateError::System { path: path.to_owned(), error };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(system(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_LIST + 1).read_to_end(&mut bytes).map_err(system)?;
    let list = decode_authorities(bytes.into());
    let list = list.map_err(|error| CertificateError::List { path: path.to_owned(), error })?;
    let unsigned = |error| CertificateError::Unsigned { path: path.to_owned(), error };
    list.verify(federation, key).map_err(unsigned)?;
    Ok(Some(list))
}

fn remove(path: &Path) -> Result<(), CertificateError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(CertificateError::System { path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}

/// Makes the authority of a new federation, with a first certificate and an empty list.
pub(crate) fn found(
    folder: &Folder,
    settings: &Settings,
    name: &SubjectName,
    (authority_days, list_number): (u16, u64),
) -> Result<CaCertificate, CertificateError> {
    let authority = Authority::create(name, from_now(authority_days))?;
    authority.save(&folder.authority())?;
    let days = &settings.certificates;
    issue_server(&authority, name, &settings.hosts(), days.server_days)?.save(&folder.server())?;
    issue_list(&authority, &[], list_number, days.revocation_list_days)?.save(&folder.revoked())?;
    Ok(authority.certificate().clone())
}

fn issue_server(
    authority: &Authority,
    name: &SubjectName,
    hosts: &[String],
    days: u16,
) -> Result<TlsIdentity, AuthorityError> {
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    authority.issue_server(name, &hosts, from_now(days))
}

fn issue_list(
    authority: &Authority,
    revoked: &[Revoked],
    number: u64,
    days: u16,
) -> Result<RevocationList, AuthorityError> {
    authority.issue_list(revoked, number, from_now(days))
}

fn from_now(days: u16) -> Validity {
    Validity { from: SystemTime::now(), days }
}
