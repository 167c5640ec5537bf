//! Researchers to be thought of, where a steward tries out what a study would meet.

use clap::Args;
use ripieno_access::{Approval, Request, Requester};
use ripieno_study::Study;
use serde::Deserialize;

use crate::clock::now;

/// How long a made-up credential lasts, in seconds.
const DAY: u64 = 24 * 60 * 60;
/// The name of nobody in particular.
const NAME: &str = "somebody";

/// A researcher to be thought of, as a credential would say.
#[derive(Clone, Debug, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AsWhom {
    /// The researcher's role
    #[arg(long, value_name = "TEXT", default_value = "researcher")]
    role: String,
    /// The researcher's department
    #[arg(long, value_name = "TEXT", default_value = "")]
    department: String,
    /// What the researcher may see
    #[arg(long, value_name = "TEXT", default_value = "aggregate")]
    clearance: String,
    /// The researcher's public key: 64 hexadecimal digits
    #[arg(long, value_name = "HEX", default_value = "")]
    key: String,
    /// As if a steward had approved the study
    #[arg(long)]
    approved: bool,
}

impl AsWhom {
    /// What this researcher's study asks for.
    pub(super) fn request<'a>(&self, study: &'a Study) -> Request<'a> {
        let approval = Approval { steward: NAME.into(), study: study.digest() };
        Request {
            approval: self.approved.then_some(approval),
            ..Request::new(study, self.requester(), now())
        }
    }

    /// The researcher, with a credential that lasts for a day.
    pub(super) fn requester(&self) -> Requester {
        Requester {
            name: NAME.into(),
            role: self.role.clone(),
            key: self.key.clone(),
            department: self.department.clone(),
            clearance: self.clearance.clone(),
            home: 0,
            expires: now().saturating_add(DAY),
        }
    }
}

impl Default for AsWhom {
    fn default() -> Self {
        let (role, clearance) = ("researcher".into(), "aggregate".into());
        Self { role, clearance, department: String::new(), key: String::new(), approved: false }
    }
}
