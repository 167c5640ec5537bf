//! The gRPC services of `proto/ripieno/v1`: clients and servers, generated; and the connections
//! that they run over.
//!
//! - [`SiteService`](site_service_server::SiteService): what sites call at the coordinator;
//! - [`StudyService`](study_service_server::StudyService): what researchers call there;
//! - [`OperatorService`](operator_service_server::OperatorService) and
//!   [`StewardService`](steward_service_server::StewardService): what the people of a coordinator
//!   and of a site call, over local sockets.
//!
//! A coordinator serves [`incoming`] connections, sites and researchers call over a [`channel()`],
//! and people on the same machine over [`local`] sockets.
//!
//! Fields of type `bytes` that hold an encoded message are decoded by `ripieno-wire`, which checks
//! them. Nothing in the generated code is checked but lengths, by the limits that a caller sets on
//! its client or server.

mod channel;
mod codec;
pub mod incoming;
pub mod local;
mod pushback;

mod generated {
    #![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic)]

    tonic::include_proto!("ripieno.v1");
}

pub use channel::{CONNECTION_WINDOW, Keepalive, STREAM_WINDOW, channel, connect_error, within};
pub use generated::*;
pub use pushback::{come_back_after, pushback};

/// All messages and services of the package, for gRPC reflection: an encoded `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
