//! What all commands share at a terminal: how they end ([`Exit`], [`Failure`]), how they print, how
//! a figure or a table looks, and that they leave no core file ([`forbid_core_files`]).

mod core_file;
mod exit;
mod print;
mod style;
mod tables;
mod time;

pub use core_file::forbid_core_files;
pub use exit::{Exit, Failure};
pub use print::{bytes_to_stdout, json, json_to_stdout, line_to_stdout, to_stderr};
pub use style::Style;
pub use tables::{bytes, clean, counted, figure, human, percent, table, wrap};
pub use time::moment;
