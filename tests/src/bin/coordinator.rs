//! A coordinator that a test can end at a commit: `--crash before:N` or `--crash after:N`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use ripieno_coordinator::Command;
use ripieno_tests::observers::{Abort, Crash};

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, global = true)]
    crash: Option<Crash>,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    ripieno_tests::log();
    let Arguments { crash, command } = Arguments::parse();
    ripieno_tests::exit(match (crash, command) {
        (Some(crash), Command::Serve(folder)) => {
            ripieno_tests::serve(&folder.dir, Arc::new(Abort(crash)))
        }
        (_, command) => ripieno_coordinator::run(command),
    })
}
