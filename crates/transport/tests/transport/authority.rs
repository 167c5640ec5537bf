//! What an authority issues, and how its files and those of a site are kept.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, PKCS_ECDSA_P384_SHA384,
};
use ripieno_transport::authority::{
    Authority, AuthorityError, MAX_CERTIFICATE_DAYS, RevocationList, Validity,
};
use ripieno_transport::request::{
    BadAnswer, BadRequest, MAX_REQUEST, PendingRequest, VerifiedRequest,
};
use ripieno_transport::{
    BadTrust, CaCertificate, FileError, Fingerprint, Serial, TlsIdentity, TrustedAuthorities,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::support::{DAY, Federation, days, name};

#[test]
fn a_request_must_be_signed_by_its_own_key() {
    let der = PendingRequest::create().unwrap().der().to_vec();
    let good = VerifiedRequest::from_der(&der).unwrap();
    let mut refused = 0;
    for position in 0..der.len() {
        let mut changed = der.clone();
        changed[position] ^= 1;
        match VerifiedRequest::from_der(&changed) {
            Err(BadRequest::Signature) => refused += 1,
            Err(_) => {}
            // Nothing but what is not signed may be changed, and then the key is the same.
            Ok(request) => assert_eq!(request.public_key(), good.public_key(), "byte {position}"),
        }
    }
    assert!(refused > 100, "{refused} of {}", der.len());
}

#[test]
fn a_request_of_another_kind_is_refused() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let other = CertificateParams::default().serialize_request(&key).unwrap();
    assert_eq!(VerifiedRequest::from_der(other.der()), Err(BadRequest::Key));
    let mut longer = PendingRequest::create().unwrap().der().to_vec();
    longer.push(0);
    assert_eq!(VerifiedRequest::from_der(&longer), Err(BadRequest::Encoding));
    assert_eq!(VerifiedRequest::from_der(&[0x30; MAX_REQUEST + 1]), Err(BadRequest::Encoding));
    assert_eq!(VerifiedRequest::from_der(b""), Err(BadRequest::Encoding));
}

#[test]
fn what_a_request_claims_is_not_certified() {
    let key = KeyPair::generate().unwrap();
    let mut claims = CertificateParams::new(vec!["coordinator.example.org".to_owned()]).unwrap();
    claims.distinguished_name = DistinguishedName::new();
    claims.distinguished_name.push(DnType::CommonName, "another hospital");
    claims.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    claims.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let request = claims.serialize_request(&key).unwrap();
    let request = VerifiedRequest::from_der(request.der()).unwrap();

    let north = Federation::new();
    let issued = north.authority.issue_site(&request, &name("St. Anna"), days(30)).unwrap();
    assert_eq!(issued.certificate.subject, name("St. Anna"));
    let (_, certificate) = X509Certificate::from_der(&issued.der).unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=St. Anna");
    assert!(!certificate.is_ca());
    assert!(certificate.subject_alternative_name().unwrap().is_none());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert_eq!(certificate.public_key().raw, request.public_key());
}

#[test]
fn a_life_is_bounded_and_ends_with_the_authority() {
    let north = Federation::new();
    let pending = PendingRequest::create().unwrap();
    let request = VerifiedRequest::from_der(pending.der()).unwrap();
    let issue = |validity| north.authority.issue_site(&request, &name("site"), validity);
    for bad in [0, MAX_CERTIFICATE_DAYS + 1] {
        let error = issue(days(bad)).unwrap_err();
        assert!(
            matches!(error, AuthorityError::Days { most: MAX_CERTIFICATE_DAYS, .. }),
            "{error}"
        );
    }
    let end = north.authority.certificate().not_after();
    let late = Validity { from: end - DAY, days: 30 };
    assert_eq!(issue(late).unwrap().certificate.not_after, end);
    let after = Validity { from: end + DAY, days: 30 };
    assert!(matches!(issue(after), Err(AuthorityError::Ended)));
    let serials = [issue(days(1)).unwrap(), issue(days(1)).unwrap()].map(|i| i.certificate.serial);
    assert_ne!(serials[0], serials[1], "one key, two certificates, two numbers");
}

#[test]
fn a_server_has_names_that_are_names() {
    let north = Federation::new();
    let issue = |hosts: &[&str]| north.authority.issue_server(&name("c"), hosts, days(1));
    assert!(matches!(issue(&[]), Err(AuthorityError::ServerNames(0))));
    assert!(matches!(issue(&["a"; 33]), Err(AuthorityError::ServerNames(33))));
    assert!(
        matches!(issue(&["ok", "not a host"]), Err(AuthorityError::ServerName(bad)) if bad == "not a host")
    );
    assert!(issue(&["hub.example.org", "192.0.2.1", "2001:db8::1"]).is_ok());
}

#[test]
fn a_list_says_what_is_revoked_and_until_when_it_counts() {
    let (north, south) = (Federation::new(), Federation::new());
    let serial = north.site("gone").certificate().serial.clone();
    let list = north.list(7, &[&serial]);
    assert_eq!((list.number(), list.serials().iter().collect::<Vec<_>>()), (7, vec![&serial]));
    assert!(list.next_update() > SystemTime::now() + 6 * DAY);
    assert!(list.is_signed_by(north.authority.certificate()));
    assert!(!list.is_signed_by(south.authority.certificate()));
    let mut forged = list.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = RevocationList::from_der(&forged).unwrap();
    assert!(!forged.is_signed_by(north.authority.certificate()));
    assert_eq!(north.list(0, &[]).number(), 0);
    assert_eq!(north.list(u64::MAX, &[]).number(), u64::MAX);
}

#[test]
fn a_site_takes_only_the_certificate_for_its_own_request() {
    let (north, south) = (Federation::new(), Federation::new());
    let accept = |pending: PendingRequest, certificate: &[u8]| {
        pending.accept(certificate, &north.trusted(), SystemTime::now())
    };
    let pending = PendingRequest::create().unwrap();
    let others = north.site("other");
    let error = accept(pending, others.certificate_der()).unwrap_err();
    assert!(matches!(error, BadAnswer::Certificate(_)), "{error}");

    let pending = PendingRequest::create().unwrap();
    let request = VerifiedRequest::from_der(pending.der()).unwrap();
    let foreign = south.authority.issue_site(&request, &name("site"), days(1)).unwrap();
    assert!(matches!(accept(pending, &foreign.der), Err(BadAnswer::NotIssued(_))));

    let pending = PendingRequest::create().unwrap();
    let request = VerifiedRequest::from_der(pending.der()).unwrap();
    let before = Validity { from: SystemTime::now() - 20 * DAY, days: 10 };
    let ended = north.authority.issue_site(&request, &name("site"), before).unwrap();
    assert!(matches!(accept(pending, &ended.der), Err(BadAnswer::NotIssued(_))));
}

#[test]
fn files_round_trip_with_their_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file);
    let north = Federation::new();

    north.authority.save(&path("authority.pem")).unwrap();
    let loaded = Authority::load(&path("authority.pem")).unwrap();
    assert_eq!(loaded.certificate(), north.authority.certificate());
    assert_eq!(loaded.certificate().not_after(), north.authority.certificate().not_after());
    // What it issues after a restart is from the same authority.
    assert!(
        loaded.issue_list(&[], 1, days(1)).unwrap().is_signed_by(north.authority.certificate())
    );

    let pending = PendingRequest::create().unwrap();
    pending.save(&path("request.pem")).unwrap();
    let request = VerifiedRequest::from_der(pending.der()).unwrap();
    let issued = loaded.issue_site(&request, &name("site"), days(30)).unwrap();
    let pending = PendingRequest::load(&path("request.pem")).unwrap();
    let site = pending.accept(&issued.der, &north.trusted(), SystemTime::now()).unwrap();
    site.save(&path("site.pem")).unwrap();
    assert_eq!(TlsIdentity::load(&path("site.pem")).unwrap().certificate(), &issued.certificate);

    north.trusted().save(&path("trusted.pem")).unwrap();
    assert_eq!(TrustedAuthorities::load(&path("trusted.pem")).unwrap(), north.trusted());
    let list = north.list(3, &[&issued.certificate.serial]);
    list.save(&path("revoked.pem")).unwrap();
    assert_eq!(RevocationList::load(&path("revoked.pem")).unwrap(), list);

    for (file, expected) in [
        ("authority.pem", 0o600),
        ("request.pem", 0o600),
        ("site.pem", 0o600),
        ("trusted.pem", 0o644),
        ("revoked.pem", 0o644),
    ] {
        let mode = fs::metadata(path(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{file}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "nothing else is left");
}

#[test]
fn a_file_cut_short_or_mixed_up_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.pem");
    let north = Federation::new();
    type Load = fn(&Path) -> Option<FileError>;
    let cases: [(&dyn Fn(), Load); 5] = [
        (&|| north.authority.save(&path).unwrap(), |path| Authority::load(path).err()),
        (&|| north.site("s").save(&path).unwrap(), |path| TlsIdentity::load(path).err()),
        (&|| PendingRequest::create().unwrap().save(&path).unwrap(), |path| {
            PendingRequest::load(path).err()
        }),
        (&|| north.trusted().save(&path).unwrap(), |path| TrustedAuthorities::load(path).err()),
        (&|| north.list(1, &[]).save(&path).unwrap(), |path| RevocationList::load(path).err()),
    ];
    for (i, (save, load)) in cases.iter().enumerate() {
        save();
        assert!(load(&path).is_none(), "case {i}");
        let whole = fs::read(&path).unwrap();
        for length in (0..whole.trim_ascii_end().len()).step_by(7) {
            fs::write(&path, &whole[..length]).unwrap();
            let error = load(&path).unwrap_or_else(|| panic!("case {i}, {length} bytes"));
            assert!(error.to_string().contains("some.pem"), "{error}");
        }
    }

    // The key of one with the certificate of another.
    north.site("a").save(&path).unwrap();
    let key = fs::read_to_string(&path).unwrap();
    let (key, _) = key.split_once("-----BEGIN CERTIFICATE").unwrap();
    let mixed = format!("{key}{}", north.authority.certificate().pem());
    fs::write(&path, &mixed).unwrap();
    assert!(Authority::load(&path).unwrap_err().to_string().contains("another key"));
    assert!(TlsIdentity::load(&path).is_err());
}

#[test]
fn an_authority_is_known_by_its_fingerprint() {
    let north = Federation::new();
    let certificate = north.authority.certificate();
    let text = certificate.fingerprint().to_string();
    assert_eq!(text.len(), 95);
    assert_eq!(text.parse::<Fingerprint>().unwrap(), Fingerprint::of(certificate.der()));
    assert!(
        certificate.subject().starts_with("O=North, CN=authority "),
        "{}",
        certificate.subject()
    );
    assert_eq!(&CaCertificate::from_der(certificate.der()).unwrap(), certificate);
}

#[test]
fn only_one_or_two_authorities_are_trusted_and_nothing_else() {
    let (north, south) = (Federation::new(), Federation::new());
    let of = |one: &Federation| one.authority.certificate().clone();
    let trust = TrustedAuthorities::new;
    assert_eq!(trust(vec![]), Err(BadTrust::Count(0)));
    assert_eq!(
        trust(vec![of(&north), of(&south), of(&Federation::new())]),
        Err(BadTrust::Count(3))
    );
    assert!(matches!(trust(vec![of(&north), of(&north)]), Err(BadTrust::Twice(_))));
    assert!(trust(vec![of(&north), of(&south)]).is_ok());
    let site = north.site("site");
    assert!(matches!(
        CaCertificate::from_der(site.certificate_der()),
        Err(BadTrust::NotAnAuthority(_))
    ));
}

#[test]
fn a_key_is_never_printed() {
    let north = Federation::new();
    let (site, pending) = (north.site("site"), PendingRequest::create().unwrap());
    for text in [format!("{:?}", north.authority), format!("{site:?}"), format!("{pending:?}")] {
        assert!(text.contains("<redacted>") || text.contains("[elided]"), "{text}");
        assert!(!text.contains("PKCS") && !text.contains("serialized_der"), "{text}");
    }
}

#[test]
fn a_serial_number_survives_its_text() {
    let north = Federation::new();
    let serial = north.site("site").certificate().serial.clone();
    assert_eq!(serial.to_string().parse::<Serial>(), Ok(serial));
}
