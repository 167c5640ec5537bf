//! How vectors are read.

use std::convert::Infallible;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::{TryCryptoRng, TryRng};
use ripieno_identity::{PublicKey, Signature, SigningKey};
use ripieno_secagg::Head;
use ripieno_study::{Check, Culprit, Digest, Refusal, SiteIndex, SiteSet};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// A value of a file of vectors, with the way to it for messages.
#[derive(Clone)]
pub(crate) struct Vector {
    value: Value,
    path: String,
}

/// A whole file.
pub(crate) fn file(name: &str) -> Vector {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/vectors");
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect("a file of vectors");
    Vector { value: serde_json::from_str(&text).expect("JSON"), path: name.into() }
}

impl Vector {
    /// The value under a name.
    pub(crate) fn at(&self, name: impl Display + Copy) -> Self {
        let name = name.to_string();
        let value = self.value.get(&name).unwrap_or_else(|| panic!("{}.{name}", self.path));
        Self { value: value.clone(), path: format!("{}.{name}", self.path) }
    }

    /// The items of a list, of which there is at least one.
    pub(crate) fn list(&self, name: &str) -> Vec<Self> {
        let all = self.all(name);
        assert!(!all.is_empty(), "{}.{name} is empty", self.path);
        all
    }

    /// The items of a list that may be empty.
    pub(crate) fn all(&self, name: &str) -> Vec<Self> {
        let list = self.at(name);
        let items = list.value.as_array().unwrap_or_else(|| panic!("{} is no list", list.path));
        let item = |(i, value): (usize, &Value)| Self {
            value: value.clone(),
            path: format!("{}[{i}]", list.path),
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The values by site of an object.
    pub(crate) fn by_site(&self, name: &str) -> Vec<(SiteIndex, Self)> {
        let sites = self.at(name);
        let names: Vec<_> = sites.object().keys().cloned().collect();
        let entry = |name: &String| (site(name.parse().expect("a site")), sites.at(name));
        names.iter().map(entry).collect()
    }

    fn object(&self) -> &Map<String, Value> {
        self.value.as_object().unwrap_or_else(|| panic!("{} is no object", self.path))
    }

    /// This message with the fields of `spoilt.change` in place of its own.
    pub(crate) fn changed(&self, spoilt: &Self) -> Self {
        let mut object = self.object().clone();
        object.extend(spoilt.at("change").object().clone());
        Self { value: object.into(), path: spoilt.path.clone() }
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str) -> T {
        self.at(name).parse()
    }

    pub(crate) fn parse<T: DeserializeOwned>(&self) -> T {
        T::deserialize(&self.value).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name)
    }

    /// Name and place of this vector, for a message.
    pub(crate) fn label(&self) -> String {
        let name = self.value.get("name").and_then(Value::as_str).unwrap_or_default();
        format!("{}: {name}", self.path)
    }

    /// Bytes of any length.
    pub(crate) fn hex(&self) -> Vec<u8> {
        let text: String = self.parse();
        let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("digits");
        (0..text.len() / 2).map(byte).collect()
    }

    /// Exactly N bytes.
    pub(crate) fn array<const N: usize>(&self) -> [u8; N] {
        let bytes = self.hex();
        bytes.try_into().unwrap_or_else(|_| panic!("{} has not {N} bytes", self.path))
    }

    pub(crate) fn bytes(&self, name: &str) -> [u8; 32] {
        self.at(name).array()
    }

    pub(crate) fn digest(&self, name: &str) -> Digest {
        Digest::from_bytes(self.bytes(name))
    }

    pub(crate) fn digests(&self, name: &str) -> Vec<Digest> {
        self.all(name).iter().map(|item| Digest::from_bytes(item.array())).collect()
    }

    pub(crate) fn signature(&self, name: &str) -> Signature {
        Signature::from_bytes(self.at(name).array())
    }

    pub(crate) fn key(&self, name: &str) -> PublicKey {
        PublicKey::from_bytes(&self.bytes(name)).expect("a good key")
    }

    pub(crate) fn signer(&self, name: impl Display + Copy) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new(self.at(name).array()))
    }

    pub(crate) fn site(&self, name: &str) -> SiteIndex {
        site(self.get(name))
    }

    /// A list of sites in any order.
    pub(crate) fn sites(&self, name: &str) -> Vec<SiteIndex> {
        self.get::<Vec<u16>>(name).into_iter().map(site).collect()
    }

    pub(crate) fn set(&self, name: &str) -> SiteSet {
        SiteSet::from_increasing(self.sites(name)).expect("strictly increasing")
    }

    pub(crate) fn ledger(&self) -> Head {
        let head = self.at("ledger");
        Head { count: head.get("count"), digest: head.digest("head") }
    }

    pub(crate) fn lanes(&self, name: &str) -> Vec<u64> {
        let bytes = STANDARD.decode(self.text(name)).expect("base64");
        bytes.as_chunks::<8>().0.iter().map(|lane| u64::from_le_bytes(*lane)).collect()
    }

    /// A double, which is written as a text.
    pub(crate) fn double(&self, name: &str) -> f64 {
        self.text(name).parse().expect("a double")
    }

    pub(crate) fn doubles(&self, name: &str) -> Vec<f64> {
        let texts: Vec<String> = self.get(name);
        texts.iter().map(|text| text.parse().expect("a double")).collect()
    }
}

pub(crate) fn site(index: u16) -> SiteIndex {
    SiteIndex::new(index).expect("an index from 1")
}

/// A refusal by the check and with the culprit that the spoilt vector names.
#[track_caller]
pub(crate) fn assert_refused<T>(result: Result<T, Refusal>, spoilt: &Vector) {
    let label = spoilt.label();
    let Err(refusal) = result else { panic!("{label}: accepted") };
    assert_eq!(refusal.check, check(spoilt), "{label}: {refusal}");
    assert_eq!(refusal.culprit, culprit(spoilt), "{label}: {refusal}");
}

fn check(spoilt: &Vector) -> Check {
    Check::from_name(&spoilt.text("check")).expect("a check")
}

fn culprit(spoilt: &Vector) -> Culprit {
    let named = spoilt.text("culprit");
    match named.strip_prefix("site ") {
        Some(index) => Culprit::Site(site(index.parse().expect("an index"))),
        None => {
            assert_eq!(named, "coordinator");
            Culprit::Coordinator
        }
    }
}

/// Randomness that a vector gives, in the order in which the library draws it.
pub(crate) struct Drawn(Vec<u8>);

impl Drawn {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// All of it was used.
    pub(crate) fn assert_spent(&self) {
        assert!(self.0.is_empty(), "{} bytes were not drawn", self.0.len());
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the library draws bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the library draws bytes")
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        assert!(to.len() <= self.0.len(), "more is drawn than the vector gives");
        to.copy_from_slice(&self.0.drain(..to.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
