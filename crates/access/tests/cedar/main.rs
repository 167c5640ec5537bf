//! Policies in Cedar: what decides about columns, and what never does.

mod decisions;
mod mistakes;
mod sequences;
mod support;
