//! A round at a site, in its two roles: as participant and as share-holder (docs/protocol.md §5).
//! R1 start, R2 upload, R3 outcome, R4 open, R5 publish; one module each. Each step consumes the
//! state of the one before; [`slot`] keeps the state of every slot of an epoch.

mod history;
pub mod open;
pub mod outcome;
pub mod publish;
pub mod slot;
pub mod start;
pub mod tiles;
pub mod upload;

pub(crate) mod unmask;
