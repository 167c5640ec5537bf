//! A federation of three sites, with keys that every run draws alike.

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_identity::charter::{Charter, CharterFields, CharterSite, FederationPolicy};
use ripieno_identity::ratification::{CharterConsent, RatifiedCharter, consent_digest};
use ripieno_identity::{PublicKey, SigningKey};
use ripieno_study::SiteIndex;

/// The key number `n`.
pub(crate) fn key(n: u64) -> SigningKey {
    SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(n))
}

pub(crate) fn index(index: u16) -> SiteIndex {
    SiteIndex::new(index).expect("tests use indices from 1")
}

/// Site `i` has key number `i`; the coordinator has key number 1000.
pub(crate) fn site(i: u16) -> CharterSite {
    CharterSite { index: index(i), name: format!("site-{i}"), key: public(u64::from(i)) }
}

pub(crate) fn public(n: u64) -> PublicKey {
    key(n).public()
}

/// Version 1 with sites 1 to `n`, c = 0, and the smallest quorum.
pub(crate) fn fields(n: u16) -> CharterFields {
    CharterFields {
        federation: "cardiology".into(),
        version: 1,
        previous: None,
        sites: (1..=n).map(site).collect(),
        next_index: n + 1,
        coordinator: public(1000),
        corrupt: 0,
        quorum: n / 2 + 1,
        policy: FederationPolicy { minimum_sites: 3 },
    }
}

/// The consents of these sites, each with its own key.
pub(crate) fn consents(charter: &Charter, sites: &[u16]) -> Vec<CharterConsent> {
    let sign = |&i: &u16| CharterConsent {
        site: index(i),
        signature: key(u64::from(i)).sign(&consent_digest(charter, index(i))),
    };
    sites.iter().map(sign).collect()
}

/// The federation of sites 1 to `n`, founded.
pub(crate) fn founded(n: u16) -> RatifiedCharter {
    let charter = Charter::new(fields(n)).expect("a good charter");
    let signed = consents(&charter, &(1..=n).collect::<Vec<_>>());
    RatifiedCharter::found(charter, signed).expect("all its sites signed")
}
