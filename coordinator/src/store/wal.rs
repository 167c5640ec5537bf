//! The log beside the database, looked through before SQLite opens it.
//!
//! SQLite takes what stands in the log up to the first frame whose checksum does not fit, and forgets
//! the rest without a word: right after a crash in the middle of a write, wrong after damage. Each
//! commit is flushed before the next one is written, so a frame that does not fit, with a commit
//! behind it and directly behind that a frame that goes on from it, was whole once. (Further behind,
//! frames may fit each other that a transaction left which was undone: later ones write over its
//! first frames only.)
//!
//! The format is that of <https://www.sqlite.org/fileformat2.html#walformat>. Damage within the last
//! commit, and a log that was cut or is gone, look like a crash: the audit log tells, which knows how
//! many commits there were.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use ripieno_files::FileError;

use crate::store::error::StoreError;

/// Less its last bit, which says in which order the checksum takes the bytes of a word.
const MAGIC: u32 = 0x377f_0682;
const HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 24;

/// Checks the log of a database, which may be missing.
pub(super) fn check(database: &Path) -> Result<(), StoreError> {
    let path = path_of(database);
    let system = |error| FileError::System { doing: "read", path: path.clone(), error };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error).into()),
    };
    match look_through(BufReader::with_capacity(1 << 20, file)).map_err(system)? {
        None => Ok(()),
        Some(what) => Err(StoreError::Damaged { path, what }),
    }
}

/// What is wrong with a log, if anything is.
fn look_through(mut log: impl Read) -> std::io::Result<Option<String>> {
    let mut head = [0; HEADER_BYTES];
    if fill(&mut log, &mut head)? < HEADER_BYTES {
        // SQLite has not begun it.
        return Ok(None);
    }
    let [magic, _, page, _, salt_1, salt_2, a, b] = words(&head);
    let order = Order { is_big: magic & 1 == 1 };
    let (body, _) = head.split_at(HEADER_BYTES - 8);
    let is_page = page.is_power_of_two() && (512..=65536).contains(&page);
    if magic & !1 != MAGIC || !is_page || order.sum((0, 0), body) != (a, b) {
        let has_frames = fill(&mut log, &mut [0])? == 1;
        return Ok(has_frames.then(|| "its header is not what was written".to_owned()));
    }
    frames(log, (order, page as usize), [salt_1, salt_2], (a, b))
}

/// Reads frames until they are those of an earlier log, or end.
fn frames(
    mut log: impl Read,
    (order, page): (Order, usize),
    salts: [u32; 2],
    mut sum: (u32, u32),
) -> std::io::Result<Option<String>> {
    let mut frame = vec![0; FRAME_BYTES + page];
    let (mut number, mut bad, mut is_after_commit) = (0_u64, None, false);
    while fill(&mut log, &mut frame)? == frame.len() {
        number += 1;
        let (head, content) = frame.split_at(FRAME_BYTES);
        let Some(head) = head.first_chunk::<FRAME_BYTES>() else { break };
        let [_, pages, salt_1, salt_2, a, b] = words(head);
        let is_own = [salt_1, salt_2] == salts;
        let fits = is_own && order.sum(order.sum(sum, head.split_at(8).0), content) == (a, b);
        if let (true, true, Some(bad)) = (fits, is_after_commit, bad) {
            return Ok(Some(format!("frame {bad} is not what was written")));
        }
        if !fits && bad.is_none() {
            bad = Some(number);
        }
        is_after_commit = bad.is_some() && is_own && pages != 0;
        // What stands there is what the next one was summed from.
        sum = (a, b);
    }
    Ok(None)
}

/// In which order the checksum takes the bytes of a word.
#[derive(Clone, Copy)]
struct Order {
    is_big: bool,
}

impl Order {
    /// The checksum goes on over these bytes, a multiple of 8.
    fn sum(self, (mut s0, mut s1): (u32, u32), bytes: &[u8]) -> (u32, u32) {
        let word = |bytes: [u8; 4]| match self.is_big {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        };
        for &[a, b, c, d, e, f, g, h] in bytes.as_chunks::<8>().0 {
            s0 = s0.wrapping_add(word([a, b, c, d])).wrapping_add(s1);
            s1 = s1.wrapping_add(word([e, f, g, h])).wrapping_add(s0);
        }
        (s0, s1)
    }
}

/// Its words, which are big-endian.
fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u32; WORDS] {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

/// Reads until the buffer is full or there is no more; says how many bytes there were.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match log.read(rest) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 512;
    const SALTS: [u32; 2] = [7, 9];
    const ORDER: Order = Order { is_big: true };

    /// A log of frames as SQLite writes them.
    struct Log {
        bytes: Vec<u8>,
        /// Where the checksum stands behind each frame; first that of the header.
        sums: Vec<(u32, u32)>,
    }

    impl Log {
        fn new() -> Self {
            let mut bytes = Vec::new();
            for word in [MAGIC | 1, 3_007_000, 512, 0, SALTS[0], SALTS[1]] {
                bytes.extend(word.to_be_bytes());
            }
            let sum = ORDER.sum((0, 0), &bytes);
            bytes.extend([sum.0.to_be_bytes(), sum.1.to_be_bytes()].concat());
            Self { bytes, sums: vec![sum] }
        }

        /// Writes frames from that number on, over what stands there; the last one commits.
        fn write(&mut self, first: usize, last: usize, content: u8, commits: bool) {
            self.sums.truncate(first);
            for number in first..=last {
                let pages = u32::from(commits && number == last);
                let mut frame: Vec<u8> =
                    [5, pages, SALTS[0], SALTS[1]].into_iter().flat_map(u32::to_be_bytes).collect();
                let page = vec![content; PAGE];
                let sum = ORDER.sum(self.sums[number - 1], &frame[..8]);
                let sum = ORDER.sum(sum, &page);
                frame.extend([sum.0.to_be_bytes(), sum.1.to_be_bytes()].concat());
                frame.extend(page);
                let at = HEADER_BYTES + (number - 1) * frame.len();
                let end = at + frame.len();
                if self.bytes.len() < end {
                    self.bytes.resize(end, 0);
                }
                self.bytes[at..end].copy_from_slice(&frame);
                self.sums.push(sum);
            }
        }

        fn frame(&mut self, number: usize) -> &mut [u8] {
            let size = FRAME_BYTES + PAGE;
            &mut self.bytes[HEADER_BYTES + (number - 1) * size..][..size]
        }

        fn found(&self) -> Option<String> {
            look_through(&*self.bytes).unwrap()
        }
    }

    /// 13 frames of a commit, a large transaction that was undone behind them, and a commit over its
    /// first frames.
    fn with_a_stale_tail() -> Log {
        let mut log = Log::new();
        log.write(1, 13, 1, true);
        log.write(14, 200, 2, false);
        log.write(14, 20, 3, true);
        log
    }

    #[test]
    fn repro_what_an_undone_transaction_left_behind_a_torn_commit_is_no_damage() {
        let mut log = with_a_stale_tail();
        assert_eq!(log.found(), None);
        let stale = log.frame(22).to_vec();
        log.write(21, 25, 4, true);
        assert_eq!(log.found(), None);
        // The machine stopped before all of it was on the disk: one frame is not.
        log.frame(22).copy_from_slice(&stale);
        assert_eq!(log.found(), None);
    }

    #[test]
    fn damage_before_another_commit_is_noticed_with_a_stale_tail_too() {
        for bad in 1..=25 {
            let mut log = with_a_stale_tail();
            log.write(21, 25, 4, true);
            log.write(26, 27, 5, true);
            log.frame(bad)[100] ^= 1;
            let found = log.found().unwrap_or_else(|| panic!("frame {bad} passed"));
            assert!(found.contains(&format!("frame {bad} ")), "{found}");
        }
    }
}
