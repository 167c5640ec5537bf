//! The slim binary of a site: parse, run, print.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::Parser;
use ripieno_client::Command;
use ripieno_terminal::Exit;
use tracing_subscriber::EnvFilter;

/// What `--help` says below the options.
const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  the program contradicts itself, or the system failed it: please report it
  2  the command line is wrong
  4  the data cannot be used: file, line and column are named
  5  refused here
  7  a file or folder cannot be read or written, or is in use
  8  the other end cannot be reached: network, TLS, or the daemon is not running
  9  denied: invitation, certificate, charter

Environment:
  RIPIENO_LOG  what is logged to stderr: `info`, `debug`; unset, nothing but with `run`: `info`
  HTTPS_PROXY  the proxy on the way out, except for what NO_PROXY names
  NO_COLOR     no colours, also on a terminal

Example:
  ripieno-site init --dir site --name st-anna
  ripieno-site enroll --dir site < invitation.txt
  ripieno-site run --dir site";

/// A site of a federation: its data stays here, masked sums leave.
#[derive(Debug, Parser)]
#[command(name = "ripieno-site", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    log(matches!(command, Command::Run(_)));
    match ripieno_client::run(command) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_broken_pipe() => Exit::Done.into(),
        Err(failure) => {
            ripieno_terminal::to_stderr(&failure.text());
            failure.exit().into()
        }
    }
}

/// Logs to stderr what `RIPIENO_LOG` asks for; where it is not set, a daemon logs what happens.
fn log(daemon: bool) {
    let filter = match EnvFilter::try_from_env("RIPIENO_LOG") {
        Ok(filter) => filter,
        Err(_) if daemon => EnvFilter::new("info"),
        Err(_) => return,
    };
    let format = tracing_subscriber::fmt().with_ansi(io::stderr().is_terminal());
    format.with_env_filter(filter).with_writer(io::stderr).init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
