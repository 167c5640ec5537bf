//! Which hosts are reached without the proxy.

use std::net::IpAddr;

use super::endpoint::Endpoint;

/// The list in `NO_PROXY`, with commas in between: `*` for all hosts, a name for it and all below
/// it (with or without a leading dot or `*.`), an IP address, or a network such as `10.0.0.0/8`.
/// Each but `*` may end with `:port`. What is none of these is passed over, as others do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Name(String),
    Network(IpAddr, u8),
}

impl NoProxy {
    /// Reads a list.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        Self(list.split(',').map(str::trim).filter_map(Rule::parse).collect())
    }

    /// Whether this host is reached without the proxy.
    #[must_use]
    pub fn covers(&self, endpoint: &Endpoint) -> bool {
        self.0.iter().any(|rule| rule.covers(endpoint))
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { hosts: Hosts::All, port: None });
        }
        if let Some(hosts) = network(text) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let hosts = match network(host) {
            Some(hosts) => hosts,
            None => Hosts::Name(name(host)?),
        };
        Some(Self { hosts, port })
    }

    fn covers(&self, endpoint: &Endpoint) -> bool {
        if self.port.is_some_and(|port| port != endpoint.port()) {
            return false;
        }
        match &self.hosts {
            Hosts::All => true,
            Hosts::Network(network, bits) => {
                let address: Option<IpAddr> = endpoint.host().parse().ok();
                address.is_some_and(|address| is_in(address.to_canonical(), *network, *bits))
            }
            Hosts::Name(name) => {
                let host = endpoint.host().trim_end_matches('.').to_ascii_lowercase();
                let above = host.strip_suffix(name.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
        }
    }
}

fn name(text: &str) -> Option<String> {
    let name = text.strip_prefix('*').unwrap_or(text).trim_matches('.');
    (!name.is_empty() && !name.contains(['/', '*'])).then(|| name.to_ascii_lowercase())
}

fn network(text: &str) -> Option<Hosts> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some(Hosts::Network(address, bits))
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            (a.to_bits() ^ n.to_bits()).leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            (a.to_bits() ^ n.to_bits()).leading_zeros() >= u32::from(bits)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(list: &str, endpoint: &str) -> bool {
        NoProxy::parse(list).covers(&endpoint.parse().unwrap())
    }

    #[test]
    fn names_cover_themselves_and_what_is_below() {
        for list in ["example.org", ".example.org", "*.example.org", "x, EXAMPLE.org ,y"] {
            assert!(covers(list, "a.Example.org:1"), "{list}");
            assert!(covers(list, "example.org:1"), "{list}");
            assert!(!covers(list, "badexample.org:1"), "{list}");
            assert!(!covers(list, "example.org.evil:1"), "{list}");
        }
    }

    #[test]
    fn ports_addresses_networks_and_all() {
        assert!(covers("a.org:8443", "a.org:8443") && !covers("a.org:8443", "a.org:443"));
        assert!(covers("10.0.0.0/8", "10.200.0.1:1") && !covers("10.0.0.0/8", "11.0.0.1:1"));
        assert!(covers("192.0.2.1", "192.0.2.1:1") && !covers("192.0.2.1", "192.0.2.10:1"));
        assert!(covers("192.0.2.1:5", "192.0.2.1:5") && !covers("192.0.2.1:5", "192.0.2.1:6"));
        assert!(covers("2001:db8::/32", "[2001:db8::1]:1") && covers("[::1]:7", "[::1]:7"));
        assert!(covers("*", "anything:1") && covers("0.0.0.0/0", "1.2.3.4:1"));
    }

    #[test]
    fn what_is_not_understood_covers_nothing() {
        for list in ["", ",", ".", "*.", "10.0.0.0/33", "10.0.0.0/x", "a:b", "*.*.org"] {
            assert!(!covers(list, "a:1") && !covers(list, "10.0.0.1:1"), "{list:?}");
        }
    }
}
