//! The coordinator's signing key, from its file.

use std::path::Path;

use rand::TryRng as _;
use rand::rngs::SysRng;
use ripieno_files::{FileError, KeyFile};
use ripieno_identity::SigningKey;
use zeroize::Zeroizing;

use crate::folder::Folder;

/// Draws a key, keeps it in a new file, and returns it; `None` where the system gives no
/// randomness.
pub(crate) fn create(path: &Path) -> Result<Option<SigningKey>, FileError> {
    let mut seed = Zeroizing::new([0; 32]);
    if SysRng.try_fill_bytes(seed.as_mut_slice()).is_err() {
        return Ok(None);
    }
    KeyFile::at(path).create(&seed)?;
    Ok(Some(SigningKey::from_seed(&seed)))
}

/// The key of a folder. It is never copied in memory: who needs it for itself reads it again.
pub(crate) fn read(folder: &Folder) -> Result<SigningKey, FileError> {
    Ok(SigningKey::from_seed(&KeyFile::at(folder.key()).read()?))
}

/// 32 random bytes, or `None` where the system gives none.
pub(crate) fn draw_secret() -> Option<Zeroizing<[u8; 32]>> {
    let mut secret = Zeroizing::new([0; 32]);
    SysRng.try_fill_bytes(secret.as_mut_slice()).ok()?;
    Some(secret)
}
