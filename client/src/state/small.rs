//! The small files of a folder, as they are found.

use std::io::Read as _;
use std::path::Path;

use ripieno_files::{FileError, Folder};
use ripieno_identity::PublicKey;
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure};
use sha2::{Digest as _, Sha256};

use super::STUDIES;
use super::inventory::Files;
use crate::layout::{self, Layout};

/// What of a folder is in its inventory, beside the key and the studies.
const SMALL: [&str; 8] = [
    layout::LINEAGE,
    layout::CONNECTION,
    layout::AUTHORITIES,
    layout::AUTHORITIES_SIGNED,
    layout::CHARTERS,
    layout::CHARTERS_TO_COME,
    layout::PROPOSAL,
    layout::CONSENTS,
];

/// Reads a small file; `None` where there is none.
///
/// # Errors
/// Where the system does not give it, or it is larger than `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::output(
            anyhow::Error::new(error).context(format!("cannot read {}", path.display())),
        )
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let text = format!("{} is larger than {limit} bytes", path.display());
        return Err(Failure::output(anyhow::anyhow!(text)));
    }
    Ok(Some(bytes))
}

/// SHA-256 of a file; `None` where there is none.
///
/// # Errors
/// Where the system does not give it.
pub(crate) fn digest_of(path: &Path) -> Result<Option<Digest>, FileError> {
    let failed = |error| FileError::System { doing: "read", path: path.to_owned(), error };
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut hasher = Sha256::new();
    let mut part = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut part).map_err(failed)?;
        let Some(bytes) = part.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
    }
    Ok(Some(Digest::from_bytes(hasher.finalize().into())))
}

/// What stands for the site's key: whoever reads the inventory learns no secret.
pub(crate) fn digest_of_key(key: PublicKey) -> Digest {
    Digest::from_bytes(Sha256::digest(key.as_bytes()).into())
}

/// Everything that the inventory of a folder is about, as it is found.
///
/// # Errors
/// Where the system does not give a file.
pub(crate) fn found(layout: &Layout, key: PublicKey) -> Result<Files, Failure> {
    let mut files = Files::from([(layout::KEY.to_owned(), digest_of_key(key))]);
    let studies = layout.dir().join(STUDIES);
    let folder = Folder::existing(studies).map_err(Failure::output)?;
    let listed = std::fs::read_dir(folder.path()).map_err(|error| {
        let context = format!("cannot list {}", folder.path().display());
        Failure::new(Exit::Output, anyhow::Error::new(error).context(context))
    })?;
    let mut names: Vec<String> = SMALL.into_iter().map(str::to_owned).collect();
    for entry in listed {
        let entry = entry.map_err(Failure::output)?;
        names.push(format!("{STUDIES}/{}", entry.file_name().to_string_lossy()));
    }
    for name in names {
        if let Some(digest) = digest_of(&layout.dir().join(&name)).map_err(Failure::output)? {
            files.insert(name, digest);
        }
    }
    Ok(files)
}
