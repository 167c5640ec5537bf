//! One table of a manifest: which keys it may have, and typed access to them, with the position of
//! each for errors.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ManifestError, list, quoted};
use super::value::{Value, type_of};

/// A table with its dotted name (empty for the document itself).
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    text: &'a str,
    name: &'static str,
    start: usize,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    /// The document itself.
    pub(super) fn root(text: &'a str, table: &'a DeTable<'a>) -> Self {
        Self { text, name: "", start: 0, table }
    }

    /// Refuses any key that is not among `allowed`, the first in the text.
    pub(super) fn only(&self, allowed: &[&str]) -> Result<(), ManifestError> {
        let unknown = self.table.keys().filter(|key| !allowed.contains(&key.get_ref().as_ref()));
        let Some(key) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
        let name = quoted(key.get_ref());
        let reason = format!(
            "unknown key {name} in {}; allowed: {}",
            self.title(),
            list(allowed.iter().copied())
        );
        Err(ManifestError::at(self.text, key.span().start, reason))
    }

    /// A value that may be absent.
    pub(super) fn get(&self, key: &str) -> Option<Value<'a>> {
        self.table.get(key).map(|value| Value::new(self.text, self.path(key), value))
    }

    /// A value that must be there.
    pub(super) fn required(&self, key: &str) -> Result<Value<'a>, ManifestError> {
        self.get(key).ok_or_else(|| self.error(format!("{} lacks the key {key}", self.title())))
    }

    /// A table that may be absent.
    pub(super) fn table(&self, key: &'static str) -> Result<Option<Self>, ManifestError> {
        let entry = self.table.get_key_value(key);
        entry.map(|(name, value)| self.sub(key, name.span().start, value)).transpose()
    }

    /// An error at the head of the table.
    pub(super) fn error(&self, reason: impl Into<String>) -> ManifestError {
        ManifestError::at(self.text, self.start, reason)
    }

    fn sub(
        &self,
        name: &'static str,
        start: usize,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Result<Self, ManifestError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(Self { text: self.text, name, start, table }),
            other => {
                let reason = format!("{name} is a table, not {}", type_of(other));
                Err(ManifestError::at(self.text, value.span().start, reason))
            }
        }
    }

    fn title(&self) -> String {
        if self.name.is_empty() { "the manifest".into() } else { format!("[{}]", self.name) }
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) }
    }
}
