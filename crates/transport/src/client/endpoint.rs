//! Where a server listens.

use std::fmt;
use std::str::FromStr;

use rustls::pki_types::ServerName;
use thiserror::Error;

/// A host name or IP address with a port, written `coordinator.example.org:8443`, `192.0.2.1:8443`
/// or `[2001:db8::1]:8443`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Text that is no endpoint.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a host and a port, such as coordinator.example.org:8443 or [2001:db8::1]:8443"
)]
pub struct BadEndpoint(pub String);

impl Endpoint {
    /// A host name or an IP address (IPv6 without brackets), and a port other than 0.
    ///
    /// # Errors
    /// [`BadEndpoint`].
    pub fn new(host: &str, port: u16) -> Result<Self, BadEndpoint> {
        if port == 0 || ServerName::try_from(host).is_err() {
            return Err(BadEndpoint(format!("{host}:{port}")));
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// The name or address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let bad = || BadEndpoint(text.chars().take(300).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        // Without brackets it would be undecided where an IPv6 address ends.
        if bracketed.is_none() && host.contains(':') {
            return Err(bad());
        }
        let port = port.parse().map_err(|_| bad())?;
        Self::new(bracketed.unwrap_or(host), port).map_err(|_| bad())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_round_trip() {
        for text in ["localhost:1", "192.0.2.1:8443", "[2001:db8::1]:443", "a.example.org:65535"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "localhost",
            ":1",
            "a:0",
            "a:65536",
            "2001:db8::1:443",
            "a b:1",
            "a/b:1",
            "a\r\nb:1",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
        }
    }
}
