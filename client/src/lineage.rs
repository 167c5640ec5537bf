//! The label under which a site's data counts, in its own file.
//!
//! What was opened of a table is counted by its lineage, which is made of this label and the name
//! of the data set. Nothing that comes from outside may change it: with another label the same rows
//! would count as new ones.

use std::path::Path;

use rand::Rng as _;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use ripieno_files::write_atomically;
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure};

use crate::layout::Layout;
use crate::{hex, program};

/// The file holds 64 digits and the end of a line.
const MAX_FILE: u64 = 65;

/// Draws a label and keeps it; one that is there stays.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn create(layout: &Layout) -> Result<(), Failure> {
    let path = layout.lineage();
    if path.exists() {
        return Ok(());
    }
    let mut bytes = [0; 32];
    UnwrapErr(SysRng).fill_bytes(&mut bytes);
    let text = format!("{}\n", Digest::from_bytes(bytes));
    write_atomically(&path, text.as_bytes(), 0o600).map_err(Failure::output)
}

/// The label.
///
/// # Errors
/// Where there is none, or the file is damaged: no data is counted then.
pub(crate) fn read(layout: &Layout) -> Result<String, Failure> {
    let path = layout.lineage();
    let Some(bytes) = crate::state::read_small(&path, MAX_FILE)? else {
        return Err(lost(&path, "is missing"));
    };
    let text = String::from_utf8(bytes).ok().and_then(|text| hex::digest(text.trim_end()));
    text.map(|label| label.to_string()).ok_or_else(|| lost(&path, "is damaged"))
}

fn lost(path: &Path, how: &str) -> Failure {
    let error = anyhow::anyhow!(
        "{} {how}: it holds the label under which sums of this site's data are counted",
        path.display()
    );
    Failure::new(Exit::Output, error).next(format!(
        "restore it from the backup; a folder that never had one cannot be used any more: {} init \
         --dir NEW, and enrol as a new site",
        program()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_drawn_once_and_never_made_up() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let missing = read(&layout).unwrap_err();
        assert!(missing.text().contains("is missing"), "{}", missing.text());
        assert!(missing.text().contains("restore it"), "{}", missing.text());
        create(&layout).unwrap();
        let label = read(&layout).unwrap();
        create(&layout).unwrap();
        assert_eq!(read(&layout).unwrap(), label);
        std::fs::write(layout.lineage(), &label[..63]).unwrap();
        assert!(read(&layout).unwrap_err().text().contains("is damaged"));
        let other = tempfile::tempdir().unwrap();
        let other = Layout::at(other.path());
        create(&other).unwrap();
        assert_ne!(read(&other).unwrap(), label);
    }
}
