//! The sites, as they stand in the store: each found by its name and by its certificates without a
//! search, for ten thousand of them may arrive within a minute.

use std::collections::HashMap;
use std::ops::Deref;

use crate::store::SiteRow;

/// All sites, in the order in which they were first invited.
#[derive(Debug, Default)]
pub(super) struct Roll {
    rows: Vec<SiteRow>,
    names: HashMap<String, usize>,
    serials: HashMap<String, usize>,
}

impl Roll {
    /// That of these.
    pub(super) fn of(rows: Vec<SiteRow>) -> Self {
        let mut roll = Self::default();
        rows.into_iter().for_each(|row| roll.put(row));
        roll
    }

    /// The site of this name.
    pub(super) fn named(&self, name: &str) -> Option<&SiteRow> {
        self.names.get(name).and_then(|place| self.rows.get(*place))
    }

    /// The site with this certificate.
    pub(super) fn with_serial(&self, serial: &str) -> Option<&SiteRow> {
        self.serials.get(serial).and_then(|place| self.rows.get(*place))
    }

    /// A site as it is now; a new one comes last.
    pub(super) fn put(&mut self, row: SiteRow) {
        let place = *self.names.entry(row.name.clone()).or_insert(self.rows.len());
        if let Some(before) = self.rows.get(place) {
            for serial in &before.serials {
                self.serials.remove(serial);
            }
        }
        self.serials.extend(row.serials.iter().map(|serial| (serial.clone(), place)));
        match self.rows.get_mut(place) {
            Some(before) => *before = row,
            None => self.rows.push(row),
        }
    }
}

impl Deref for Roll {
    type Target = [SiteRow];

    fn deref(&self) -> &[SiteRow] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, serials: &[&str]) -> SiteRow {
        let serials = serials.iter().map(|&serial| serial.into()).collect();
        SiteRow { serials, ..SiteRow::enrolled(name) }
    }

    #[test]
    fn a_site_is_found_by_the_certificates_that_it_has_now() {
        let mut roll = Roll::of(vec![row("north", &["1"]), row("south", &["2", "3"])]);
        roll.put(row("south", &["3", "4"]));
        roll.put(row("west", &["5"]));
        let found = |serial| roll.with_serial(serial).map(|row| row.name.as_str());
        let expected = [Some("north"), None, Some("south"), Some("south"), Some("west")];
        assert_eq!(["1", "2", "3", "4", "5"].map(found), expected);
        let order: Vec<_> = roll.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(order, ["north", "south", "west"]);
        assert_eq!(roll.named("south").unwrap().serials, ["3", "4"]);
        assert!(roll.named("east").is_none());
    }
}
