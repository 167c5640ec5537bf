//! Entries in the log of people, by a command while no daemon runs.

use std::sync::Arc;

use ripieno_audit::Event;
use ripieno_files::StateDir;
use ripieno_terminal::Failure;

use super::inventory::Inventory;
use super::{Opening, no_inventory, signing_key};
use crate::clock::now;
use crate::layout::{self, Layout};

/// Adds entries to the log of people, and signs it.
///
/// # Errors
/// Where the folder is in use, an older copy, or cannot be written.
pub(crate) fn note(layout: &Layout, events: Vec<Event>) -> Result<(), Failure> {
    let _dir = StateDir::open(layout.dir()).map_err(Failure::output)?;
    let key = Arc::new(signing_key(layout)?);
    let (inventory, torn) = Inventory::open(layout).map_err(no_inventory)?;
    inventory.check_fresh().map_err(Failure::output)?;
    let mut opening = Opening { inventory, mended: torn.into_iter().collect() };
    let mut people = opening.log(layout::PEOPLE, &layout.people(), &key)?;
    for event in events {
        people.append(event).map_err(Failure::output)?;
    }
    people.seal(now()).map_err(Failure::output)?;
    opening.inventory.mark().map_err(Failure::output)
}
