//! Both ends of a connection over loopback, and what can go wrong between them.

mod authority;
mod handshake;
mod pinned;
mod proxy;
mod server;
mod support;
mod uses;
