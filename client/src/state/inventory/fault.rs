//! What is wrong with a site's folder, and what its people do about it.

use std::path::{Path, PathBuf};

use ripieno_files::FileError;
use thiserror::Error;

use super::super::accept::must_stay_at;
use crate::layout;
use crate::link::ENROL_AGAIN;
use crate::program;

/// What an enrolment writes.
const CONNECTION: [&str; 3] = [layout::CONNECTION, layout::AUTHORITIES, layout::AUTHORITIES_SIGNED];

/// What is wrong with a site's folder, or why something could not be kept in it.
#[derive(Debug, Error)]
pub(crate) enum BadFolder {
    #[error("{}: it was there when this site last wrote it, and is missing. {}", .0.display(), advice(.0))]
    Missing(PathBuf),
    #[error("{}: it is not what this site wrote last: it is damaged, or an older copy. {}", .0.display(), advice(.0))]
    Changed(PathBuf),
    #[error(
        "{}: this site has not written it, or the inventory of the folder is an older copy. Restore \
         the newest folder as a whole, or move the file away",
        .0.display()
    )]
    Foreign(PathBuf),
    #[error(
        "{}: this site has not written it, or the inventory of the folder is an older copy. Restore \
         the newest folder as a whole; never take this file out of it, for this site would forget what \
         it promised. Without one, come back as a new site",
        .0.display()
    )]
    Older(PathBuf),
    #[error(
        "{}: it has other records than this site wrote: {records} of them had a known end. Keep a \
         copy of the folder, and restore the newest one as a whole; without one, come back as a new \
         site",
        path.display()
    )]
    Forked { path: PathBuf, records: u64 },
    #[error(
        "{}: it ends at record {found} and had come to record {records}: it was cut off, or is an \
         older copy. Keep a copy of the folder, and restore the newest one as a whole; without one, come back as a new \
         site",
        path.display()
    )]
    Short { path: PathBuf, found: u64, records: u64 },
    #[error(
        "{}: this folder is older than what this site has signed: {reason}. Put the newest copy of the \
         folder in its place; without one, come back as a new site. Whoever goes on with this one \
         forgets sums that were opened",
        folder.display()
    )]
    Stale { folder: PathBuf, reason: String },
    #[error("{}: record {number} is no record of an inventory: {reason}", path.display())]
    Record { path: PathBuf, number: u64, reason: String },
    #[error("the folder takes nothing more until the daemon has been started again: {0}")]
    Poisoned(String),
    #[error(transparent)]
    File(#[from] FileError),
}

/// How a file comes back. What a connection is made of can come anew from the coordinator.
fn advice(path: &Path) -> String {
    if must_stay_at(path) {
        return "Keep a copy of the folder, and restore the newest copy of the file; without one, come \
                back as a new site"
            .into();
    }
    let anew = CONNECTION.into_iter().any(|name| path.ends_with(name));
    let anew = if anew { format!("{ENROL_AGAIN}; or ") } else { String::new() };
    format!(
        "Keep a copy of the folder, and restore the newest copy of the file; without one: {anew}{} \
         records accept",
        program()
    )
}
