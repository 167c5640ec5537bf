//! Whom a researcher trusts to certify the coordinator: the authority that joining pinned, and then
//! those that the coordinator signs with the key that every charter names.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use ripieno_identity::authorities::NotTaken;
use ripieno_identity::{AuthorityList, PublicKey};
use ripieno_terminal::{Failure, to_stderr};
use ripieno_transport::{BadTrust, CaCertificate, TrustedAuthorities};
use ripieno_wire::decode_authorities;

use super::failure::of_answer;

/// The largest file of a list, in bytes.
const MAX_LIST: u64 = 16 << 10;

/// A signed list, and whom it trusts.
pub(super) struct Followed {
    pub(super) list: AuthorityList,
    pub(super) trusted: TrustedAuthorities,
}

/// The list that the coordinator shows, where it signed it and it is newer than the one that is
/// held. An older one is passed over, with a word about it.
///
/// # Errors
/// Where the list is none of this federation's coordinator.
pub(super) fn newer(
    shown: Bytes,
    held: Option<&AuthorityList>,
    federation: &str,
    coordinator: PublicKey,
) -> Result<Option<Followed>, Failure> {
    // A coordinator that has signed none yet shows none.
    if shown.is_empty() {
        return Ok(None);
    }
    let list = decode_authorities(shown).map_err(of_answer)?;
    if held == Some(&list) {
        return Ok(None);
    }
    let number = held.map_or(0, |held| held.number);
    match list.verify_after(number, federation, coordinator) {
        Ok(()) => {}
        Err(older @ NotTaken::Older { .. }) => {
            to_stderr(&format!(
                "note: {older}; it may have been restored from an old backup: tell whoever \
                 operates the coordinator"
            ));
            return Ok(None);
        }
        Err(error) => return Err(of_answer(error)),
    }
    let trusted = trusted(&list).map_err(of_answer)?;
    Ok(Some(Followed { list, trusted }))
}

/// The list that was taken over last. One that cannot be read counts as none: the coordinator shows
/// it again.
pub(super) fn held(path: &Path) -> Option<AuthorityList> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_LIST + 1).read_to_end(&mut bytes).ok()?;
    decode_authorities(bytes.into()).ok()
}

fn trusted(list: &AuthorityList) -> Result<TrustedAuthorities, BadTrust> {
    let certificates = list.authorities.iter().map(|der| CaCertificate::from_der(der));
    TrustedAuthorities::new(certificates.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use ripieno_identity::SigningKey;
    use ripieno_transport::authority::{Authority, Validity};
    use ripieno_wire::encode_authorities;

    use super::super::home::Home;
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&zeroize::Zeroizing::new([seed; 32]))
    }

    fn authority() -> CaCertificate {
        let validity = Validity { from: SystemTime::now(), days: 30 };
        Authority::create(&"North".parse().unwrap(), validity).unwrap().certificate().clone()
    }

    fn sign(number: u64, one: &CaCertificate, key: &SigningKey) -> AuthorityList {
        AuthorityList::sign(number, vec![one.der().to_vec()], "North", key)
    }

    #[test]
    fn a_newer_list_of_the_coordinator_is_kept_and_trusted() {
        let (folder, own, next) = (tempfile::tempdir().unwrap(), key(1), authority());
        let home = Home::at(Some(folder.path())).unwrap();
        let shown = |list: &AuthorityList, held: Option<&AuthorityList>| {
            newer(encode_authorities(list), held, "North", own.public())
        };
        let second = sign(2, &next, &own);
        assert_eq!(home.list(), None);
        home.follow(&shown(&second, None).unwrap().unwrap()).unwrap();
        assert_eq!(home.list().as_ref(), Some(&second));
        let trusted = TrustedAuthorities::load(&folder.path().join("authorities.pem")).unwrap();
        assert_eq!(trusted.certificates(), std::slice::from_ref(&next));
        let held = home.list();
        assert!(shown(&second, held.as_ref()).unwrap().is_none(), "held already");
        assert!(shown(&sign(1, &next, &own), held.as_ref()).unwrap().is_none(), "older");
        assert!(shown(&sign(3, &next, &own), held.as_ref()).unwrap().is_some());
        assert!(newer(Bytes::new(), held.as_ref(), "North", own.public()).unwrap().is_none());
    }

    #[test]
    fn a_list_of_somebody_else_ends_the_command() {
        let (own, next) = (key(1), authority());
        let refused = |list: &AuthorityList| {
            let found = newer(encode_authorities(list), None, "North", own.public());
            let Err(failure) = found else { panic!("it is taken") };
            failure.text()
        };
        assert!(refused(&sign(1, &next, &key(2))).contains("not signed by"));
        let mut changed = sign(1, &next, &own);
        changed.number = 2;
        assert!(refused(&changed).contains("not signed by"));
        let none = AuthorityList::sign(1, vec![b"none".to_vec()], "North", &own);
        assert!(refused(&none).contains("X.509"));
    }
}
