//! What an invited site signs to claim its key (docs/protocol.md §2, enrolment).

use ripieno_study::{Digest, Hasher, Tag};

use crate::keys::PublicKey;

/// What the coordinator keeps of the 32-byte secret of an invitation.
#[must_use]
pub fn secret_digest(secret: &[u8; 32]) -> Digest {
    Hasher::new(Tag::Invitation).part(secret).finish()
}

/// The digest of a certificate request (PKCS #10, DER).
#[must_use]
pub fn request_digest(der: &[u8]) -> Digest {
    Hasher::new(Tag::CertificateRequest).part(der).finish()
}

/// What a site signs with `key` when it enrols: the invitation is used up for this certificate
/// request and this key, at this coordinator. `secret` and `request` are the digests by
/// [`secret_digest`] and [`request_digest`].
#[must_use]
pub fn enrol_digest(
    coordinator: PublicKey,
    secret: &Digest,
    request: &Digest,
    key: &PublicKey,
) -> Digest {
    Hasher::new(Tag::Enrol).part(coordinator).part(secret).part(request).part(key).finish()
}
