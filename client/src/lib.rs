//! A site of a federation as a daemon, and the commands of its people.
//!
//! - [`Config`]: `site.toml` and the names in a site's folder;
//! - [`Daemon`]: the site's engine on a network and on a disk: one outbound connection to the
//!   coordinator, one local socket for the steward;
//! - [`Command`] and [`run`]: everything that is typed, at `ripieno-site` or at `ripieno site`.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod catalog;
mod clock;
mod commands;
pub mod config;
mod daemon;
mod doctor;
mod edit;
mod enroll;
mod gate;
mod grants;
mod hex;
mod init;
pub mod layout;
mod lineage;
mod link;
mod state;
mod words;

pub use commands::{Command, run};
pub use config::{Config, ConfigError};
pub use daemon::{Daemon, Ending};
pub use enroll::{EnrollError, Enrolled, enroll};

/// How this program is called, for a next command to type.
pub(crate) fn program() -> &'static str {
    let own = std::env::args_os().next().map(std::path::PathBuf::from);
    let own = own.as_deref().and_then(std::path::Path::file_name);
    if own.is_some_and(|name| name == "ripieno") { "ripieno site" } else { "ripieno-site" }
}
