//! Certificates for another use than the one that they are shown for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use ripieno_transport::TlsIdentity;
use ripieno_transport::client::{CertificateProblem, ConnectError};
use ripieno_transport::server::Limits;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{Federation, pair, serve, within};

/// A certificate by the federation's authority for `localhost`, for this use.
fn issue(north: &Federation, folder: &Path, usage: ExtendedKeyUsagePurpose) -> TlsIdentity {
    let path = folder.join("authority.pem");
    north.authority.save(&path).unwrap();
    let key = PrivateKeyDer::from_pem_file(&path).unwrap();
    let authority = CertificateDer::from_pem_file(&path).unwrap();
    let key = KeyPair::try_from(&key).unwrap();
    let issuer = Issuer::from_ca_cert_der(&authority, key).unwrap();
    let own = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "hub");
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&own, &issuer).unwrap();
    let section = |kind: &str, der: &[u8]| {
        let text = BASE64_STANDARD.encode(der).into_bytes();
        let lines: Vec<&str> = text.chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
    };
    let text =
        section("PRIVATE KEY", &own.serialize_der()) + &section("CERTIFICATE", certificate.der());
    let path = folder.join("server.pem");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    TlsIdentity::load(&path).unwrap()
}

#[tokio::test]
async fn a_site_takes_no_certificate_of_a_client_for_the_coordinators() {
    let north = Federation::new();
    let folder = tempfile::tempdir().unwrap();
    let [client, server] =
        [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth]
            .map(|usage| issue(&north, folder.path(), usage));
    // Of the right authority, for the right name, in time.
    let (acceptor, _incoming) = serve(north.server_tls_with(&client, &[]), Limits::default()).await;
    let connector = north.connector(acceptor.local_address(), None);
    let error = within(connector.connect()).await.map(drop).unwrap_err();
    let ConnectError::Certificate { problem: CertificateProblem::WrongUse, .. } = &error else {
        panic!("{error}");
    };
    // For the other use it is taken.
    let (acceptor, mut incoming) =
        serve(north.server_tls_with(&server, &[]), Limits::default()).await;
    pair(&north.connector(acceptor.local_address(), None), &mut incoming).await;
}
