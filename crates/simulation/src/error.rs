//! Why a simulation has no result.

use std::path::PathBuf;

use ripieno_analysis::AnalysisError;
use ripieno_audit::AuditError;
use ripieno_catalog::CatalogError;
use ripieno_client_engine::StartError;
use ripieno_compute::ComputeError;
use ripieno_coordinator_engine::SubmitError;
use ripieno_encoding::{DecodeError, EncodeError};
use ripieno_identity::{BadCharter, BadCredential};
use ripieno_secagg::coordinator::SpoolError;
use ripieno_secagg::coordinator::collect::CollectError;
use ripieno_secagg::ledger::LedgerError;
use ripieno_study::Refusal;
use ripieno_wire::WireError;
use thiserror::Error;

/// Why a simulation has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The folder cannot be read.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A table cannot be used.
    #[error(transparent)]
    Table(#[from] CatalogError),
    /// A file's name cannot be a site's name.
    #[error(
        "{}: the site would be called {name:?}; rename the file to 1 to 64 letters, digits, \
         spaces, dots, dashes or underscores",
        path.display()
    )]
    Name {
        /// The file.
        path: PathBuf,
        /// The name it gives.
        name: String,
    },
    /// Too few or too many sites.
    #[error("{0}")]
    Sites(String),
    /// The charter cannot be made.
    #[error("the sites cannot form a federation: {0}")]
    Charter(#[from] BadCharter),
    /// The researcher's credential cannot be made.
    #[error(transparent)]
    Credential(#[from] BadCredential),
    /// A check failed while the federation was put together.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A site could not be put together.
    #[error(transparent)]
    Site(#[from] StartError),
    /// A ledger could not be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An audit log could not be begun.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The coordinator did not take the study.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Sites refused the study, so too few are left.
    #[error("{}", refusals.join("\n"))]
    Study {
        /// One line a site, with its name, the rule, and the reason.
        refusals: Vec<String>,
    },
    /// Tables do not suit the study, so too few sites are left.
    #[error("{}", refusals.join("\n"))]
    Data {
        /// One line a site, with its name, file, line and column.
        refusals: Vec<String>,
    },
    /// The study was given up.
    #[error("{reason}")]
    GivenUp {
        /// Why, and what to do.
        reason: String,
        /// What sites refused on the way, one line each.
        refusals: Vec<String>,
    },
    /// A site's values could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The sums of cohorts could not be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The analysis cannot begin or go on.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A site could not compute what it adds.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// An upload was not taken, or not given back.
    #[error(transparent)]
    Upload(#[from] CollectError),
    /// An upload was not given back.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A message could not be decoded: the program contradicts itself.
    #[error("a message could not be decoded: {0}")]
    Wire(#[from] WireError),
    /// Nothing can happen any more and no deadline is left: the program contradicts itself.
    #[error("the federation stands still without a result")]
    Stuck,
    /// A site computed another result than the coordinator published.
    #[error("{site} computed another result than the coordinator")]
    Disagreement {
        /// The site's name.
        site: String,
    },
}
