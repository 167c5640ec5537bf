//! Refusals: which rule said no, to whom, and why.

use std::fmt;

use thiserror::Error;

use crate::site::SiteIndex;

/// The checks of the protocol, by the ids of docs/protocol-checks.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Check {
    /// Charter and credentials: signed by whom they must be.
    H1,
    /// Adverts: signed, own unchanged, nothing repeated, keys contributory.
    A1,
    /// Epoch parameters: c is the charter's, m ≤ n, one transcript per epoch number.
    A2,
    /// Shares: the bundle opens, matches the dealer's root, scalars canonical.
    A3,
    /// The ledger head of a peer never goes back.
    L1,
    /// The contract is signed by the charter's coordinator, under the own charter.
    S1,
    /// The study is approved and its permit covers it.
    S2,
    /// Participants are accepted dealers, enough of them.
    S3,
    /// The slot is unspent and bound to this contract.
    S4,
    /// The state is the one that this site computed.
    S5,
    /// The plan cannot overflow and is the study's.
    S6,
    /// The privacy budget covers the round.
    S7,
    /// Membership and the ledger allow the round.
    S8,
    /// Survivors: participants, enough, unchanged where membership is fixed.
    C1,
    /// Trailers: signed, for this round, the own one identical.
    C2,
    /// No other outcome was signed for the slot.
    C3,
    /// The outcome has a certificate.
    U1,
    /// One kind of share per site, once.
    U2,
    /// An upload hashes to its trailer; one per site and slot.
    R1,
    /// A reconstruction matches what its dealer published.
    R2,
    /// The receipt is signed, the sum recomputes, the next state is the own one.
    P1,
    /// The draw of cohorts: own commitment and reveal in it, nothing changed between.
    D1,
    /// The sums of all cohorts: each vouched for by its own sites, in the same round.
    D2,
}

impl Check {
    /// All checks, in the order of the table.
    pub const ALL: [Check; 23] = [
        Check::H1,
        Check::A1,
        Check::A2,
        Check::A3,
        Check::L1,
        Check::S1,
        Check::S2,
        Check::S3,
        Check::S4,
        Check::S5,
        Check::S6,
        Check::S7,
        Check::S8,
        Check::C1,
        Check::C2,
        Check::C3,
        Check::U1,
        Check::U2,
        Check::R1,
        Check::R2,
        Check::P1,
        Check::D1,
        Check::D2,
    ];

    /// The check with this id, such as `S3`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.to_string() == name)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Culprit {
    /// The coordinator sent something that it must not send.
    Coordinator,
    /// A site did.
    Site(SiteIndex),
    /// Nobody did: the rule is this site's own.
    Own,
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Culprit::Coordinator => f.write_str("the coordinator"),
            Culprit::Site(site) => write!(f, "{site}"),
            Culprit::Own => f.write_str("this site's own rule"),
        }
    }
}

/// A check that failed. The reason names fields and rules, never a secret or a row value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("check {check} failed ({culprit}): {reason}")]
pub struct Refusal {
    /// The rule.
    pub check: Check,
    /// Whose message broke it.
    pub culprit: Culprit,
    /// What was wrong with it.
    pub reason: String,
}

impl Refusal {
    /// A refusal for something that the coordinator sent.
    pub fn coordinator(check: Check, reason: impl Into<String>) -> Self {
        Self { check, culprit: Culprit::Coordinator, reason: reason.into() }
    }

    /// A refusal for something that a site sent.
    pub fn site(check: Check, site: SiteIndex, reason: impl Into<String>) -> Self {
        Self { check, culprit: Culprit::Site(site), reason: reason.into() }
    }

    /// A refusal by this site's own rule.
    pub fn own(check: Check, reason: impl Into<String>) -> Self {
        Self { check, culprit: Culprit::Own, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_found_by_its_name_and_no_other_is() {
        for check in Check::ALL {
            assert_eq!(Check::from_name(&check.to_string()), Some(check));
        }
        assert_eq!(Check::from_name("s3"), None);
        assert_eq!(Check::from_name(""), None);
    }
}
