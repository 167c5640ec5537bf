//! What the owners of data sets grant.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::entities::{Asked, Person};

/// The most grants that a site keeps.
pub const MAX_GRANTS: usize = 10_000;
/// The longest name in a grant, in bytes.
const MAX_NAME: usize = 200;
/// Of how many grants it is remembered who took them back.
const MAX_REVOKED: usize = 1000;

/// Who is granted something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grantee {
    /// One researcher, by the public key: 64 hexadecimal digits.
    Researcher(String),
    /// Every researcher of a role.
    Role(String),
}

/// An owner's leave to compute on a data set, or on one column of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Its number, never given twice.
    pub number: u64,
    /// The owner who gave it: it holds as long as the data set is this owner's.
    pub owner: String,
    /// The data set.
    pub dataset: String,
    /// The column; `None` for all.
    pub column: Option<String>,
    /// Who may use it.
    pub to: Grantee,
    /// When it was given, in seconds since 1970 UTC.
    pub since: u64,
    /// When it ends, in seconds since 1970 UTC; `None` for never.
    pub expires: Option<u64>,
}

/// All grants of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    given: u64,
    grants: Vec<Grant>,
    /// The last that were taken back, and by whom.
    revoked: Vec<(u64, String)>,
}

/// Why a grant is not given or withdrawn.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadGrant {
    /// There is no such grant.
    #[error("there is no grant {0}")]
    Unknown(u64),
    /// There are too many.
    #[error("{MAX_GRANTS} grants are kept already: revoke some first")]
    TooMany,
    /// A name is empty or too long.
    #[error("{what} has 1 to {MAX_NAME} bytes")]
    Name {
        /// Of what.
        what: &'static str,
    },
    /// A key is not written as one.
    #[error("a researcher is named by the public key: 64 hexadecimal digits")]
    Key,
    /// It would have ended before it began.
    #[error("the grant would have ended already")]
    Ended,
    /// Somebody else gave it.
    #[error(
        "grant {number} was given by another owner: only that one, or the data set's owner of today, takes it back"
    )]
    OtherOwner {
        /// Its number.
        number: u64,
    },
}

impl Grant {
    /// Its name among the policies.
    #[must_use]
    pub fn id(&self) -> String {
        format!("grant.{}", self.number)
    }

    /// Whether it can be of use for this question: by time, owner, data set and person.
    pub(super) fn is_for(&self, asked: &Asked<'_>) -> bool {
        let Person::Researcher { key, role, .. } = asked.person else { return false };
        let to = match &self.to {
            Grantee::Researcher(granted) => granted == key,
            Grantee::Role(granted) => granted == role,
        };
        let in_time = self.expires.is_none_or(|expires| asked.circumstances.now < expires);
        to && in_time && self.dataset == asked.dataset && asked.owner == Some(&*self.owner)
    }

    fn check(&self) -> Result<(), BadGrant> {
        let to = match &self.to {
            Grantee::Researcher(key) => {
                let digits = key.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if key.len() != 64 || !digits {
                    return Err(BadGrant::Key);
                }
                key
            }
            Grantee::Role(role) => role,
        };
        let column = self.column.as_deref().unwrap_or("all");
        let texts = [
            ("the owner's name", self.owner.as_str()),
            ("the data set's name", &self.dataset),
            ("the column's name", column),
            ("the role", to),
        ];
        for (what, text) in texts {
            if text.trim().is_empty() || text.len() > MAX_NAME {
                return Err(BadGrant::Name { what });
            }
        }
        if self.expires.is_some_and(|expires| expires <= self.since) {
            return Err(BadGrant::Ended);
        }
        Ok(())
    }
}

impl Grants {
    /// All that stand, in the order in which they were given; some may have ended.
    pub fn all(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter()
    }

    /// Who took a grant back, where that is still known.
    #[must_use]
    pub fn revoked_by(&self, number: u64) -> Option<&str> {
        let found = self.revoked.iter().find(|(revoked, _)| *revoked == number);
        found.map(|(_, by)| by.as_str())
    }

    /// Adds a grant and gives it its number.
    ///
    /// # Errors
    /// [`BadGrant`]; then nothing has changed.
    pub fn give(&mut self, grant: Grant) -> Result<&Grant, BadGrant> {
        if self.grants.len() >= MAX_GRANTS {
            return Err(BadGrant::TooMany);
        }
        grant.check()?;
        self.given += 1;
        let place = self.grants.len();
        self.grants.push(Grant { number: self.given, ..grant });
        self.grants.get(place).ok_or(BadGrant::TooMany)
    }

    /// Takes a grant back and returns it. `owner` is who takes it back, `of_today` whether that is
    /// the data set's owner now, whoever gave the grant.
    ///
    /// # Errors
    /// [`BadGrant`]; then nothing has changed.
    pub fn revoke(
        &mut self,
        number: u64,
        owner: &str,
        of_today: impl FnOnce(&Grant) -> bool,
    ) -> Result<Grant, BadGrant> {
        let place = self.grants.iter().position(|grant| grant.number == number);
        let place = place.ok_or(BadGrant::Unknown(number))?;
        let own = self.grants.get(place).is_some_and(|g| g.owner == owner || of_today(g));
        if !own {
            return Err(BadGrant::OtherOwner { number });
        }
        if self.revoked.len() >= MAX_REVOKED {
            self.revoked.remove(0);
        }
        self.revoked.push((number, owner.to_owned()));
        Ok(self.grants.remove(place))
    }
}
