//! The set-up of an epoch at a site: E1 advertise, E2 share, E3 accept, E4 join
//! (docs/protocol.md §4). Each step consumes the state of the one before.

pub mod accept;
pub mod advertise;
pub mod join;
pub mod share;
pub mod transcript;

pub mod secrets;

pub use accept::{Acceptance, Accepted};
pub use advertise::{Advert, Advertised, SlotAdvert};
pub use join::Epoch;
pub use share::{Bundle, Dealt};
pub use transcript::Transcript;
