//! What a connection is made of: certificates and requests for them, answers of proxies, frames.

use std::time::Instant;

use ripieno_transport::authority::RevocationList;
use ripieno_transport::client::{Endpoint, NoProxy, Proxy, proxy_answer};
use ripieno_transport::request::VerifiedRequest;
use ripieno_transport::{CaCertificate, PeerCertificate, TlsIdentity, TrustedAuthorities};

use super::{fair, folder, write_private};
use crate::allocations::within;
use crate::frames::Frames;
use crate::input::Input;

/// One of them.
pub fn connection(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte() % 8;
    let rest = input.rest();
    // What a parser of X.509 keeps of each name and extension is larger than they are.
    within(fair(8 * data.len()), || match kind {
        0 => {
            if let Ok(request) = VerifiedRequest::from_der(rest) {
                assert!(!request.public_key().is_empty());
            }
        }
        1 => drop(RevocationList::from_der(rest)),
        2 => {
            drop(PeerCertificate::from_der(rest));
            if let Ok(authority) = CaCertificate::from_der(rest) {
                let again = TrustedAuthorities::from_pem(&authority.pem()).expect("its own text");
                assert_eq!(again.certificates(), [authority]);
            }
        }
        3 => trusted(rest),
        4 => files(rest),
        5 => proxy(rest),
        6 => addresses(rest),
        _ => frames(rest),
    });
}

fn trusted(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    if let Ok(trusted) = TrustedAuthorities::from_pem(text) {
        assert!((1..=2).contains(&trusted.certificates().len()));
    }
}

fn files(text: &[u8]) {
    let path = folder().join("file.pem");
    write_private(&path, text);
    drop(TlsIdentity::load(&path));
    drop(RevocationList::load(&path));
}

/// What an answer says does not depend on what comes behind its head, but that nothing may.
fn proxy(bytes: &[u8]) {
    let whole = proxy_answer(bytes);
    let Some(Ok(())) = whole else { return };
    assert!(proxy_answer(&bytes[..bytes.len() - 1]).is_none_or(|cut| cut.is_err()));
    let longer = [bytes, b"\0"].concat();
    assert!(proxy_answer(&longer).is_some_and(|answer| answer.is_err()), "something came behind");
}

fn addresses(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    if let Ok(endpoint) = text.parse::<Endpoint>() {
        assert_eq!(endpoint.to_string().parse(), Ok(endpoint.clone()), "{endpoint}");
        let covered = NoProxy::parse(text).covers(&endpoint);
        assert!(!covered || !text.trim().is_empty());
    }
    if let Ok(proxy) = Proxy::parse("https_proxy", text) {
        let shown = format!("{proxy:?}");
        assert!(shown.contains(&proxy.endpoint().port().to_string()), "{shown}");
    }
}

/// Frames are the same however they are cut.
fn frames(bytes: &[u8]) {
    let now = Instant::now();
    let (mut whole, mut cut) = (Frames::new(now), Frames::new(now));
    let one = whole.received(bytes, now);
    let other = bytes.iter().try_for_each(|byte| cut.received(&[*byte], now));
    assert_eq!(one, other);
    if one.is_ok() {
        let state = |frames: &Frames| (frames.begun(), frames.unfinished_since());
        assert_eq!(state(&whole), state(&cut));
    }
}
