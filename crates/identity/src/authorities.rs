//! Which authorities certify connections, as the coordinator signs it (docs/protocol.md §2,
//! authorities).
//!
//! Whoever has stolen an authority's key or a certificate can make connections with it, but cannot
//! make a site trust another authority: that takes the coordinator's own key, which an invitation
//! pins and every charter names.

use ripieno_study::{Digest, Hasher, Tag};
use thiserror::Error;

use crate::keys::{BadSignature, PublicKey, Signature, SigningKey};

/// The most authorities of a list: the present one and, while it is replaced, one other.
pub const MAX_AUTHORITIES: usize = 2;

/// A signed list as it was received or kept. [`verify`](Self::verify) says whether it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityList {
    /// From 1. A higher one replaces it.
    pub number: u64,
    /// Certificates, DER: 1 to [`MAX_AUTHORITIES`], the one that certifies now first.
    pub authorities: Vec<Vec<u8>>,
    /// Of the coordinator's key, over number and certificates in this order.
    pub signature: Signature,
}

/// Why a list is not taken over.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotTaken {
    /// It is not the coordinator's, or of another federation.
    #[error("the list of authorities is not signed by this federation's coordinator: {0}")]
    Signature(BadSignature),
    /// There is none, or there are too many.
    #[error("the list names {0} authorities, 1 to {MAX_AUTHORITIES} are allowed")]
    Count(usize),
    /// One that is as new or newer is held.
    #[error("the list of authorities has number {number}, and number {held} is held already")]
    Older {
        /// Its number.
        number: u64,
        /// That of the list that is held.
        held: u64,
    },
}

impl AuthorityList {
    /// Signs a list with the coordinator's key.
    #[must_use]
    pub fn sign(
        number: u64,
        authorities: Vec<Vec<u8>>,
        federation: &str,
        coordinator: &SigningKey,
    ) -> Self {
        let digest = digest(number, &authorities, federation, coordinator.public());
        Self { number, authorities, signature: coordinator.sign(&digest) }
    }

    /// Verifies that the coordinator signed it for this federation.
    ///
    /// # Errors
    /// [`NotTaken::Signature`] or [`NotTaken::Count`].
    pub fn verify(&self, federation: &str, coordinator: PublicKey) -> Result<(), NotTaken> {
        if !(1..=MAX_AUTHORITIES).contains(&self.authorities.len()) {
            return Err(NotTaken::Count(self.authorities.len()));
        }
        let digest = self.digest(federation, coordinator);
        coordinator.verify(&digest, &self.signature).map_err(NotTaken::Signature)
    }

    /// The same, and that it is newer than the one with the number `held`: 0 where none is held.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn verify_after(
        &self,
        held: u64,
        federation: &str,
        coordinator: PublicKey,
    ) -> Result<(), NotTaken> {
        self.verify(federation, coordinator)?;
        if self.number <= held {
            return Err(NotTaken::Older { number: self.number, held });
        }
        Ok(())
    }

    /// What is signed, by which site and coordinator also know whether they hold the same list.
    #[must_use]
    pub fn digest(&self, federation: &str, coordinator: PublicKey) -> Digest {
        digest(self.number, &self.authorities, federation, coordinator)
    }
}

fn digest(
    number: u64,
    authorities: &[Vec<u8>],
    federation: &str,
    coordinator: PublicKey,
) -> Digest {
    Hasher::new(Tag::Authorities)
        .part(federation)
        .part(coordinator)
        .number(number)
        .list(authorities.iter(), Hasher::part)
        .finish()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new([seed; 32]))
    }

    fn list() -> AuthorityList {
        AuthorityList::sign(7, vec![b"one".to_vec(), b"two".to_vec()], "North", &key(1))
    }

    #[test]
    fn only_a_newer_list_is_taken() {
        let (list, coordinator) = (list(), key(1).public());
        for held in [0, 6] {
            assert_eq!(list.verify_after(held, "North", coordinator), Ok(()));
        }
        for held in [7, 8, u64::MAX] {
            let older = Err(NotTaken::Older { number: 7, held });
            assert_eq!(list.verify_after(held, "North", coordinator), older);
        }
    }

    #[test]
    fn every_field_is_signed() {
        let coordinator = key(1).public();
        let refused = |list: &AuthorityList, federation| {
            matches!(list.verify(federation, coordinator), Err(NotTaken::Signature(_)))
        };
        assert!(refused(&list(), "South"));
        let changes: [fn(&mut AuthorityList); 5] = [
            |list| list.number += 1,
            |list| list.authorities.swap(0, 1),
            |list| list.authorities[1] = b"six".to_vec(),
            |list| drop(list.authorities.pop()),
            |list| list.authorities = vec![b"onetwo".to_vec()],
        ];
        for change in changes {
            let mut list = list();
            change(&mut list);
            assert!(refused(&list, "North"), "{list:?}");
        }
        let others = AuthorityList::sign(7, list().authorities, "North", &key(2));
        assert!(refused(&others, "North"));
    }

    #[test]
    fn a_list_has_one_or_two_authorities() {
        for count in [0, 3] {
            let list = AuthorityList::sign(1, vec![b"one".to_vec(); count], "North", &key(1));
            assert_eq!(list.verify("North", key(1).public()), Err(NotTaken::Count(count)));
        }
    }
}
