//! A coordinator that serves, and clients made by hand, over real TLS.

mod authority;
mod bounds;
mod commands;
mod enrolment;
mod files;
mod membership;
mod sessions;
mod stop;
mod studies;
mod support;
