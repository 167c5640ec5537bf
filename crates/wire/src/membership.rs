//! Charters, their signatures and their history as bytes (docs/protocol.md §2).

use bytes::Bytes;
use prost::Message as _;
use ripieno_identity::{Charter, CharterConsent, RatifiedCharter};

use crate::envelope::{self, Body, body};
use crate::error::{Fault, WireError};
use crate::field::{Wire, bounded, list, put_list, required};
use crate::history::History;
use crate::limits::{
    MAX_CHARTER_BYTES, MAX_CHARTER_SITES, MAX_CHARTERS, MAX_HISTORY_BYTES, MAX_SMALL_BYTES,
};
use crate::pb;

/// Fields beside the lists: those of today, and room for a later version's.
const SPARE: usize = 64;
/// The most fields of a charter, of the signatures under one, and of a history.
const MOST: usize = MAX_CHARTER_SITES + SPARE;

const CHARTER: Body = body(0, "charter", MAX_CHARTER_BYTES);
const CONSENT: Body = body(0, "charter_consent", MAX_SMALL_BYTES);
const RATIFIED: Body = body(0, "ratified_charter", MAX_CHARTER_BYTES);
const HISTORY: Body = body(0, "charter_history", MAX_HISTORY_BYTES);
/// The field of a ratified charter that holds the charter, and that of a history that holds one.
const INNER: u32 = 1;

/// The bytes of a charter.
#[must_use]
pub fn encode_charter(charter: &Charter) -> Bytes {
    charter.to_proto().encode_to_vec().into()
}

/// A charter that keeps the rules a charter must keep by itself. Nobody's consent is implied.
///
/// # Errors
/// [`WireError`] names the field, or the rule that the charter breaks.
pub fn decode_charter(bytes: Bytes) -> Result<Charter, WireError> {
    envelope::whole(CHARTER, &bytes, MOST)?;
    Charter::from_proto(envelope::parse(CHARTER, bytes)?)
}

/// The bytes of a site's consent to a charter.
#[must_use]
pub fn encode_consent(consent: &CharterConsent) -> Bytes {
    consent.to_proto().encode_to_vec().into()
}

/// A site's consent to a charter, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_consent(bytes: Bytes) -> Result<CharterConsent, WireError> {
    envelope::whole(CONSENT, &bytes, SPARE)?;
    CharterConsent::from_proto(envelope::parse(CONSENT, bytes)?)
}

/// The bytes of a charter in force with the signatures that made it so.
#[must_use]
pub fn encode_ratified(charter: &RatifiedCharter) -> Bytes {
    ratified(charter).encode_to_vec().into()
}

/// A charter and the signatures under it, none of them verified:
/// [`RatifiedCharter::found`] and [`RatifiedCharter::succeed`] do that.
///
/// # Errors
/// [`WireError`] names the field, or the rule that the charter breaks by itself.
pub fn decode_ratified(bytes: Bytes) -> Result<(Charter, Vec<CharterConsent>), WireError> {
    let fields = envelope::whole(RATIFIED, &bytes, MOST)?;
    let mut inner = fields.iter().filter(|(number, _)| *number == INNER);
    if let Some((_, Some(charter))) = inner.next() {
        envelope::whole(CHARTER, charter, MOST)?;
    }
    // Protocol Buffers join the parts of a message that stands twice: so would their lists.
    if inner.next().is_some() {
        return Err(Fault::Items { found: 2, low: 1, high: 1 }.of("ratified_charter.charter"));
    }
    let proto: pb::RatifiedCharter = envelope::parse(RATIFIED, bytes)?;
    let charter = required("ratified_charter.charter", proto.charter)?;
    let consents: Vec<CharterConsent> =
        list("ratified_charter.consents", proto.consents, MAX_CHARTER_SITES)?;
    if !consents.is_sorted_by(|one, next| one.site < next.site) {
        return Err(Fault::Order.of("ratified_charter.consents"));
    }
    Ok((charter, consents))
}

/// The bytes of a history: charters as they follow each other.
#[must_use]
pub fn encode_history(charters: &[RatifiedCharter]) -> Bytes {
    let charters = charters.iter().map(ratified).collect();
    pb::CharterHistory { charters }.encode_to_vec().into()
}

/// A list of charters as it was received; [`History`] verifies it.
///
/// # Errors
/// [`WireError`] names the field, or the rule that a charter breaks by itself.
#[expect(clippy::needless_pass_by_value, reason = "taken as all messages are")]
pub fn decode_history(bytes: Bytes) -> Result<History, WireError> {
    let fields = envelope::whole(HISTORY, &bytes, MAX_CHARTERS.saturating_add(SPARE))?;
    // One after the other: the lists of all of them at once could take a hundred times the bytes.
    let charters: Result<Vec<_>, WireError> = fields
        .into_iter()
        .filter(|(number, _)| *number == INNER)
        .map(|(_, charter)| {
            let charter = charter.ok_or(WireError::Body { message: HISTORY.name })?;
            decode_ratified(bytes.slice_ref(charter))
        })
        .collect();
    let charters = charters?;
    bounded("charter_history.charters", charters.len(), 0..=MAX_CHARTERS)?;
    Ok(History::new(charters))
}

/// Consents are written in the order that the format demands, whatever order they came in.
fn ratified(charter: &RatifiedCharter) -> pb::RatifiedCharter {
    let mut consents = charter.consents().to_vec();
    consents.sort_by_key(|consent| consent.site);
    pb::RatifiedCharter {
        charter: Some(charter.charter().to_proto()),
        consents: put_list(&consents),
    }
}
