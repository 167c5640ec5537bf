//! What was decided about columns, and why.

use std::fmt;
use std::sync::Arc;

/// A model of access control, by which a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Model {
    /// What holds at every site.
    Baseline,
    /// A policy of the site about roles.
    Role,
    /// A policy of the site about attributes of persons, columns or circumstances.
    Attribute,
    /// Whether the owner of a data set grants its use.
    Owner,
}

impl Model {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Model::Baseline => "baseline",
            Model::Role => "role",
            Model::Attribute => "attribute",
            Model::Owner => "owner",
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What denies a column, and what would change that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// By which model.
    pub model: Model,
    /// Id of the policy.
    pub policy: Arc<str>,
    /// What would change it, in words for whoever asked.
    pub remedy: String,
}

/// The decision about one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The column.
    pub column: Arc<str>,
    /// Whether it may be used.
    pub allowed: bool,
    /// Ids of the policies that decided: those that permit it, or those that forbid it; in order.
    pub by: Vec<Arc<str>>,
    /// For a denial: every one of these has to change.
    pub changes: Vec<Change>,
}

/// A permit of the site or of an owner that a forbid outranks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overruled {
    /// Id of the permit.
    pub permit: Arc<str>,
    /// Id of the forbid.
    pub forbid: Arc<str>,
    /// For which columns.
    pub columns: Vec<Arc<str>>,
}
