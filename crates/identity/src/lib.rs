//! Who is who: keys ([`keys`]), the charter that lists the sites of a federation ([`charter`]),
//! how sites agree on it ([`ratification`], [`consent`]), how a site gets its key there
//! ([`enrolment`]), what a researcher shows a site ([`credential`], [`submission`]) and the
//! coordinator ([`request`]). See docs/protocol.md §2.
//!
//! Nothing here does I/O or reads a clock: randomness, the time and durable records come in as
//! arguments.

pub mod authorities;
pub mod charter;
pub mod consent;
pub mod credential;
pub mod enrolment;
pub mod keys;
pub mod ratification;
pub mod request;
pub mod submission;

pub use authorities::AuthorityList;
pub use charter::{BadCharter, Charter, CharterFields, CharterSite, FederationPolicy};
pub use consent::{ConsentError, ConsentRecord, Consenter};
pub use credential::{BadCredential, Credential, CredentialFields, VerifiedCredential};
pub use keys::{BadKey, BadSignature, PublicKey, Signature, SigningKey};
pub use ratification::{BadSuccession, CharterConsent, RatifiedCharter};
pub use request::RequestProof;
pub use submission::{Submission, VerifiedSubmission};
