//! A message that is too long for the session, fetched part by part. A sum that is longer than what
//! else may come goes to a file, so that it is never in memory as a message.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ripieno_rpc::{DownloadRequest, Parcel};
use ripieno_wire::limits::{MAX_CONTROL_BYTES, MAX_PUBLISHED_BYTES};
use ripieno_wire::{BadSum, ReadAt, ToSite, WireError, decode_sum};
use thiserror::Error;
use tokio::time::timeout;
use tonic::Status;

use super::keeper::computing;
use crate::link::Client;

/// The longest parcel: the largest message to a site, with what is around it.
const MAX_PARCEL: u64 = MAX_PUBLISHED_BYTES as u64 + 64;
/// A parcel up to this length is fetched at any time; a longer one only where a sum can come.
pub(crate) const SMALL: u64 = 16 << 20;
/// The longest parcel that is not a sum, or a sum of which all is verified here: it is held in
/// memory.
const GATHERED: u64 = MAX_CONTROL_BYTES as u64 + 64;
/// How long a part may take.
const PART: Duration = Duration::from_secs(60);
/// The longest part, in bytes.
const MAX_PART: usize = 1 << 20;

/// Why a parcel is not taken.
#[derive(Debug, Error)]
pub(crate) enum BadParcel {
    #[error("the coordinator announced a message of {0} bytes, at most {MAX_PARCEL} are taken")]
    TooLong(u64),
    #[error("a message of {announced} bytes was announced, and {came} came")]
    Length { announced: u64, came: u64 },
    #[error("a part of {0} bytes came, 1 to {MAX_PART} are allowed")]
    Part(usize),
    #[error("no part of an announced message for {} s", PART.as_secs())]
    Silent,
    #[error("the download ended: {0}")]
    Call(Status),
    #[error("the coordinator sent something that is no message: {0}")]
    Wire(#[from] WireError),
    #[error(
        "a sum cannot be kept in {folder} while it is verified: {error}; make room on the disk, or \
         mend it"
    )]
    Disk { folder: PathBuf, error: io::Error },
}

impl BadParcel {
    /// Whether the coordinator did something that it must not do.
    pub(crate) fn is_misbehaviour(&self) -> bool {
        match self {
            Self::TooLong(_) | Self::Length { .. } | Self::Part(_) | Self::Wire(_) => true,
            Self::Silent | Self::Call(_) | Self::Disk { .. } => false,
        }
    }
}

/// Whether a parcel can be a message.
///
/// # Errors
/// [`BadParcel::TooLong`].
pub(crate) fn check(parcel: &Parcel) -> Result<(), BadParcel> {
    if parcel.bytes > MAX_PARCEL { Err(BadParcel::TooLong(parcel.bytes)) } else { Ok(()) }
}

/// Fetches a parcel, and decodes it. Memory and file grow with what comes, never with what was
/// announced. The file has no name, and goes with the message.
///
/// # Errors
/// [`BadParcel`] where it is longer or shorter than announced, stalls, or is no message.
pub(crate) async fn fetch(
    client: &mut Client,
    parcel: &Parcel,
    folder: &Path,
) -> Result<ToSite, BadParcel> {
    check(parcel)?;
    let announced = parcel.bytes;
    let silent = |_| BadParcel::Silent;
    let call = client.download(DownloadRequest { ticket: parcel.ticket });
    let mut parts =
        timeout(PART, call).await.map_err(silent)?.map_err(BadParcel::Call)?.into_inner();
    let mut message = Message::new(announced, folder)?;
    while let Some(next) =
        timeout(PART, parts.message()).await.map_err(silent)?.map_err(BadParcel::Call)?
    {
        computing(|| message.add(&next.part))?;
    }
    computing(|| message.decode())
}

/// What came so far.
enum Message {
    Gathered(Gathered),
    Kept(Kept),
}

impl Message {
    fn new(announced: u64, folder: &Path) -> Result<Self, BadParcel> {
        if announced <= GATHERED {
            return Ok(Self::Gathered(Gathered { announced, bytes: Vec::new() }));
        }
        Kept::new(announced, folder).map(Self::Kept)
    }

    fn add(&mut self, part: &[u8]) -> Result<(), BadParcel> {
        match self {
            Self::Gathered(gathered) => gathered.add(part),
            Self::Kept(kept) => kept.add(part),
        }
    }

    fn decode(self) -> Result<ToSite, BadParcel> {
        match self {
            Self::Gathered(gathered) => Ok(ToSite::decode(gathered.whole()?)?),
            Self::Kept(kept) => kept.decode(),
        }
    }
}

/// How much has come with another part, where that is still within what was announced.
fn length_with(announced: u64, before: u64, part: &[u8]) -> Result<u64, BadParcel> {
    if !(1..=MAX_PART).contains(&part.len()) {
        return Err(BadParcel::Part(part.len()));
    }
    let came = before + part.len() as u64;
    if came > announced { Err(BadParcel::Length { announced, came }) } else { Ok(came) }
}

/// The parts of a large sum, in a file.
struct Kept {
    announced: u64,
    came: u64,
    file: File,
    folder: PathBuf,
}

impl Kept {
    fn new(announced: u64, folder: &Path) -> Result<Self, BadParcel> {
        let folder = folder.to_owned();
        match tempfile::tempfile_in(&folder) {
            Ok(file) => Ok(Self { announced, came: 0, file, folder }),
            Err(error) => Err(BadParcel::Disk { folder, error }),
        }
    }

    fn add(&mut self, part: &[u8]) -> Result<(), BadParcel> {
        let came = length_with(self.announced, self.came, part)?;
        let written = self.file.write_all(part);
        written.map_err(|error| BadParcel::Disk { folder: self.folder.clone(), error })?;
        self.came = came;
        Ok(())
    }

    fn decode(self) -> Result<ToSite, BadParcel> {
        let Self { announced, came, file, folder } = self;
        if came != announced {
            return Err(BadParcel::Length { announced, came });
        }
        decode_sum(Arc::new(OnDisk { file, bytes: came })).map_err(|bad| match bad {
            BadSum::Wire(error) => BadParcel::Wire(error),
            BadSum::Read(error) => BadParcel::Disk { folder, error },
        })
    }
}

/// A file that is written no more.
struct OnDisk {
    file: File,
    bytes: u64,
}

impl ReadAt for OnDisk {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

/// The parts that came, one behind the other.
struct Gathered {
    announced: u64,
    bytes: Vec<u8>,
}

impl Gathered {
    fn add(&mut self, part: &[u8]) -> Result<(), BadParcel> {
        let announced = self.announced;
        length_with(announced, self.bytes.len() as u64, part)?;
        if self.bytes.capacity() - self.bytes.len() < part.len() {
            // An eighth more than there is, and in the end exactly what was announced: room is
            // never doubled. A parcel fits into memory, so its length into a usize.
            let left = usize::try_from(announced).unwrap_or(usize::MAX) - self.bytes.len();
            let step = (self.bytes.len() / 8).max(4 * MAX_PART).max(part.len());
            self.bytes.reserve_exact(step.min(left));
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// The message, without a copy.
    fn whole(self) -> Result<Bytes, BadParcel> {
        let (announced, came) = (self.announced, self.bytes.len() as u64);
        if came != announced {
            return Err(BadParcel::Length { announced, came });
        }
        Ok(self.bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_with_what_comes_and_is_not_doubled() {
        let announced = 40 * MAX_PART as u64 + 5;
        let mut message = Gathered { announced, bytes: Vec::new() };
        for _ in 0..40 {
            message.add(&[7; MAX_PART]).unwrap();
            let (held, room) = (message.bytes.len(), message.bytes.capacity());
            assert!(room <= held + (held / 8).max(4 * MAX_PART), "{room} for {held}");
        }
        message.add(&[7; 5]).unwrap();
        assert_eq!(message.bytes.capacity() as u64, announced);
        let place = message.bytes.as_ptr();
        let whole = message.whole().unwrap();
        assert_eq!((whole.len() as u64, whole.as_ptr()), (announced, place));
    }

    #[test]
    fn more_or_less_than_was_announced_is_no_message() {
        let gathered = || Gathered { announced: 3, bytes: Vec::new() };
        let mut message = gathered();
        message.add(&[1, 2]).unwrap();
        let more = message.add(&[3, 4]);
        assert!(matches!(more, Err(BadParcel::Length { announced: 3, came: 4 })));
        let less = message.whole();
        assert!(matches!(less, Err(BadParcel::Length { announced: 3, came: 2 })));
        assert!(matches!(gathered().add(&[]), Err(BadParcel::Part(0))));
        assert!(matches!(gathered().add(&[0; MAX_PART + 1]), Err(BadParcel::Part(_))));
    }

    #[test]
    fn a_large_sum_is_kept_in_a_file_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let kept = || match Message::new(GATHERED + 1, folder.path()) {
            Ok(Message::Kept(kept)) => kept,
            _ => panic!("it is large"),
        };
        let mut message = kept();
        for _ in 0..8 {
            message.add(&[0; MAX_PART]).unwrap();
        }
        assert!(matches!(message.add(&[]), Err(BadParcel::Part(0))));
        assert!(matches!(message.add(&[0; MAX_PART + 1]), Err(BadParcel::Part(_))));
        assert!(matches!(message.add(&[0; 66]), Err(BadParcel::Length { .. })));
        message.add(&[0; 65]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let no_sum = message.decode().unwrap_err();
        assert!(matches!(no_sum, BadParcel::Wire(_)) && no_sum.is_misbehaviour(), "{no_sum}");
        assert!(matches!(kept().decode(), Err(BadParcel::Length { came: 0, .. })));
        let Err(gone) = Message::new(GATHERED + 1, &folder.path().join("gone")) else {
            panic!("there is no such folder")
        };
        assert!(!gone.is_misbehaviour() && gone.to_string().contains("gone"), "{gone}");
    }
}
