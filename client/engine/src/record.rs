//! The form in which a site's studies lie on its shelf: JSON, versioned, without a secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ripieno_analysis::State;
use ripieno_identity::PublicKey;
use ripieno_secagg::Roster;
use ripieno_secagg::epoch::Transcript;
use ripieno_secagg::round::publish::SumRecord;
use ripieno_study::{Digest, SiteIndex, Study};
use ripieno_wire::{FromSite, StudyOffer, ToSite};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::past::Past;

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    record: &'a T,
}

/// Read on its own first: what else is in a record of another version is not known here.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfVersion<T> {
    #[allow(dead_code)] // Read as `Version` before.
    version: u32,
    record: T,
}

/// A record as bytes.
pub(crate) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, String> {
    serde_json::to_vec(&Versioned { version: VERSION, record }).map_err(|e| e.to_string())
}

/// A record from bytes; the error says what is wrong with them.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let Version { version } = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if version != VERSION {
        return Err(format!("it is of version {version}, this program reads version {VERSION}"));
    }
    let read: OfVersion<T> = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    Ok(read.record)
}

/// The highest epoch, and the adverts of the epochs whose sums may still come.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EpochRecord {
    /// Under `charter`.
    last: u64,
    /// The one that was in force; records that are older than this field are of any.
    #[serde(default)]
    charter: Option<Digest>,
    /// The last epochs under the charters before.
    #[serde(default)]
    before: Vec<LastRecord>,
    /// Members of charters before, as far as slots still need them.
    #[serde(default)]
    rosters: Vec<RosterRecord>,
    /// As [`ToSite::Adverts`], in base64.
    adverts: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastRecord {
    charter: Digest,
    last: u64,
}

/// A charter's members, and the epochs whose slots they can resolve.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RosterRecord {
    charter: Digest,
    federation: String,
    corrupt: u16,
    coordinator: PublicKey,
    sites: Vec<(SiteIndex, PublicKey)>,
    epochs: Vec<Digest>,
}

impl RosterRecord {
    fn new(roster: &Roster) -> Self {
        Self {
            charter: roster.charter,
            federation: roster.federation.clone(),
            corrupt: roster.corrupt,
            coordinator: roster.coordinator,
            sites: roster.sites.iter().map(|(site, key)| (*site, *key)).collect(),
            epochs: Vec::new(),
        }
    }

    fn open(self) -> (Arc<Roster>, Vec<Digest>) {
        let Self { charter, federation, corrupt, coordinator, sites, epochs } = self;
        let sites = sites.into_iter().collect();
        let cohort = None;
        (Arc::new(Roster { charter, federation, corrupt, coordinator, sites, cohort }), epochs)
    }
}

impl EpochRecord {
    /// `past` with the last epoch under `charter` in it.
    pub(crate) fn new<'a>(
        charter: Digest,
        past: &Past,
        known: impl Iterator<Item = &'a Transcript>,
    ) -> Self {
        let last = past.last.get(&charter).copied().unwrap_or(0);
        let before = past.last.iter().filter(|(other, _)| **other != charter);
        let before = before.map(|(charter, last)| LastRecord { charter: *charter, last: *last });
        let mut rosters = BTreeMap::new();
        for (epoch, roster) in &past.rosters {
            let record = rosters.entry(roster.charter).or_insert_with(|| RosterRecord::new(roster));
            record.epochs.push(*epoch);
        }
        let adverts = known.map(|transcript| {
            let adverts = transcript.adverts().map(|(_, advert)| advert.clone()).collect();
            let (epoch, slots) = (transcript.epoch(), transcript.params().slots());
            BASE64.encode(ToSite::Adverts { epoch, slots, adverts }.encode())
        });
        Self {
            last,
            charter: Some(charter),
            before: before.collect(),
            rosters: rosters.into_values().collect(),
            adverts: adverts.collect(),
        }
    }

    /// What was known of this charter's epochs and of the charters before.
    pub(crate) fn open(self, roster: &Roster) -> Result<Known, String> {
        let transcripts = self.transcripts(roster)?;
        let mut past = Past::default();
        past.last.extend(self.before.into_iter().map(|before| (before.charter, before.last)));
        past.last.insert(self.charter.unwrap_or(roster.charter), self.last);
        for (roster, epochs) in self.rosters.into_iter().map(RosterRecord::open) {
            past.rosters.extend(epochs.into_iter().map(|epoch| (epoch, roster.clone())));
        }
        Ok(Known { past, transcripts })
    }

    /// The epochs' public facts, those of another charter left out: their sums cannot be verified
    /// under this one.
    fn transcripts(&self, roster: &Roster) -> Result<Vec<Transcript>, String> {
        let mut transcripts = Vec::new();
        for text in &self.adverts {
            let ToSite::Adverts { epoch, slots, adverts } = to_site(text)? else {
                return Err("it holds another message than adverts".into());
            };
            if adverts.iter().any(|advert| advert.charter != roster.charter) {
                continue;
            }
            let transcript = Transcript::from_adverts(roster, epoch, slots, adverts);
            transcripts.push(transcript.map_err(|refusal| refusal.to_string())?);
        }
        Ok(transcripts)
    }
}

/// What an [`EpochRecord`] tells.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) past: Past,
    pub(crate) transcripts: Vec<Transcript>,
}

/// A study that waits for the steward.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PendingRecord {
    pub(crate) offer: OfferRecord,
    pub(crate) reason: String,
    /// Seconds since 1970.
    pub(crate) since: u64,
}

/// A study that was decided about.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StudyRecord {
    pub(crate) offer: OfferRecord,
    /// When it was decided, in seconds since 1970.
    pub(crate) since: u64,
    pub(crate) standing: StandingRecord,
}

// The variants' names stand outside, as in the ledger: within a tagged map, serde cannot read site
// numbers back from JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum StandingRecord {
    Approved(Box<ApprovedRecord>),
    Refused { rule: String, reason: String, steward: Option<String> },
    Ended { reason: String },
}

/// How far an approved study has come.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovedRecord {
    pub(crate) steward: Option<String>,
    pub(crate) lineage: Digest,
    pub(crate) fingerprint: Option<Digest>,
    pub(crate) round: u32,
    pub(crate) state: State,
    /// Of `state`: a digit that was lost would make every later sum look wrong.
    pub(crate) digest: Digest,
    pub(crate) previous: Option<SumRecord>,
    /// As [`FromSite`], in base64.
    pub(crate) said: Vec<String>,
    pub(crate) result: Option<ResultRecord>,
    pub(crate) provisional: bool,
    pub(crate) refused: Option<RuleRecord>,
    /// Why a steward is asked after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asks: Option<String>,
}

/// The result of a study.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultRecord {
    /// The report as JSON.
    pub(crate) json: String,
    /// Its digest, by which sites compare.
    pub(crate) digest: Digest,
}

/// The rule by which the site takes no further part for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleRecord {
    pub(crate) rule: String,
    pub(crate) reason: String,
}

impl ApprovedRecord {
    /// What the coordinator heard of the last sum.
    pub(crate) fn said(&self) -> Result<Vec<FromSite>, String> {
        let message =
            |text: &String| FromSite::decode(bytes(text)?.into()).map_err(|e| e.to_string());
        self.said.iter().map(message).collect()
    }
}

/// Messages to the coordinator in base64.
pub(crate) fn said(messages: &[FromSite]) -> Vec<String> {
    messages.iter().map(|message| BASE64.encode(message.encode())).collect()
}

/// A study with its researcher's request, as it was offered: [`ToSite::Study`], in base64.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct OfferRecord(String);

impl OfferRecord {
    pub(crate) fn new(offer: StudyOffer) -> Self {
        Self(BASE64.encode(ToSite::Study(offer).encode()))
    }

    /// The study, which must be the one that the record is named after.
    pub(crate) fn open(&self, name: &Digest) -> Result<(Study, StudyOffer), String> {
        let ToSite::Study(offer) = to_site(&self.0)? else {
            return Err("it holds another message than an offer".into());
        };
        let study = Study::parse(&offer.text).map_err(|e| format!("its manifest: {e}"))?;
        if study.digest() != *name || offer.submission.study != *name {
            return Err("it is the record of another study".into());
        }
        Ok((study, offer))
    }
}

fn to_site(text: &str) -> Result<ToSite, String> {
    ToSite::decode(bytes(text)?.into()).map_err(|e| e.to_string())
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|e| e.to_string())
}
