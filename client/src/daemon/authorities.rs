//! Whom the site trusts to certify connections: what its invitation named, and then what the
//! coordinator signs with the key that the invitation named and every charter names.

use std::io::Read as _;

use bytes::Bytes;
use ripieno_audit::{Event, Kind};
use ripieno_identity::AuthorityList;
use ripieno_study::Digest;
use ripieno_terminal::Failure;
use ripieno_transport::{CaCertificate, TlsIdentity, TrustedAuthorities};
use ripieno_wire::{decode_authorities, encode_authorities};
use tokio::time::Instant;
use tracing::info;

use super::alarms::About;
use super::keeper::Keeper;
use super::renewal;
use crate::clock::now;
use crate::config::Coordinator;
use crate::layout::{self, Layout};

/// The largest file of a list, in bytes.
const MAX_LIST: u64 = 16 << 10;

/// Whom the site trusts, and how it will show itself when it connects next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// Number and digest of the signed list of authorities.
    list: Option<(u64, Digest)>,
    /// SHA-256 of the certificate.
    certificate: Option<Digest>,
}

impl Holdings {
    /// As the coordinator is told.
    pub(crate) fn encode(self) -> ripieno_rpc::Holdings {
        let bytes = |digest: Option<Digest>| {
            digest.map(|digest| Bytes::copy_from_slice(digest.as_bytes())).unwrap_or_default()
        };
        ripieno_rpc::Holdings {
            list: self.list.map_or(0, |(number, _)| number),
            digest: bytes(self.list.map(|(_, digest)| digest)),
            certificate: bytes(self.certificate),
        }
    }
}

impl Keeper {
    /// What the site holds for its next connection.
    pub(super) fn holdings(&self) -> Holdings {
        let layout = &self.config.layout;
        let held = held(layout).filter(|list| is_in_use(list, layout));
        let list = held.zip(self.config.site.coordinator.as_ref());
        let identity = TlsIdentity::load(&layout.connection()).ok();
        Holdings {
            list: list
                .map(|(list, other)| (list.number, list.digest(&other.federation, other.key))),
            certificate: identity.map(|own| *own.certificate().fingerprint.digest()),
        }
    }

    /// A new certificate is on the disk.
    pub(super) fn recertified(&mut self) {
        self.alarms.clear(About::Certificate);
        let holdings = self.holdings();
        self.outbox.push_holdings(holdings);
    }

    /// Takes a list of authorities over, if the coordinator signed it and it is newer than the one
    /// that the site holds.
    pub(super) fn take_authorities(&mut self, bytes: Bytes) -> Result<(), Failure> {
        let Some(coordinator) = self.config.site.coordinator.clone() else { return Ok(()) };
        match verified(bytes, held(&self.config.layout).as_ref(), &coordinator) {
            Ok((list, trusted)) => {
                if !is_in_use(&list, &self.config.layout) {
                    // Each one that is trusted is written down, whatever else was: so they are few.
                    if !self.lists.spend(Instant::now()) {
                        return self.list_not_taken("there were too many in the last hour");
                    }
                    self.trust(&list, &trusted)?;
                }
            }
            Err(reason) => return self.list_not_taken(&reason),
        }
        self.alarms.clear(About::Authorities);
        let holdings = self.holdings();
        self.outbox.push_holdings(holdings);
        Ok(())
    }

    fn list_not_taken(&mut self, reason: &str) -> Result<(), Failure> {
        let text = format!(
            "the coordinator's list of authorities is not taken: {reason}. Call the federation's \
             operator, on a number that you know"
        );
        self.alarm(About::Authorities, text)
    }

    fn trust(&mut self, list: &AuthorityList, trusted: &TrustedAuthorities) -> Result<(), Failure> {
        let event = Event::new(Kind::Membership, now()).with("step", "authorities");
        let mut event = event.with("number", list.number);
        for one in trusted.certificates() {
            event = event.with("authority", one.fingerprint());
        }
        self.note(event)?;
        let write =
            |name, bytes: &[u8]| self.inventory.write(name, bytes, 0o644).map_err(Failure::output);
        write(layout::AUTHORITIES, trusted.to_pem().as_bytes())?;
        // Last: without it, what was interrupted is done again.
        write(layout::AUTHORITIES_SIGNED, &encode_authorities(list))?;
        info!(number = list.number, "a list of authorities is trusted");
        Ok(())
    }
}

/// The list that was taken over last. One that cannot be read counts as none: the coordinator
/// sends it again.
pub(crate) fn held(layout: &Layout) -> Option<AuthorityList> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(layout.authorities_signed()).ok()?;
    file.take(MAX_LIST + 1).read_to_end(&mut bytes).ok()?;
    decode_authorities(bytes.into()).ok()
}

/// Whether this list is the one that was taken over last, and its authorities are trusted. After
/// another enrolment they need not be.
fn is_in_use(list: &AuthorityList, layout: &Layout) -> bool {
    let Ok(trusted) = TrustedAuthorities::load(&layout.authorities()) else { return false };
    let trusted = trusted.certificates().iter().map(CaCertificate::der);
    held(layout).as_ref() == Some(list) && trusted.eq(list.authorities.iter().map(Vec::as_slice))
}

/// The list, and whom it trusts, where it is the one that is held or a newer one.
pub(crate) fn verified(
    bytes: Bytes,
    held: Option<&AuthorityList>,
    coordinator: &Coordinator,
) -> Result<(AuthorityList, TrustedAuthorities), String> {
    let list = decode_authorities(bytes).map_err(|error| error.to_string())?;
    let newer = held.filter(|held| *held != &list);
    let number = newer.map_or(0, |held| held.number);
    list.verify_after(number, &coordinator.federation, coordinator.key)
        .map_err(|error| error.to_string())?;
    let ders: Vec<_> = list.authorities.iter().map(|der| Bytes::copy_from_slice(der)).collect();
    let trusted = renewal::authorities(&ders)?;
    Ok((list, trusted))
}

#[cfg(test)]
mod tests {
    use ripieno_identity::SigningKey;
    use ripieno_transport::authority::{Authority, Validity};

    use super::*;

    fn coordinator(key: &SigningKey) -> Coordinator {
        let address = "127.0.0.1:1".parse().unwrap();
        Coordinator { address, key: key.public(), federation: "North".into() }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&zeroize::Zeroizing::new([seed; 32]))
    }

    fn authority() -> Vec<u8> {
        let validity = Validity { from: std::time::SystemTime::now(), days: 30 };
        let made = Authority::create(&"North".parse().unwrap(), validity).unwrap();
        made.certificate().der().to_vec()
    }

    #[test]
    fn only_a_newer_list_of_the_coordinator_is_taken() {
        let own = key(1);
        let der = authority();
        let list =
            |number, key: &SigningKey| AuthorityList::sign(number, vec![der.clone()], "North", key);
        let take = |list: &AuthorityList, held: Option<&AuthorityList>| {
            verified(encode_authorities(list), held, &coordinator(&own)).map(|(list, _)| list)
        };
        let (second, third) = (list(2, &own), list(3, &own));
        assert_eq!(take(&second, None).as_ref(), Ok(&second));
        assert_eq!(take(&third, Some(&second)).as_ref(), Ok(&third));
        assert_eq!(take(&third, Some(&third)).as_ref(), Ok(&third), "the one that is held");
        assert!(take(&second, Some(&third)).unwrap_err().contains("number 3 is held"));
        assert!(take(&list(4, &key(2)), Some(&third)).unwrap_err().contains("not signed"));
        let mut unsigned = third.clone();
        unsigned.number = 4;
        assert!(take(&unsigned, Some(&third)).unwrap_err().contains("not signed"));
        let other = AuthorityList::sign(3, vec![authority()], "North", &own);
        assert!(take(&other, Some(&third)).unwrap_err().contains("number 3 is held"));
        let no_certificate = AuthorityList::sign(4, vec![b"none".to_vec()], "North", &own);
        assert!(take(&no_certificate, Some(&third)).is_err());
    }
}
