//! The coordinator's side of the protocol: it routes, adds, and proves what it did. Each step
//! consumes the state of the one before. Nothing here is trusted by a site.

pub mod collect;
pub mod decide;
pub mod epoch;
pub mod open;
pub mod publish;
pub mod restore;
pub mod spool;

pub use collect::{Collecting, sign_contract};
pub use decide::{Deciding, Voiding};
pub use epoch::{Accepting, Epoch, Gathering, Sharing};
pub use open::{Disputed, Opening, Reconstruction};
pub use publish::Opened;
pub use restore::LostUpload;
pub use spool::{MemorySpool, ReadTiles, Spool, SpoolError, TilesInMemory};
