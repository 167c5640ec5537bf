//! What an operator hands to a site so that it can enrol (docs/protocol.md §2).

use std::fmt;

use bytes::Bytes;
use prost::Message as _;
use ripieno_identity::PublicKey;
use ripieno_identity::charter::MAX_NAME;
use ripieno_identity::enrolment;
use ripieno_study::Digest;
use zeroize::Zeroizing;

use crate::envelope::{self, Body, body};
use crate::error::{Fault, WireError};
use crate::field::{Wire, digest, exact, name, public_key, put, put_secret, text};
use crate::limits::{MAX_ADDRESS, MAX_FIELDS, MAX_SMALL_BYTES};
use crate::pb;
use crate::text::{BadText, Form};

const MESSAGE: Body = body(0, "invitation", MAX_SMALL_BYTES);
const TEXT: Form = Form { what: "invitation", word: "ripieno-invitation-1." };

/// An invitation: where the coordinator is, by what it is known, and the secret that lets one
/// site enrol, once. Its `Debug` form does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// `host:port` of the coordinator.
    pub address: String,
    /// SHA-256 of the certificate (DER) of the federation's authority: its fingerprint.
    pub authority: Digest,
    /// The coordinator's key.
    pub coordinator: PublicKey,
    /// The site's name, as the charter will list it.
    pub site: String,
    /// When it ends, in seconds since 1970-01-01 UTC; at this second it has ended.
    pub expires: u64,
    /// 32 random bytes.
    pub secret: Zeroizing<[u8; 32]>,
}

impl Invitation {
    /// The text that is handed over: `ripieno-invitation-1.` and base64url.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let proto = self.to_proto();
        let mut bytes = Zeroizing::new(Vec::with_capacity(proto.encoded_len()));
        proto.encode_raw(&mut *bytes);
        TEXT.write(&bytes)
    }

    /// The invitation of a text. White space counts nowhere.
    ///
    /// # Errors
    /// [`BadText`] tells another text, a typing error and bad content apart; it does not quote.
    pub fn from_text(text: &str) -> Result<Self, BadText> {
        let bytes = TEXT.read(text)?;
        decode(bytes).map_err(TEXT.content())
    }

    /// What the coordinator keeps of the secret, and what the site signs when it enrols.
    #[must_use]
    pub fn secret_digest(&self) -> Digest {
        enrolment::secret_digest(&self.secret)
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation")
            .field("address", &self.address)
            .field("authority", &self.authority)
            .field("coordinator", &self.coordinator)
            .field("site", &self.site)
            .field("expires", &self.expires)
            .field("secret", &format_args!("<redacted>"))
            .finish()
    }
}

impl Wire for Invitation {
    type Proto = pb::Invitation;

    fn to_proto(&self) -> pb::Invitation {
        pb::Invitation {
            address: self.address.clone(),
            authority: put(self.authority),
            coordinator: put(self.coordinator),
            site: self.site.clone(),
            expires: self.expires,
            secret: put_secret(self.secret.to_vec()),
        }
    }

    fn from_proto(proto: pb::Invitation) -> Result<Self, WireError> {
        Ok(Self {
            address: address("invitation.address", proto.address)?,
            authority: digest("invitation.authority", &proto.authority)?,
            coordinator: public_key("invitation.coordinator", &proto.coordinator)?,
            site: name("invitation.site", proto.site, MAX_NAME)?,
            expires: proto.expires,
            secret: Zeroizing::new(exact("invitation.secret", &proto.secret)?),
        })
    }
}

fn decode(bytes: Bytes) -> Result<Invitation, WireError> {
    envelope::whole(MESSAGE, &bytes, MAX_FIELDS)?;
    Invitation::from_proto(envelope::parse(MESSAGE, bytes)?)
}

/// Whether host and port are good is judged by whoever connects; here they are short and can be
/// shown.
fn address(field: &'static str, address: String) -> Result<String, WireError> {
    let address = text(field, address, 3..=MAX_ADDRESS)?;
    if !address.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::Control.of(field));
    }
    Ok(address)
}
