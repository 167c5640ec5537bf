//! Tests of keys, charter, consents and credentials; most of them show something bad.

mod bad_keys;
mod charter;
mod common;
mod consent;
mod credentials;
mod enrolment;
mod requests;
