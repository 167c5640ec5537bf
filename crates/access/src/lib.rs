//! Decisions about data, permits and governed views.
