//! A site.

use std::process::ExitCode;

use clap::Parser;
use ripieno_client::Command;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    ripieno_tests::log();
    ripieno_tests::exit(ripieno_client::run(Arguments::parse().command))
}
