//! The secure-aggregation protocol, without I/O.
