//! What went wrong with the disk under the uploads.

use std::io::{Error, ErrorKind};
use std::sync::{Arc, OnceLock};

use ripieno_files::FileError;

use crate::spool::objects::{FLUSH, ObjectError};
use crate::spool::upload::UploadError;

/// The first failure of the disk, for who is to stop taking work then. Clones are of the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<OnceLock<String>>);

impl Faults {
    /// What failed first, if anything has.
    pub(crate) fn first(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// Keeps it in mind where the system refused to keep something. A quota, no room, a damaged
    /// upload and one that is not there are the matter of their slot alone: they would be there again
    /// after each start, and the other studies go on without that room.
    pub(super) fn note(&self, error: &UploadError) {
        let (UploadError::File(file) | UploadError::Object(ObjectError::File(file))) = error else {
            return;
        };
        if let FileError::System { doing, error: cause, .. } = file
            && (is_flush(doing) || !is_without_room(cause))
        {
            // A later one changes nothing.
            let _ = self.0.set(error.to_string());
        }
    }
}

/// After a failed flush nobody knows what the disk holds, whatever the reason was.
fn is_flush(doing: &str) -> bool {
    doing.starts_with(FLUSH)
}

/// A limit on the size of files is none of these: it stands for the database and the audit log too.
fn is_without_room(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
