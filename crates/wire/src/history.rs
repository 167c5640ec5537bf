//! How the charters of a federation follow each other (docs/protocol.md §2, check H1).

use std::mem::replace;

use ripieno_identity::{Charter, CharterConsent, RatifiedCharter};
use ripieno_study::{Check, Culprit, Refusal};

/// Charters with their signatures as somebody passed them on: well-formed, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History(Vec<(Charter, Vec<CharterConsent>)>);

impl History {
    pub(crate) fn new(charters: Vec<(Charter, Vec<CharterConsent>)>) -> Self {
        Self(charters)
    }

    /// The version of its first charter; `None` where it has none.
    #[must_use]
    pub fn first_version(&self) -> Option<u32> {
        self.0.first().map(|(charter, _)| charter.fields().version)
    }

    /// Verifies a whole history, for who holds no charter yet: version 1 by all its sites, each
    /// later one by a quorum of the one before. The last is the one in force; there is at least
    /// one.
    ///
    /// # Errors
    /// A [`Refusal`] by H1: it is empty, does not begin with version 1, leaves one out, or a
    /// signature is missing or bad. The culprit is the coordinator, which passes on no signature
    /// that it could see to be bad.
    pub fn verify(self) -> Result<Vec<RatifiedCharter>, Refusal> {
        let mut charters = self.0.into_iter();
        let (charter, consents) = charters
            .next()
            .ok_or_else(|| Refusal::coordinator(Check::H1, "there is no charter in the history"))?;
        follow(RatifiedCharter::found(charter, consents).map_err(passed_on)?, charters)
    }

    /// Verifies what comes after the charter `held`, and returns it: nothing where there is
    /// nothing later. Earlier versions are passed over.
    ///
    /// # Errors
    /// A [`Refusal`] by H1: another charter of the version that is held, a version out of order or
    /// left out, a signature that is missing or bad. The culprit is the coordinator.
    pub fn verify_after(self, held: &RatifiedCharter) -> Result<Vec<RatifiedCharter>, Refusal> {
        let version = held.charter().fields().version;
        let mut later =
            self.0.into_iter().skip_while(|(c, _)| c.fields().version < version).peekable();
        if let Some((same, _)) = later.next_if(|(c, _)| c.fields().version == version)
            && same.digest() != held.digest()
        {
            return Err(fork(version));
        }
        Ok(follow(held.clone(), later)?.split_off(1))
    }
}

/// The first charter and those that follow it.
fn follow(
    first: RatifiedCharter,
    charters: impl Iterator<Item = (Charter, Vec<CharterConsent>)>,
) -> Result<Vec<RatifiedCharter>, Refusal> {
    let (mut before, mut last) = (Vec::new(), first);
    for (charter, consents) in charters {
        let next = last.succeed(charter, consents).map_err(passed_on)?;
        before.push(replace(&mut last, next));
    }
    before.push(last);
    Ok(before)
}

/// The sites sign to the coordinator, which verifies and collects: anybody can put a bad signature
/// under another site's name.
fn passed_on(refusal: Refusal) -> Refusal {
    match refusal.culprit {
        Culprit::Site(site) => {
            Refusal::coordinator(refusal.check, format!("{site}: {}", refusal.reason))
        }
        Culprit::Coordinator | Culprit::Own => refusal,
    }
}

fn fork(version: u32) -> Refusal {
    let reason = format!(
        "the history has another version {version} of the charter than the one that is held: \
         compare the words of both with the other sites before going on"
    );
    Refusal::coordinator(Check::H1, reason)
}
