//! The site's shelf as a folder: one file for each record, replaced as a whole.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use ripieno_client_engine::{Key, Shelf, ShelfError};
use ripieno_files::Folder;
use ripieno_study::Digest;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::STUDIES;
use super::inventory::Inventory;
use super::limits::{SHELF_RECORD, SHELF_RECORDS};

/// How every file begins.
const MARK: &[u8; 16] = b"ripieno-shelf-1\n";
pub(super) const LAST_EPOCH: &str = "epochs";
const STUDY: &str = "study-";
const PENDING: &str = "pending-";

/// A folder of records: `epochs`, `study-DIGEST`, `pending-DIGEST`. Each file holds a mark, a
/// SHA-256 digest over its name and its record, and the record.
#[derive(Debug)]
pub(crate) struct FileShelf {
    inventory: Inventory,
}

/// Records with their names, as they were kept.
pub(crate) type Saved = Vec<(Key, Vec<u8>)>;

/// A record that cannot be read.
#[derive(Debug, Error)]
pub(crate) enum BadShelf {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is damaged. {}", .0.display(), advice(.0))]
    Damaged(PathBuf),
    #[error("{} is no record of a site: move it away", .0.display())]
    Foreign(PathBuf),
    #[error("{} holds more than {SHELF_RECORDS} records", .0.display())]
    TooMany(PathBuf),
}

/// How a damaged record comes back. Without the one of epochs a site could use a slot twice.
fn advice(path: &Path) -> String {
    if path.ends_with(LAST_EPOCH) {
        return "Restore the newest copy of it; without one, come back as a new site, and never take \
                it away: this site would go back to epochs that it has used"
            .into();
    }
    format!(
        "Restore the newest copy of it; without one, move it away, type {} records accept, and have \
         the study submitted again",
        crate::program()
    )
}

impl FileShelf {
    /// Opens a folder and reads all its records.
    pub(crate) fn open(folder: &Folder, inventory: Inventory) -> Result<(Self, Saved), BadShelf> {
        let failed = |source| BadShelf::Read { path: folder.path().to_owned(), source };
        let mut saved = Vec::new();
        for entry in std::fs::read_dir(folder.path()).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let key = key(name).ok_or_else(|| BadShelf::Foreign(path.clone()))?;
            if saved.len() >= SHELF_RECORDS {
                return Err(BadShelf::TooMany(folder.path().to_owned()));
            }
            saved.push((key, load(&path, name)?));
        }
        saved.sort_by_key(|(key, _)| *key);
        Ok((Self { inventory }, saved))
    }
}

impl Shelf for FileShelf {
    fn put(&mut self, key: &Key, record: &[u8]) -> Result<(), ShelfError> {
        let name = name(key);
        let bytes = [MARK, digest(&name, record).as_slice(), record].concat();
        let kept = self.inventory.write(&format!("{STUDIES}/{name}"), &bytes, 0o600);
        kept.map_err(|error| ShelfError::new(error.to_string()))
    }

    fn remove(&mut self, key: &Key) -> Result<(), ShelfError> {
        let removed = self.inventory.remove(&format!("{STUDIES}/{}", name(key)));
        removed.map_err(|error| ShelfError::new(error.to_string()))
    }
}

fn load(path: &Path, name: &str) -> Result<Vec<u8>, BadShelf> {
    let failed = |source| BadShelf::Read { path: path.to_owned(), source };
    let damaged = || BadShelf::Damaged(path.to_owned());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(SHELF_RECORD + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > SHELF_RECORD {
        return Err(damaged());
    }
    let (mark, rest) = bytes.split_at_checked(MARK.len()).ok_or_else(damaged)?;
    let (check, record) = rest.split_at_checked(32).ok_or_else(damaged)?;
    if mark != MARK || check != digest(name, record) {
        return Err(damaged());
    }
    Ok(record.to_vec())
}

fn digest(name: &str, record: &[u8]) -> [u8; 32] {
    // A name has no zero byte.
    Sha256::new().chain_update(name).chain_update([0]).chain_update(record).finalize().into()
}

fn name(key: &Key) -> String {
    match key {
        Key::LastEpoch => LAST_EPOCH.into(),
        Key::Study(study) => format!("{STUDY}{study}"),
        Key::Pending(study) => format!("{PENDING}{study}"),
    }
}

fn key(name: &str) -> Option<Key> {
    if name == LAST_EPOCH {
        return Some(Key::LastEpoch);
    }
    let digest = |text: &str| text.parse::<Hex>().ok().map(|hex| hex.0);
    let study = name.strip_prefix(STUDY).and_then(digest).map(Key::Study);
    study.or_else(|| name.strip_prefix(PENDING).and_then(digest).map(Key::Pending))
}

/// A digest as it is written in a name.
struct Hex(Digest);

impl std::str::FromStr for Hex {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digest = crate::hex::digest(text).ok_or(())?;
        // One record has one name.
        if digest.to_string() == text { Ok(Self(digest)) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use ripieno_files::StateDir;

    use super::*;
    use crate::layout::Layout;

    fn open_in(root: &Path) -> (Folder, FileShelf, Saved) {
        let dir = StateDir::open(root).unwrap();
        let folder = dir.root().folder(STUDIES).unwrap();
        let inventory = Inventory::ensure(&Layout::at(root)).unwrap();
        let (shelf, saved) = FileShelf::open(&folder, inventory).unwrap();
        (folder, shelf, saved)
    }

    fn study() -> Digest {
        Digest::from_bytes([7; 32])
    }

    #[test]
    fn records_are_there_after_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("site");
        let (_, mut shelf, saved) = open_in(&root);
        assert_eq!(saved, []);
        shelf.put(&Key::LastEpoch, b"one").unwrap();
        shelf.put(&Key::LastEpoch, b"two").unwrap();
        shelf.put(&Key::Study(study()), b"").unwrap();
        shelf.put(&Key::Pending(study()), b"p").unwrap();
        shelf.remove(&Key::Pending(study())).unwrap();
        shelf.remove(&Key::Pending(study())).unwrap();
        drop(shelf);
        let (_, _, saved) = open_in(&root);
        assert_eq!(saved, [(Key::LastEpoch, b"two".to_vec()), (Key::Study(study()), vec![])]);
    }

    #[test]
    fn the_record_of_epochs_is_never_to_be_moved_away() {
        let advice = |name: &str| BadShelf::Damaged(Path::new("studies").join(name)).to_string();
        let epochs = advice(LAST_EPOCH);
        assert!(epochs.contains("come back as a new site"), "{epochs}");
        assert!(!epochs.contains("move it away") && !epochs.contains("records accept"), "{epochs}");
        for key in [Key::Study(study()), Key::Pending(study())] {
            let text = advice(&name(&key));
            assert!(text.contains("move it away") && text.contains("records accept"), "{text}");
        }
    }

    #[test]
    fn damage_and_exchanged_names_are_found() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("site");
        let (studies, mut shelf, _) = open_in(&root);
        shelf.put(&Key::Study(study()), b"record").unwrap();
        let folder = root.join("studies");
        let path = folder.join(format!("study-{}", study()));
        let good = std::fs::read(&path).unwrap();
        let open = || FileShelf::open(&studies, shelf.inventory.clone()).unwrap_err();
        for place in [0, 20, good.len() - 1] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(open(), BadShelf::Damaged(_)), "byte {place}");
        }
        std::fs::write(&path, &good[..40]).unwrap();
        assert!(matches!(open(), BadShelf::Damaged(_)));
        std::fs::remove_file(&path).unwrap();
        let other = folder.join(format!("study-{}", Digest::from_bytes([8; 32])));
        std::fs::write(&other, &good).unwrap();
        assert!(matches!(open(), BadShelf::Damaged(_)), "the record of another study");
        std::fs::remove_file(&other).unwrap();
        std::fs::write(folder.join("notes.txt"), b"").unwrap();
        assert!(matches!(open(), BadShelf::Foreign(_)));
    }
}
