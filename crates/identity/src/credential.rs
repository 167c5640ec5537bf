//! What a site says about its researchers: name, role, department, clearance (docs/protocol.md
//! §2, check H1).

use ripieno_study::{Check, Digest, Hasher, Refusal, SiteIndex, Tag};
use thiserror::Error;

use crate::keys::{PublicKey, Signature, SigningKey};
use crate::ratification::RatifiedCharter;

/// The longest text of a credential, in bytes.
pub const MAX_TEXT: usize = 128;

/// What a credential says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFields {
    /// The researcher's name.
    pub name: String,
    /// What the researcher is there, such as `statistician`.
    pub role: String,
    /// Where the researcher works.
    pub department: String,
    /// What the researcher may see, in the words of the sites' policies.
    pub clearance: String,
    /// When the credential ends, in seconds since 1970-01-01 UTC; at this second it has ended.
    pub expires: u64,
    /// The federation in which it counts.
    pub federation: String,
    /// The site that vouches for the researcher.
    pub home: SiteIndex,
    /// The researcher's key.
    pub researcher: PublicKey,
}

/// A credential as somebody shows it: not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What it says.
    pub fields: CredentialFields,
    /// The home site's signature over [`Credential::digest_of`].
    pub signature: Signature,
}

/// A credential that the home site's key signed and that has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCredential(CredentialFields);

/// Why a credential cannot be issued.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCredential {
    /// A text is empty, too long, or has control characters.
    #[error("the {0} of a credential is 1 to {MAX_TEXT} bytes without control characters")]
    Text(&'static str),
}

impl Credential {
    /// Issues a credential with the home site's key.
    ///
    /// # Errors
    /// Where a text is empty, longer than [`MAX_TEXT`] or has control characters.
    pub fn issue(fields: CredentialFields, home: &SigningKey) -> Result<Self, BadCredential> {
        check_texts(&fields)?;
        let signature = home.sign(&Self::digest_of(&fields));
        Ok(Self { fields, signature })
    }

    /// What the home site signs: every field.
    #[must_use]
    pub fn digest_of(fields: &CredentialFields) -> Digest {
        Hasher::new(Tag::Credential)
            .part(&fields.federation)
            .number(fields.home)
            .part(fields.researcher)
            .part(&fields.name)
            .part(&fields.role)
            .part(&fields.department)
            .part(&fields.clearance)
            .number(fields.expires)
            .finish()
    }

    /// Verifies the credential under a charter, at `now` (seconds since 1970-01-01 UTC).
    ///
    /// # Errors
    /// A [`Refusal`] by H1: another federation, a home that is no site of the charter, a signature
    /// that is not the home's, an expired credential.
    pub fn verify(
        &self,
        charter: &RatifiedCharter,
        now: u64,
    ) -> Result<VerifiedCredential, Refusal> {
        let fields = &self.fields;
        // The researcher is no party of the protocol: a bad credential reached us through the
        // coordinator, and only a good signature puts it at a site's door.
        let relayed = |reason: String| Refusal::coordinator(Check::H1, reason);
        if fields.federation != charter.federation() {
            let reason = format!("the credential is for the federation {:?}", fields.federation);
            return Err(relayed(reason));
        }
        let home = charter.key(fields.home).ok_or_else(|| {
            relayed(format!("the credential's home, {}, is not in the charter", fields.home))
        })?;
        home.verify(&Self::digest_of(fields), &self.signature).map_err(|bad| {
            relayed(format!("the credential is not one that {} issued: {bad}", fields.home))
        })?;
        let at_home = |reason: String| Refusal::site(Check::H1, fields.home, reason);
        check_texts(fields).map_err(|bad| at_home(bad.to_string()))?;
        if now >= fields.expires {
            return Err(at_home(format!(
                "the credential that it issued to {} has expired; it can issue a new one",
                fields.name
            )));
        }
        Ok(VerifiedCredential(fields.clone()))
    }
}

impl VerifiedCredential {
    /// What it says.
    #[must_use]
    pub fn fields(&self) -> &CredentialFields {
        &self.0
    }
}

fn check_texts(fields: &CredentialFields) -> Result<(), BadCredential> {
    let texts = [
        ("name", &fields.name),
        ("role", &fields.role),
        ("department", &fields.department),
        ("clearance", &fields.clearance),
    ];
    let bad = |text: &str| {
        text.trim().is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control)
    };
    match texts.into_iter().find(|(_, text)| bad(text)) {
        Some((what, _)) => Err(BadCredential::Text(what)),
        None => Ok(()),
    }
}
