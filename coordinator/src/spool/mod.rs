//! Where large things wait on a disk: uploads until their slot is opened, sums that do not fit a
//! database.
//!
//! - `objects`: whole files under a name, [`Objects`]; in a folder, [`LocalObjects`].
//! - `disk`: the uploads of all slots, [`DiskSpools`].
//! - `upload`: the form of an upload in a file; every tile with a check, so that damage is an error
//!   and never a wrong sum.
//! - `faults`: whether the disk has failed;
//! - `quota`: how many bytes all uploads together may take.

mod disk;
mod faults;
mod objects;
mod quota;
#[cfg(test)]
mod tests;
mod upload;

pub use disk::DiskSpools;
pub(crate) use faults::Faults;
pub(crate) use objects::TEMPORARY;
pub use objects::{LocalObjects, Object, ObjectError, Objects, Stored};
pub(crate) use quota::Quota;
