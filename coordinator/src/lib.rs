//! The coordinator's half of a federation.
