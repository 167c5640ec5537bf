//! A file of records, read back after a crash.

use ripieno_files::{AppendFile, Limits, read_records};

use super::{fair, folder, write_private};
use crate::allocations::within;

const LIMITS: Limits = Limits { record: 1 << 20, file: 1 << 24 };

/// The bytes of a whole file: it is whole, torn or damaged, and a damaged one is left as it is.
pub fn append(data: &[u8]) {
    let path = folder().join("records");
    write_private(&path, data);
    within(fair(data.len()), || {
        let read = read_records(&path, LIMITS);
        let Ok(opened) = AppendFile::open(&path, LIMITS) else {
            assert!(read.is_err(), "it can be read and not be opened");
            assert_eq!(std::fs::read(&path).ok().as_deref(), Some(data), "a damaged file changed");
            return;
        };
        let read = read.expect("it can be opened and not be read");
        assert_eq!(opened.torn, read.torn);
        let mut file = opened.file;
        assert_eq!(file.records(0..file.count()).ok().as_ref(), Some(&read.records));
        file.append(b"one more").expect("a record fits");
        drop(file);
        let again = read_records(&path, LIMITS).expect("what was mended is whole");
        assert_eq!(again.torn, None);
        let (last, before) = again.records.split_last().expect("one was appended");
        assert_eq!((last.as_slice(), before), (b"one more".as_slice(), read.records.as_slice()));
    });
}
