//! Encoded messages and their conversion to domain types.
