//! The charter: who is in the federation, and by which numbers it decides (docs/protocol.md §2).

use std::collections::BTreeSet;

use bip39::{Language, Mnemonic};
use ripieno_study::{Check, Digest, Hasher, Refusal, SiteIndex, Tag};
use thiserror::Error;

use crate::keys::PublicKey;

/// The longest name of a federation or of a site, in bytes.
pub const MAX_NAME: usize = 64;
/// Words in a fingerprint: 24, which carry all 256 bits of the digest and an 8-bit checksum.
pub const FINGERPRINT_WORDS: usize = 24;
/// The fewest sites of a federation: the sum of fewer hides nobody.
pub const MIN_SITES: usize = 3;

/// One site in the charter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharterSite {
    /// Its number, never given to another site.
    pub index: SiteIndex,
    /// Its name: 1 to 64 bytes of letters, digits and `._ -`.
    pub name: String,
    /// The key by which it signs.
    pub key: PublicKey,
}

/// What holds for every study of the federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FederationPolicy {
    /// The fewest sites whose sum may be opened; at least c + 3, at most N.
    pub minimum_sites: u16,
}

/// The fields of a charter as somebody wrote or sent them: not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharterFields {
    /// Name of the federation: 1 to 64 bytes of letters, digits and `._ -`.
    pub federation: String,
    /// Number of this version, from 1.
    pub version: u32,
    /// Digest of the version before; `None` for version 1.
    pub previous: Option<Digest>,
    /// The sites by strictly increasing index; N is their number.
    pub sites: Vec<CharterSite>,
    /// The lowest index that no site of this or of an earlier version ever had.
    pub next_index: u16,
    /// The key of the coordinator.
    pub coordinator: PublicKey,
    /// c: how many sites may be corrupt; c + 3 ≤ N.
    pub corrupt: u16,
    /// q: how many sites of this version must sign the next; (N + c) / 2 < q ≤ N.
    pub quorum: u16,
    /// What holds for every study.
    pub policy: FederationPolicy,
}

/// A charter that keeps every rule a charter must keep by itself. Nobody has agreed to it yet: see
/// [`RatifiedCharter`](crate::RatifiedCharter).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charter {
    fields: CharterFields,
    digest: Digest,
}

/// Why a charter is not one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCharter {
    /// A name is empty, too long, or has a character that is not allowed.
    #[error("the name {0:?} is not 1 to 64 letters, digits, spaces, dots, dashes or underscores")]
    Name(String),
    /// Version 1 names a predecessor, another version none, or the version is 0.
    #[error("version {0}: version 1 has no previous charter, every later version names one")]
    Version(u32),
    /// Fewer than three sites.
    #[error("a federation has at least {MIN_SITES} sites, this charter {0}")]
    TooFewSites(usize),
    /// Sites out of order, or an index twice.
    #[error("{0} stands twice or out of order in the charter")]
    Order(SiteIndex),
    /// The next free index is not above all that are used.
    #[error("next_index {next_index} is not above {highest}")]
    NextIndex {
        /// The value given.
        next_index: u16,
        /// The highest index in use.
        highest: SiteIndex,
    },
    /// Two sites of one name.
    #[error("{0} has the name of another site")]
    DoubledName(SiteIndex),
    /// Two sites, or a site and the coordinator, with one key.
    #[error("{0} has the key of another member")]
    DoubledKey(SiteIndex),
    /// More corrupt sites than sums could hide from.
    #[error("where {corrupt} may be corrupt, a federation has at least {} sites, not {sites}", u32::from(*corrupt) + 3)]
    Corrupt {
        /// c.
        corrupt: u16,
        /// N.
        sites: usize,
    },
    /// A quorum that corrupt sites could reach twice, or that cannot be reached.
    #[error("the quorum {quorum} is not above ({sites} + {corrupt}) / 2 and at most {sites}")]
    Quorum {
        /// q.
        quorum: u16,
        /// c.
        corrupt: u16,
        /// N.
        sites: usize,
    },
    /// A minimum that protects less than c + 3, or that cannot be reached.
    #[error("minimum_sites {minimum} is not between {} and {sites}", u32::from(*corrupt) + 3)]
    Minimum {
        /// The policy's minimum.
        minimum: u16,
        /// c.
        corrupt: u16,
        /// N.
        sites: usize,
    },
}

/// Whoever passed the charter on is to blame: it comes through the coordinator.
impl From<BadCharter> for Refusal {
    fn from(bad: BadCharter) -> Self {
        Refusal::coordinator(Check::H1, bad.to_string())
    }
}

impl Charter {
    /// Checks what a charter must keep by itself.
    ///
    /// # Errors
    /// The first rule broken, with the site or the numbers that break it.
    pub fn new(fields: CharterFields) -> Result<Self, BadCharter> {
        check_name(&fields.federation)?;
        if fields.version == 0 || (fields.version == 1) != fields.previous.is_none() {
            return Err(BadCharter::Version(fields.version));
        }
        check_sites(&fields)?;
        check_numbers(&fields)?;
        let digest = digest(&fields);
        Ok(Self { fields, digest })
    }

    /// All fields.
    #[must_use]
    pub fn fields(&self) -> &CharterFields {
        &self.fields
    }

    /// The digest over all fields.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The site with this index.
    #[must_use]
    pub fn site(&self, index: SiteIndex) -> Option<&CharterSite> {
        self.fields.sites.iter().find(|site| site.index == index)
    }

    /// The least `minimum_sites` with which any two sums of one study under this charter share c + 2 sites, so two honest
    /// ones: 2 · minimum > N + c + 1. `None` where this charter's is no less. Below it, a site that was
    /// restored from a backup may be in two sums that no other ledger knows both of, so that a
    /// coordinator that lies gets their difference (docs/threat-model.md). Sums under an earlier or a
    /// later charter are over other sites, and may share fewer.
    #[must_use]
    pub fn minimum_to_meet(&self) -> Option<usize> {
        let CharterFields { sites, corrupt, policy, .. } = &self.fields;
        let least = (sites.len() + usize::from(*corrupt)).div_ceil(2) + 1;
        (usize::from(policy.minimum_sites) < least).then_some(least)
    }

    /// What [`Self::minimum_to_meet`] means to those who propose or sign the charter, in a sentence.
    #[must_use]
    pub fn caution(&self) -> Option<String> {
        self.minimum_to_meet().map(|least| {
            format!(
                "caution: with minimum_sites below {least}, two sums of a study under this charter may be \
                 over sets that share one honest site alone; if that one was restored from a backup, a coordinator \
                 that lies can open both, and their difference gives parts of others away"
            )
        })
    }

    /// The digest as [`FINGERPRINT_WORDS`] English words (BIP-39), which stewards read to each
    /// other before they sign: every word counts.
    #[must_use]
    pub fn fingerprint_words(&self) -> Vec<&'static str> {
        Mnemonic::from_entropy_in(Language::English, self.digest.as_bytes())
            .expect("32 bytes are one of the five lengths of entropy that BIP-39 defines")
            .words()
            .collect()
    }
}

fn digest(fields: &CharterFields) -> Digest {
    Hasher::new(Tag::Charter)
        .part(&fields.federation)
        .number(fields.version)
        .list(fields.previous.iter(), Hasher::part)
        .list(fields.sites.iter(), |hasher, site| {
            hasher.number(site.index).part(&site.name).part(site.key)
        })
        .number(fields.next_index)
        .part(fields.coordinator)
        .number(fields.corrupt)
        .number(fields.quorum)
        .number(fields.policy.minimum_sites)
        .finish()
}

fn check_name(name: &str) -> Result<(), BadCharter> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._ -".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
        return Err(BadCharter::Name(name.chars().take(MAX_NAME).collect()));
    }
    Ok(())
}

fn check_sites(fields: &CharterFields) -> Result<(), BadCharter> {
    let mut last: Option<SiteIndex> = None;
    let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for site in &fields.sites {
        check_name(&site.name)?;
        if last.is_some_and(|last| last >= site.index) {
            return Err(BadCharter::Order(site.index));
        }
        if !names.insert(site.name.to_ascii_lowercase()) {
            return Err(BadCharter::DoubledName(site.index));
        }
        if site.key == fields.coordinator || !keys.insert(site.key.as_ref().to_vec()) {
            return Err(BadCharter::DoubledKey(site.index));
        }
        last = Some(site.index);
    }
    match last {
        Some(highest) if fields.next_index <= highest.get() => {
            Err(BadCharter::NextIndex { next_index: fields.next_index, highest })
        }
        _ => Ok(()),
    }
}

fn check_numbers(fields: &CharterFields) -> Result<(), BadCharter> {
    let sites = fields.sites.len();
    let [corrupt, quorum, minimum] =
        [fields.corrupt, fields.quorum, fields.policy.minimum_sites].map(usize::from);
    if sites < MIN_SITES {
        return Err(BadCharter::TooFewSites(sites));
    }
    if corrupt + 3 > sites {
        return Err(BadCharter::Corrupt { corrupt: fields.corrupt, sites });
    }
    // Two quorums share more than c sites, so they share an honest one, and it signs once.
    if 2 * quorum <= sites + corrupt || quorum > sites {
        return Err(BadCharter::Quorum { quorum: fields.quorum, corrupt: fields.corrupt, sites });
    }
    if minimum < corrupt + 3 || minimum > sites {
        return Err(BadCharter::Minimum {
            minimum: fields.policy.minimum_sites,
            corrupt: fields.corrupt,
            sites,
        });
    }
    Ok(())
}
