//! Private keys: ECDSA on P-256.

use std::fmt;
use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};
use rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroize as _;

/// A private key. Its encoding is erased when it is dropped; it is never copied or printed.
pub(crate) struct PrivateKey(KeyPair);

impl PrivateKey {
    /// Draws a new key.
    pub(crate) fn generate() -> Result<Self, rcgen::Error> {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map(Self)
    }

    /// Takes a key in PKCS #8.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, rcgen::Error> {
        let der = PrivatePkcs8KeyDer::from(der);
        KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256).map(Self)
    }

    /// The key in PKCS #8.
    pub(crate) fn der(&self) -> &[u8] {
        self.0.serialized_der()
    }

    /// The public half as a SubjectPublicKeyInfo.
    pub(crate) fn public_der(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }

    /// The key in the form in which a handshake signs.
    pub(crate) fn for_handshakes(
        &self,
    ) -> Result<Arc<dyn rustls::sign::SigningKey>, rustls::Error> {
        any_ecdsa_type(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.der())))
    }
}

impl PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(<redacted>)")
    }
}
