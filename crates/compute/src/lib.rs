//! The local half of an analysis.
