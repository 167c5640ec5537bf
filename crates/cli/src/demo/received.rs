//! An upload as the coordinator keeps it: masked lanes in a file.

use std::fs;
use std::path::Path;

use anyhow::Context;
use ripieno_study::SiteIndex;
use ripieno_terminal::{Exit, Failure};

/// How a file of an upload begins.
const MARK: &[u8] = b"ripieno-upload-1";
/// Number, count and check before the lanes of a tile.
const HEAD: usize = 40;
/// The number of the record that ends a file.
const END: u32 = u32::MAX;

/// An upload, by the name under which it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// The number of its slot.
    pub(super) slot: u32,
    pub(super) lanes: Vec<u64>,
}

/// All uploads of a site that the coordinator has at this moment.
pub(super) fn uploads(coordinator: &Path, site: SiteIndex) -> Result<Vec<Received>, Failure> {
    let folder = coordinator.join("objects");
    let entries = fs::read_dir(&folder)
        .with_context(|| format!("{} cannot be read", folder.display()))
        .map_err(|error| Failure::new(Exit::Internal, error))?;
    let of_site = |name: &str| {
        // upload-TRANSCRIPT-SLOT-SITE
        let (rest, index) = name.strip_prefix("upload-")?.rsplit_once('-')?;
        let slot = rest.rsplit_once('-')?.1.parse().ok()?;
        (index.parse() == Ok(site.get())).then_some(slot)
    };
    let uploads = entries.flatten().filter_map(|entry| {
        let slot = of_site(entry.file_name().to_str()?)?;
        // One that is gone by now was of a round that has ended.
        let lanes = lanes(&fs::read(entry.path()).ok()?)?;
        Some(Received { slot, lanes })
    });
    Ok(uploads.collect())
}

/// The lanes of a complete file; `None` where it is none.
fn lanes(file: &[u8]) -> Option<Vec<u64>> {
    let mut rest = file.strip_prefix(MARK)?;
    let mut lanes = Vec::new();
    loop {
        let (number, after) = rest.split_first_chunk::<4>()?;
        let (count, _) = after.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*number) == END {
            return Some(lanes);
        }
        let bytes = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(8)?;
        let tile = rest.get(HEAD..HEAD.checked_add(bytes)?)?;
        let (tile, _) = tile.as_chunks::<8>();
        lanes.extend(tile.iter().copied().map(u64::from_le_bytes));
        rest = rest.get(HEAD + bytes..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u32, lanes: &[u64]) -> Vec<u8> {
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.extend_from_slice(&u32::try_from(lanes.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&[9; 32]);
        bytes.extend(lanes.iter().flat_map(|lane| lane.to_le_bytes()));
        bytes
    }

    #[test]
    fn lanes_of_all_tiles_are_read_and_a_file_without_end_is_none() {
        let file = [MARK.to_vec(), record(0, &[1, 2]), record(1, &[3]), record(END, &[])].concat();
        assert_eq!(lanes(&file), Some(vec![1, 2, 3]));
        for end in [file.len() - 41, 60, 10, 0] {
            assert_eq!(lanes(&file[..end]), None, "{end}");
        }
    }

    #[test]
    fn uploads_are_found_by_site() {
        let folder = tempfile::tempdir().unwrap();
        let objects = folder.path().join("objects");
        fs::create_dir(&objects).unwrap();
        let file = [MARK.to_vec(), record(0, &[7]), record(END, &[])].concat();
        for name in ["upload-ab12-3-2", "upload-ab12-3-12", "upload-ab12-4-2", "lock"] {
            fs::write(objects.join(name), &file).unwrap();
        }
        let mut slots: Vec<_> = uploads(folder.path(), SiteIndex::new(2).unwrap()).unwrap();
        slots.sort_by_key(|upload| upload.slot);
        let expected = [3, 4].map(|slot| Received { slot, lanes: vec![7] });
        assert_eq!(slots, expected);
    }
}
