//! Charters and a keeper for tests.

use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    Charter, CharterConsent, CharterFields, CharterSite, FederationPolicy, PublicKey,
    RatifiedCharter, SigningKey,
};
use ripieno_study::SiteIndex;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::keeper::Keeper;
use super::remote::Connection;
use crate::config::Config;
use crate::state::State;

pub(crate) fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([n; 32]))
}

fn index(i: u16) -> SiteIndex {
    SiteIndex::new(i).unwrap()
}

/// Version 1 of the keys 1, 2, 3, and, as site 4, of `own`.
pub(crate) fn first(own: Option<PublicKey>, coordinator: u8) -> Charter {
    let keys = (1..=3).map(|n| key(n).public()).chain(own);
    let sites: Vec<_> = (1..)
        .zip(keys)
        .map(|(i, key)| CharterSite { index: index(i), name: format!("site {i}"), key })
        .collect();
    charter(1, None, sites, coordinator)
}

/// The version after `before`, with `own` as site 5.
pub(crate) fn with_newcomer(before: &RatifiedCharter, own: PublicKey, coordinator: u8) -> Charter {
    let fields = before.charter().fields();
    let mut sites = fields.sites.clone();
    sites.push(CharterSite { index: index(5), name: "site 5".into(), key: own });
    charter(fields.version + 1, Some(before), sites, coordinator)
}

/// The version after `before`, without site 4.
pub(crate) fn without_fourth(before: &RatifiedCharter) -> Charter {
    let fields = before.charter().fields();
    let sites = fields.sites.iter().filter(|site| site.index.get() != 4).cloned().collect();
    charter(fields.version + 1, Some(before), sites, 200)
}

/// The same sites once more, in a charter that differs by `next_index`.
pub(crate) fn again(before: &RatifiedCharter, more: u16) -> Charter {
    let mut fields = before.charter().fields().clone();
    fields.version += 1;
    fields.previous = Some(before.digest());
    fields.next_index += more;
    Charter::new(fields).unwrap()
}

fn charter(
    version: u32,
    before: Option<&RatifiedCharter>,
    sites: Vec<CharterSite>,
    coordinator: u8,
) -> Charter {
    Charter::new(CharterFields {
        federation: "North".into(),
        version,
        previous: before.map(RatifiedCharter::digest),
        quorum: u16::try_from(sites.len()).unwrap(),
        sites,
        next_index: before.map_or(5, |_| 6),
        coordinator: key(coordinator).public(),
        corrupt: 0,
        policy: FederationPolicy { minimum_sites: 3 },
    })
    .unwrap()
}

fn consents(electorate: &Charter, charter: &Charter, own: &SigningKey) -> Vec<CharterConsent> {
    let sign = |site: &CharterSite| {
        let digest = consent_digest(charter, site.index);
        let other = u8::try_from(site.index.get()).map(key).unwrap();
        let signer = if site.key == own.public() { own } else { &other };
        CharterConsent { site: site.index, signature: signer.sign(&digest) }
    };
    electorate.fields().sites.iter().map(sign).collect()
}

pub(crate) fn found(charter: Charter, own: &SigningKey) -> RatifiedCharter {
    let signed = consents(&charter, &charter, own);
    RatifiedCharter::found(charter, signed).unwrap()
}

pub(crate) fn succeed(
    before: &RatifiedCharter,
    charter: Charter,
    own: &SigningKey,
) -> RatifiedCharter {
    let signed = consents(before.charter(), &charter, own);
    before.succeed(charter, signed).unwrap()
}

/// The keeper of a new site's folder.
pub(crate) fn keeper(dir: &std::path::Path) -> Keeper {
    if !dir.exists() {
        crate::init::init(dir, &"st-anna".parse().unwrap()).unwrap();
    }
    let config = Config::load(dir).unwrap();
    let state = State::open(&config).unwrap();
    let (gate, _) = crate::gate::open(&config).unwrap();
    let (_, connection) = watch::channel(Connection::default());
    Keeper::new(config, state, gate, connection).unwrap()
}
