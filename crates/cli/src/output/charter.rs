//! The charter as JSON, with the keys that verify every signature of a receipt.

use ripieno_identity::RatifiedCharter;
use serde_json::{Value, json};

use super::hex;

/// The name of the charter's file.
pub(crate) const FILE: &str = "charter.json";

/// A charter in force.
pub(crate) fn charter(ratified: &RatifiedCharter) -> Value {
    let fields = ratified.charter().fields();
    let sites = fields.sites.iter().map(
        |site| json!({ "index": site.index, "name": site.name, "key": hex(site.key.as_bytes()) }),
    );
    let consents = ratified.consents().iter().map(
        |consent| json!({ "index": consent.site, "signature": hex(consent.signature.as_bytes()) }),
    );
    json!({
        "digest": ratified.digest(),
        "federation": fields.federation,
        "version": fields.version,
        "previous": fields.previous,
        "next_index": fields.next_index,
        "corrupt": fields.corrupt,
        "quorum": fields.quorum,
        "minimum_sites": fields.policy.minimum_sites,
        "coordinator": hex(fields.coordinator.as_bytes()),
        "sites": sites.collect::<Vec<_>>(),
        "consents": consents.collect::<Vec<_>>(),
    })
}
