//! Calls over TLS, through proxies and over local sockets, and what can go wrong with them.

mod calls;
mod local;
mod support;
mod untaken;
