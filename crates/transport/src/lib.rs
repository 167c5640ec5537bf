//! The encrypted connection between a site and a coordinator.
//!
//! The operator of a federation keeps an [`authority`] of its own: it certifies the coordinator
//! and, at enrolment, the key of each site, which never leaves the site ([`request`]). The
//! [`server`] takes TLS 1.3 connections and reports who is at the other end; the [`client`] makes
//! them, if need be through a proxy, and says in which step and why it could not.
//!
//! A certificate authenticates the connection to the coordinator and nothing else: what sites
//! believe of each other stands in the charter.

pub mod authority;
mod certificate;
pub mod client;
mod files;
mod identity;
mod key;
mod name;
mod pem;
pub mod request;
mod serial;
pub mod server;
mod trust;

pub use certificate::{BadCertificate, Fingerprint, NotAFingerprint, PeerCertificate};
pub use files::FileError;
pub use identity::TlsIdentity;
pub use name::{BadName, MAX_NAME, SubjectName};
pub use serial::{NotASerial, Serial};
pub use trust::{BadTrust, CaCertificate, MAX_AUTHORITIES, TrustedAuthorities};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The protocol that both ends must agree on in the handshake: HTTP/2.
const ALPN: &[u8] = b"h2";

/// The one provider of cryptography, named at each use: what another crate installs as the
/// default of the process changes nothing here.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
