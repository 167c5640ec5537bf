//! The folder of a coordinator: one name for each file.

use std::path::{Path, PathBuf};

/// Names of a coordinator's files. Nothing here opens or creates one.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// What an interrupted `init` may have left behind.
const MADE: [&str; 6] = [
    "coordinator.key",
    "authority.pem",
    "server.pem",
    "revoked.pem",
    "coordinator.db",
    "audit.log",
];

impl Folder {
    /// The folder at `path`, whether it exists or not.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration. `init` writes it last: where it is, the folder is complete.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join("coordinator.toml")
    }

    /// The seed of the coordinator's key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.0.join("coordinator.key")
    }

    /// Key and certificate of the authority.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.0.join("authority.pem")
    }

    /// The same of the authority that is to follow it.
    #[must_use]
    pub fn next_authority(&self) -> PathBuf {
        self.0.join("authority.next.pem")
    }

    /// The same of the authority that it followed, until that one is trusted no more.
    #[must_use]
    pub fn former_authority(&self) -> PathBuf {
        self.0.join("authority.former.pem")
    }

    /// The signed list of authorities that sites are to trust.
    #[must_use]
    pub fn authorities(&self) -> PathBuf {
        self.0.join("authorities.list")
    }

    /// Key and certificate for connections.
    #[must_use]
    pub fn server(&self) -> PathBuf {
        self.0.join("server.pem")
    }

    /// The list of revoked certificates.
    #[must_use]
    pub fn revoked(&self) -> PathBuf {
        self.0.join("revoked.pem")
    }

    /// The list of what the other authority has revoked, while there are two.
    #[must_use]
    pub fn other_revoked(&self) -> PathBuf {
        self.0.join("revoked.other.pem")
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("coordinator.db")
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit.log")
    }

    /// The socket of the operator's commands.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("operator.sock")
    }

    /// What is there of a coordinator already, but for the configuration.
    #[must_use]
    pub fn made(&self) -> Vec<PathBuf> {
        MADE.iter().map(|name| self.0.join(name)).filter(|path| path.exists()).collect()
    }
}
