//! Which charters this site signed: one for each version, for good.

use std::path::Path;

use ripieno_identity::ConsentRecord;
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure};
use serde::{Deserialize, Serialize};

use super::inventory::{BadFolder, Inventory};
use super::limits::CONSENTS;
use super::small::read;
use crate::layout;

/// The record as it was read: a file of JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consents(Vec<Signed>);

/// The record with its file, which is replaced as a whole.
#[derive(Debug)]
pub(crate) struct FileConsents {
    inventory: Inventory,
    consents: Consents,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    federation: String,
    version: u32,
    charter: Digest,
}

impl Consents {
    /// Reads the record, which may not be there yet.
    ///
    /// # Errors
    /// Where it cannot be read: then nothing may be signed.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let Some(bytes) = read(path, CONSENTS)? else { return Ok(Self::default()) };
        let signed = serde_json::from_slice(&bytes).map_err(|error| {
            let error = anyhow::Error::new(error)
                .context(format!("{} is damaged; restore it from the backup", path.display()));
            Failure::new(Exit::Output, error)
        })?;
        Ok(Self(signed))
    }

    /// The charter that was signed as this version.
    pub(crate) fn signed(&self, federation: &str, version: u32) -> Option<Digest> {
        let found = self.0.iter().find(|s| s.version == version && s.federation == federation);
        found.map(|signed| signed.charter)
    }
}

impl FileConsents {
    /// The record of a folder with this inventory.
    pub(crate) fn new(consents: Consents, inventory: Inventory) -> Self {
        Self { inventory, consents }
    }

    /// The charter that was signed as this version.
    pub(crate) fn signed(&self, federation: &str, version: u32) -> Option<Digest> {
        self.consents.signed(federation, version)
    }
}

impl ConsentRecord for &mut FileConsents {
    type Error = BadFolder;

    fn settle(
        &mut self,
        federation: &str,
        version: u32,
        digest: Digest,
    ) -> Result<Digest, BadFolder> {
        if let Some(before) = self.signed(federation, version) {
            return Ok(before);
        }
        let mut signed = self.consents.0.clone();
        signed.push(Signed { federation: federation.to_owned(), version, charter: digest });
        // Digests and texts are always JSON.
        let bytes = serde_json::to_vec_pretty(&signed).unwrap_or_default();
        self.inventory.write(layout::CONSENTS, &bytes, 0o600)?;
        self.consents = Consents(signed);
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    fn open(layout: &Layout) -> FileConsents {
        let consents = Consents::read(&layout.consents()).unwrap();
        FileConsents::new(consents, Inventory::ensure(layout).unwrap())
    }

    #[test]
    fn one_charter_is_settled_for_a_version_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let (one, two) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        let mut record = open(&layout);
        assert_eq!((&mut record).settle("North", 1, one).unwrap(), one);
        assert_eq!((&mut record).settle("North", 1, two).unwrap(), one);
        drop(record);
        let mut record = open(&layout);
        assert_eq!((&mut record).settle("North", 1, two).unwrap(), one);
        assert_eq!((&mut record).settle("South", 1, two).unwrap(), two);
        assert_eq!(record.signed("North", 1), Some(one));
        std::fs::write(layout.consents(), b"[{]").unwrap();
        assert!(Consents::read(&layout.consents()).is_err());
    }

    #[test]
    fn what_cannot_be_kept_is_not_signed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let mut record = open(&layout);
        // What stands there cannot be replaced by a file.
        std::fs::create_dir_all(layout.consents().join("full")).unwrap();
        let one = Digest::from_bytes([1; 32]);
        assert!((&mut record).settle("North", 1, one).is_err());
        assert_eq!(record.signed("North", 1), None);
        std::fs::remove_dir_all(layout.consents()).unwrap();
        let again = (&mut record).settle("North", 1, one).unwrap_err();
        assert!(again.to_string().contains("nothing more"), "{again}");
    }
}
