//! The client's half of a federation.
