//! The binary as scripts and people use it.

mod artefacts;
mod bad_input;
mod cases;
mod demo;
mod fake;
mod help;
mod pooled;
mod readme;
mod researcher;
mod results;
mod support;
