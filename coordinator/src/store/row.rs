//! Between the numbers and bytes of rows and those of the domain.

use ripieno_identity::PublicKey;
use ripieno_study::{Digest, SiteIndex};

use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// A number for a row: SQLite has only signed ones.
    pub(super) fn number(&self, table: &'static str, value: u64) -> Result<i64, StoreError> {
        let path = self.path.clone();
        i64::try_from(value).map_err(|_| StoreError::TooLarge { path, table, value })
    }

    /// A number of a row.
    pub(super) fn read<T: TryFrom<i64>>(
        &self,
        table: &'static str,
        value: i64,
    ) -> Result<T, StoreError> {
        T::try_from(value).map_err(|_| self.damaged(table, "a number is out of range"))
    }

    pub(super) fn digest(&self, table: &'static str, bytes: &[u8]) -> Result<Digest, StoreError> {
        let bytes =
            bytes.try_into().map_err(|_| self.damaged(table, "a digest is not 32 bytes"))?;
        Ok(Digest::from_bytes(bytes))
    }

    pub(super) fn site(&self, table: &'static str, value: i64) -> Result<SiteIndex, StoreError> {
        let index = SiteIndex::new(self.read(table, value)?);
        index.ok_or_else(|| self.damaged(table, "a site has the index 0"))
    }

    pub(super) fn key(&self, table: &'static str, bytes: &[u8]) -> Result<PublicKey, StoreError> {
        let key = bytes.try_into().ok().and_then(|bytes| PublicKey::from_bytes(bytes).ok());
        key.ok_or_else(|| self.damaged(table, "a key is none"))
    }

    pub(super) fn damaged(&self, table: &str, what: &str) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what: format!("{table}: {what}") }
    }
}
