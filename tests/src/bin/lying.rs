//! A coordinator that lies to its sites in its own name: `--lie sum --charter 0123… DIR`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use ripieno_files::KeyFile;
use ripieno_identity::SigningKey;
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure};
use ripieno_tests::observers::{Liar, Lie};

#[derive(Debug, Parser)]
enum Command {
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct Serve {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    lie: Lie,
    /// Digest of the charter in force.
    #[arg(long, value_parser = digest)]
    charter: Digest,
}

/// A digest in hexadecimal digits.
fn digest(text: &str) -> Result<Digest, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    ripieno_tests::log();
    let Command::Serve(serve) = Command::parse();
    ripieno_tests::exit(run(&serve))
}

fn run(serve: &Serve) -> Result<Exit, Failure> {
    let seed = KeyFile::at(serve.dir.join("coordinator.key")).read().map_err(Failure::output)?;
    let (lie, charter) = (serve.lie, serve.charter);
    let liar = Liar { lie, key: SigningKey::from_seed(&seed), charter };
    ripieno_tests::serve(&serve.dir, Arc::new(liar))
}
