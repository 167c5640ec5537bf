//! The researcher's folder: key, credential, where the coordinator is, and the charters.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use ripieno_files::{FileError, Folder, KeyFile, write_atomically};
use ripieno_identity::{AuthorityList, Credential, RatifiedCharter, SigningKey};
use ripieno_terminal::{Exit, Failure, clean, moment};
use ripieno_transport::TrustedAuthorities;
use ripieno_transport::client::Endpoint;
use ripieno_wire::membership::{decode_history, encode_history};
use ripieno_wire::{credential_from_text, credential_to_text, encode_authorities};
use serde::{Deserialize, Serialize};

use super::authorities::{self, Followed};

const KEY: &str = "researcher.key";
const CREDENTIAL: &str = "credential.txt";
const COORDINATOR: &str = "coordinator.toml";
const AUTHORITIES: &str = "authorities.pem";
const LIST: &str = "authorities.signed";
const CHARTERS: &str = "charters";

/// A credential that ends within this many seconds is spoken of: two weeks.
const SOON: u64 = 14 * 24 * 3600;

/// The folder of one researcher.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

/// Where the coordinator is, as `coordinator.toml` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoordinatorFile {
    /// `host:port`.
    address: String,
}

/// What joining a federation leaves behind.
pub(crate) struct Joined {
    pub(crate) target: Endpoint,
    pub(crate) authorities: TrustedAuthorities,
    pub(crate) credential: Credential,
    /// Version 1 first, the one in force last.
    pub(crate) charters: Vec<RatifiedCharter>,
}

impl Home {
    /// The folder that was asked for, or the one of this user.
    pub(crate) fn at(asked: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = asked {
            return Ok(Self(path.to_owned()));
        }
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
        config.map(|config| Self(config.join("ripieno"))).ok_or_else(|| {
            let error = anyhow!("neither HOME nor XDG_CONFIG_HOME says where your files are");
            Failure::new(Exit::Output, error).next("name the folder with --dir")
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a new key.
    pub(crate) fn create_key(&self, key: &zeroize::Zeroizing<[u8; 32]>) -> Result<(), Failure> {
        Folder::open(&self.0).map_err(Failure::output)?;
        KeyFile::at(self.0.join(KEY)).create(key).map_err(Failure::output)
    }

    /// The researcher's key.
    pub(crate) fn key(&self) -> Result<SigningKey, Failure> {
        let file = KeyFile::at(self.0.join(KEY));
        match file.read() {
            Ok(seed) => Ok(SigningKey::from_seed(&seed)),
            Err(FileError::Missing(path)) => {
                let error = anyhow!("there is no key at {}", path.display());
                Err(Failure::new(Exit::Denied, error)
                    .next("ripieno researcher init, or name your folder with --dir"))
            }
            Err(error) => Err(Failure::output(error)),
        }
    }

    /// Whether this researcher has joined a federation.
    pub(crate) fn has_joined(&self) -> bool {
        self.0.join(COORDINATOR).exists()
    }

    /// Keeps what joining found. The coordinator's address is written last: with it the rest is
    /// there.
    pub(crate) fn join(&self, joined: &Joined) -> Result<(), Failure> {
        joined.authorities.save(&self.0.join(AUTHORITIES)).map_err(Failure::output)?;
        self.keep_charters(&joined.charters)?;
        let credential = credential_to_text(&joined.credential) + "\n";
        self.write(CREDENTIAL, credential.as_bytes())?;
        let file = CoordinatorFile { address: joined.target.to_string() };
        let text = toml::to_string(&file).map_err(|error| Failure::new(Exit::Internal, error))?;
        self.write(COORDINATOR, text.as_bytes())
    }

    /// What an earlier `join` left behind.
    pub(crate) fn joined(&self) -> Result<Joined, Failure> {
        let settings: CoordinatorFile = {
            let text = self.text(COORDINATOR)?;
            toml::from_str(&text).map_err(|error| self.damaged(COORDINATOR, error))?
        };
        let target = settings.address.parse().map_err(|error| self.damaged(COORDINATOR, error))?;
        let authorities = TrustedAuthorities::load(&self.0.join(AUTHORITIES));
        let credential = credential_from_text(&self.text(CREDENTIAL)?);
        let path = self.0.join(CHARTERS);
        let bytes = fs::read(&path)
            .with_context(|| format!("{} cannot be read", path.display()))
            .map_err(Failure::output)?;
        let history = decode_history(Bytes::from(bytes));
        let history = history.map_err(|error| self.damaged(CHARTERS, error))?;
        Ok(Joined {
            target,
            authorities: authorities.map_err(Failure::output)?,
            credential: credential.map_err(|error| self.damaged(CREDENTIAL, error))?,
            charters: history.verify().map_err(|error| self.damaged(CHARTERS, error))?,
        })
    }

    /// The signed list of authorities that was taken over last.
    pub(super) fn list(&self) -> Option<AuthorityList> {
        authorities::held(&self.0.join(LIST))
    }

    /// Trusts the authorities of a signed list from now on.
    pub(super) fn follow(&self, followed: &Followed) -> Result<(), Failure> {
        followed.trusted.save(&self.0.join(AUTHORITIES)).map_err(Failure::output)?;
        // Last: without it, what was interrupted is done again.
        self.write(LIST, &encode_authorities(&followed.list))
    }

    /// Keeps the charters, the one in force last.
    pub(crate) fn keep_charters(&self, charters: &[RatifiedCharter]) -> Result<(), Failure> {
        self.write(CHARTERS, &encode_history(charters))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        write_atomically(&self.0.join(name), bytes, 0o600).map_err(Failure::output)
    }

    fn text(&self, name: &str) -> Result<String, Failure> {
        let path = self.0.join(name);
        fs::read_to_string(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => self.not_joined(),
            _ => Failure::output(
                anyhow::Error::new(error).context(format!("{} cannot be read", path.display())),
            ),
        })
    }

    fn not_joined(&self) -> Failure {
        let error = anyhow!("you have not joined a federation ({})", self.0.display());
        Failure::new(Exit::Denied, error).next(
            "ripieno researcher join, with the credential that the steward of your site signs; or \
             name your folder with --dir",
        )
    }

    fn damaged(&self, name: &str, error: impl Into<anyhow::Error>) -> Failure {
        let path = self.0.join(name);
        let error = error.into().context(format!("{} is damaged", path.display()));
        Failure::output(error).next("join the federation again: ripieno researcher join")
    }
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Says that a credential has ended, before anybody is asked; returns a warning where it will soon.
pub(crate) fn check_expiry(credential: &Credential, now: u64) -> Result<Option<String>, Failure> {
    let fields = &credential.fields;
    let (name, ends) = (clean(&fields.name, 128), moment(fields.expires));
    if now >= fields.expires {
        let error = anyhow!("the credential of {name} ended on {ends}");
        return Err(Failure::new(Exit::Denied, error).next(renew(fields.home.get())));
    }
    let soon = fields.expires - now < SOON;
    Ok(soon.then(|| format!("your credential ends on {ends}; {}", renew(fields.home.get()))))
}

fn renew(home: u16) -> String {
    format!(
        "ask the steward of your home site (site {home}) for a new one, made by `ripieno site \
         researcher vouch`, then join again: ripieno researcher join"
    )
}

#[cfg(test)]
mod tests {
    use ripieno_identity::CredentialFields;
    use ripieno_study::SiteIndex;

    use super::*;

    fn credential(expires: u64) -> Credential {
        let key = SigningKey::from_seed(&zeroize::Zeroizing::new([7; 32]));
        let fields = CredentialFields {
            name: "Ada".into(),
            role: "statistician".into(),
            department: "oncology".into(),
            clearance: "research".into(),
            expires,
            federation: "four".into(),
            home: SiteIndex::new(2).unwrap(),
            researcher: key.public(),
        };
        Credential::issue(fields, &key).unwrap()
    }

    #[test]
    fn an_ended_credential_is_told_before_anybody_is_asked() {
        let ended = check_expiry(&credential(1_000), 1_000).unwrap_err();
        assert_eq!(ended.exit(), Exit::Denied);
        assert!(ended.text().contains("Ada ended on 1970-01-01 00:16 UTC"), "{}", ended.text());
        assert!(ended.text().contains("site 2"), "{}", ended.text());
        let soon = check_expiry(&credential(1_000), 999).unwrap().unwrap();
        assert!(soon.contains("vouch"), "{soon}");
        assert_eq!(check_expiry(&credential(1_000 + SOON), 1_000).unwrap(), None);
    }

    #[test]
    fn a_folder_without_key_or_federation_says_what_to_type() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(&folder.path().join("none"))).unwrap();
        let no_key = home.key().unwrap_err();
        assert_eq!(no_key.exit(), Exit::Denied);
        assert!(no_key.text().contains("researcher init"), "{}", no_key.text());
        assert!(!home.has_joined());
        let Err(not_joined) = home.joined() else { panic!("joined") };
        assert_eq!(not_joined.exit(), Exit::Denied);
        assert!(not_joined.text().contains("researcher join"), "{}", not_joined.text());
    }
}
