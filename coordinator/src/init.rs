//! A new coordinator: its key, the authority of its federation, an empty database.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use ripieno_audit::Kind;
use ripieno_files::{FileError, StateDir, write_atomically};
use ripieno_identity::PublicKey;
use ripieno_transport::{BadName, Fingerprint};
use thiserror::Error;

use crate::certificates::{CertificateError, found};
use crate::config::Settings;
use crate::folder::Folder;
use crate::keys;
use crate::log::{Log, LogError, event};
use crate::store::{Store, StoreError};

/// Days that a federation's authority lasts.
const AUTHORITY_DAYS: u16 = 3650;

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where.
    pub folder: Folder,
    /// The coordinator's key, which charters name.
    pub key: PublicKey,
    /// The fingerprint of the authority's certificate, which invitations carry.
    pub authority: Fingerprint,
}

/// Why no coordinator was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InitError {
    /// There is one.
    #[error("there is a coordinator in {} already; nothing was changed", .0.display())]
    Exists(PathBuf),
    /// There is a part of one.
    #[error(
        "{} has parts of a coordinator whose making was interrupted, or that lost its \
         coordinator.toml: {}; nothing was changed",
        folder.display(), files(found)
    )]
    Unfinished {
        /// The folder.
        folder: PathBuf,
        /// What was found.
        found: Vec<PathBuf>,
    },
    /// A setting that cannot be used.
    #[error("{key}: {reason}")]
    Setting {
        /// Which one.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The federation's name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The system gave no randomness.
    #[error("the system gave no random numbers for a key")]
    Randomness,
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The configuration has no text form.
    #[error("the configuration cannot be written: {0}")]
    Config(#[from] toml::ser::Error),
}

/// Makes a coordinator in a folder, which is created where it is missing. The configuration is
/// written last: a folder without it is refused here and cannot be served.
///
/// # Errors
/// [`InitError`]. Where there is a coordinator, or a part of one, nothing was changed.
pub async fn init(folder: &Folder, settings: &Settings) -> Result<Made, InitError> {
    settings.check().map_err(|(key, reason)| InitError::Setting { key, reason })?;
    let name = settings.subject()?;
    if folder.config().exists() {
        return Err(InitError::Exists(folder.path().to_owned()));
    }
    let found_files = folder.made();
    if !found_files.is_empty() {
        return Err(InitError::Unfinished { folder: folder.path().to_owned(), found: found_files });
    }
    let state = StateDir::open(folder.path())?;
    let key = keys::create(&folder.key())?.ok_or(InitError::Randomness)?;
    let public = key.public();
    let store = Store::create(&folder.database()).await?;
    let number = store.next_crl_number().await?;
    let authority = found(folder, settings, &name, (AUTHORITY_DAYS, number))?;
    store.close().await?;
    Log::create(&folder.audit())?;
    let mut log = Log::open(&folder.audit(), Arc::new(key), NonZeroU64::MIN)?;
    let entry = event(Kind::OperatorAction, "made").with("federation", &settings.federation);
    let entry = entry.with("key", public).with("authority", authority.fingerprint());
    log.add(entry)?;
    write_atomically(&folder.config(), toml::to_string(settings)?.as_bytes(), 0o600)?;
    drop(state);
    Ok(Made { folder: folder.clone(), key: public, authority: authority.fingerprint() })
}

fn files(found: &[PathBuf]) -> String {
    let names = found.iter().filter_map(|path| path.file_name());
    names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ")
}
