//! The coordinator of a federation, on a network and on a disk.
//!
//! - [`Config`]: `coordinator.toml` and the names in a coordinator's folder;
//! - [`init()`]: makes such a folder;
//! - [`Server`]: the engine with its database, served to sites and researchers over TLS and to the
//!   operator over a local socket;
//! - [`Command`] and [`run`]: everything that is typed, at `ripieno-coordinator` or at
//!   `ripieno coordinator`;
//! - [`store`], [`spool`]: what survives the process.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod actor;
mod certificates;
mod clock;
mod commands;
pub mod config;
mod descriptors;
pub mod folder;
pub mod init;
mod keys;
mod log;
mod membership;
mod metrics;
mod observe;
mod renewal;
mod server;
mod services;
pub mod spool;
pub mod store;

pub use actor::Fatal;
pub use certificates::CertificateError;
pub use commands::{Command, run};
pub use config::{Config, ConfigError, Settings};
pub use folder::Folder;
pub use init::{InitError, Made, init};
pub use log::LogError;
pub use observe::Observer;
pub use server::{Server, StartError};

/// How this program is called, for a next command to type.
pub(crate) fn program() -> &'static str {
    let own = std::env::args_os().next().map(std::path::PathBuf::from);
    let own = own.as_deref().and_then(std::path::Path::file_name);
    if own.is_some_and(|name| name == "ripieno") {
        "ripieno coordinator"
    } else {
        "ripieno-coordinator"
    }
}
