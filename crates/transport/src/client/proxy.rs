//! The HTTP proxy through which a site goes out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::endpoint::Endpoint;
use super::no_proxy::NoProxy;

/// The port of a proxy that names none.
const DEFAULT_PORT: u16 = 80;
/// The longest name and password, in bytes, as they stand in the URL.
const MAX_CREDENTIALS: usize = 1024;

/// An HTTP proxy, with what signs in to it. The sign-in is never printed.
#[derive(Clone)]
pub struct Proxy {
    endpoint: Endpoint,
    /// The value of `Proxy-Authorization`.
    authorization: Option<Zeroizing<String>>,
}

/// Why a text names no proxy. The text is not repeated: it may hold a password.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{variable} names no proxy: {reason}; it reads http://[name:password@]host:port")]
pub struct BadProxy {
    /// The variable or setting.
    pub variable: String,
    /// What is wrong.
    pub reason: &'static str,
}

/// Whether and which proxy is used.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    proxy: Option<Proxy>,
    exceptions: NoProxy,
}

impl ProxySettings {
    /// Never a proxy.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `https_proxy` or `HTTPS_PROXY`, and `no_proxy` or `NO_PROXY`, through `variable`,
    /// such as `|name| std::env::var(name).ok()`. The small letters win, as with curl; an empty
    /// value is none.
    ///
    /// # Errors
    /// [`BadProxy`] where the first names no proxy.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BadProxy> {
        let find = |names: [&'static str; 2]| {
            let set = |name| variable(name).filter(|value| !value.trim().is_empty());
            names.into_iter().find_map(|name| set(name).map(|value| (name, Zeroizing::new(value))))
        };
        let proxy = find(["https_proxy", "HTTPS_PROXY"]);
        let exceptions = find(["no_proxy", "NO_PROXY"]);
        Ok(Self {
            proxy: proxy.map(|(name, url)| Proxy::parse(name, url.trim())).transpose()?,
            exceptions: exceptions.map(|(_, list)| NoProxy::parse(&list)).unwrap_or_default(),
        })
    }

    /// The proxy on the way to this host.
    #[must_use]
    pub fn on_the_way_to(&self, target: &Endpoint) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| !self.exceptions.covers(target))
    }
}

impl Proxy {
    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Reads the URL of a proxy; `variable` says where it stood.
    ///
    /// # Errors
    /// [`BadProxy`], without the URL.
    pub fn parse(variable: &str, url: &str) -> Result<Self, BadProxy> {
        parse(url).map_err(|reason| BadProxy { variable: variable.to_owned(), reason })
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_ref().map(|value| value.as_str())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorization = self.authorization.as_ref().map(|_| "<redacted>");
        f.debug_struct("Proxy")
            .field("endpoint", &self.endpoint)
            .field("authorization", &authorization)
            .finish()
    }
}

fn parse(url: &str) -> Result<Proxy, &'static str> {
    let rest = match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some(_) => return Err("only http:// is known, what goes through it is encrypted anyway"),
        None => url,
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (credentials, host) = match authority.rsplit_once('@') {
        Some((credentials, host)) => (Some(credentials), host),
        None => (None, authority),
    };
    if host.contains(['/', '?', '#']) {
        return Err("there is something after the port");
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let with_port = if has_port { host.to_owned() } else { format!("{host}:{DEFAULT_PORT}") };
    let endpoint = with_port.parse().map_err(|_| "the host or the port is none")?;
    Ok(Proxy { endpoint, authorization: credentials.map(basic).transpose()? })
}

/// Basic authentication (RFC 7617) from `name:password` of a URL.
fn basic(credentials: &str) -> Result<Zeroizing<String>, &'static str> {
    if credentials.len() > MAX_CREDENTIALS {
        return Err("name and password are too long");
    }
    let (name, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut plain = Zeroizing::new(Vec::with_capacity(credentials.len() + 1));
    decode(name, &mut plain)?;
    if plain.contains(&b':') {
        return Err("the name has a colon in it");
    }
    plain.push(b':');
    decode(password, &mut plain)?;
    // Reserved at once, so that nothing unerased is left behind.
    let mut value = Zeroizing::new(String::with_capacity(2 * plain.len() + 16));
    value.push_str("Basic ");
    STANDARD.encode_string(plain.as_slice(), &mut value);
    Ok(value)
}

/// Percent-decoding (RFC 3986 §2.1).
fn decode(text: &str, into: &mut Vec<u8>) -> Result<(), &'static str> {
    const BAD: &str = "a % is not followed by two hexadecimal digits";
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            into.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(BAD);
        let value = digit()? << 4 | digit()?;
        into.push(u8::try_from(value).map_err(|_| BAD)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<ProxySettings, BadProxy> {
        ProxySettings::from_variables(|name| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxy(variables: &[(&str, &str)]) -> Option<Proxy> {
        let target = "coordinator.example.org:8443".parse().unwrap();
        settings(variables).unwrap().on_the_way_to(&target).cloned()
    }

    #[test]
    fn the_variables_are_those_of_other_programs() {
        assert!(proxy(&[]).is_none());
        assert!(proxy(&[("HTTPS_PROXY", " ")]).is_none());
        assert!(proxy(&[("HTTP_PROXY", "http://a:1")]).is_none());
        let both = [("HTTPS_PROXY", "http://big:1"), ("https_proxy", "http://small:2/")];
        assert_eq!(proxy(&both).unwrap().endpoint().to_string(), "small:2");
        let except = [("HTTPS_PROXY", "http://big:1"), ("NO_PROXY", ".example.org")];
        assert!(proxy(&except).is_none());
    }

    #[test]
    fn urls_with_and_without_port_and_credentials() {
        let parse = |url| Proxy::parse("HTTPS_PROXY", url).unwrap();
        assert_eq!(parse("proxy.lan").endpoint().to_string(), "proxy.lan:80");
        assert_eq!(parse("http://[::1]").endpoint().to_string(), "[::1]:80");
        assert_eq!(parse("HTTP://[::1]:3128").endpoint().to_string(), "[::1]:3128");
        assert_eq!(parse("http://proxy:3128").authorization(), None);
        // RFC 7617 §2: Aladdin and "open sesame".
        let aladdin = parse("http://Aladdin:open%20sesame@proxy:3128");
        assert_eq!(aladdin.authorization(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(parse("http://a@b:c@proxy:1").authorization(), Some("Basic YUBiOmM="));
    }

    #[test]
    fn a_password_is_never_printed() {
        let variables = [("https_proxy", "http://name:s3cret@proxy:1")];
        let text = format!("{:?}", settings(&variables).unwrap());
        assert!(text.contains("proxy") && !text.contains("s3cret") && !text.contains("Basic"));
        for url in ["socks5://n:s3cret@p:1", "http://n:s3cret@p:1/x", "http://n:s3cret%zz@p:1"] {
            let error = settings(&[("HTTPS_PROXY", url)]).unwrap_err();
            assert!(error.to_string().starts_with("HTTPS_PROXY names no proxy"), "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
