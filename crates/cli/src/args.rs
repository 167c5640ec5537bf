//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::researcher::args::ResearcherCommand;
use crate::study::args::StudyCommand;

/// What `--help` says below the options.
const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  the program contradicts itself, or the system failed it: please report it
  2  the command line is wrong
  3  the study cannot be read, or is wrong
  4  the data cannot be used: folder, file, line and column are named
  5  the federation refused, had too few sites, or gave up
  6  the analysis ended without an estimate (the result is printed and says why)
  7  a file or folder cannot be written or read, or is in use
  8  the other end cannot be reached: the network, or a daemon that is not running
  9  denied: by invitation, certificate, credential or charter

Environment:
  RIPIENO_LOG  what is logged to stderr: `info`, `debug`; unset, nothing, by daemons `info`
  NO_COLOR     no colours, also on a terminal
  HTTPS_PROXY  the proxy on the way to a coordinator, and NO_PROXY the exceptions";

/// Federated analysis with secure aggregation: many sites, one sum, nobody's data.
#[derive(Debug, Parser)]
#[command(name = "ripieno", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a federation of four hospitals on this machine, one of them killed and back
    Demo(DemoArgs),
    /// Runs a study on the CSV files of a folder, each a site, or on made-up sites
    Simulate(SimulateArgs),
    /// Checks, submits and watches studies, and fetches their results
    #[command(subcommand)]
    Study(StudyCommand),
    /// A researcher's key, credential and federation
    #[command(subcommand)]
    Researcher(ResearcherCommand),
    /// Runs a coordinator, invites and revokes sites
    #[command(subcommand)]
    Coordinator(ripieno_coordinator::Command),
    /// Runs a site, registers its data, decides on studies
    #[command(subcommand)]
    Site(ripieno_client::Command),
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual, or writes its pages
    Man {
        /// Write one page a command into this folder instead
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Put all files into this folder, which must be empty, and keep them
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Keep the files also where no folder is named
    #[arg(long, conflicts_with = "dir")]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The study, in TOML (docs/study.md)
    #[arg(value_name = "STUDY.toml")]
    pub(crate) study: PathBuf,
    /// The folder whose CSV files are the sites; a site is called as its file
    #[arg(long, value_name = "DIR", required_unless_present = "sites")]
    pub(crate) data: Option<PathBuf>,
    /// Instead of tables, so many made-up sites in cohorts (kind vector): 129 to 65534
    #[arg(long, value_name = "N", conflicts_with_all = ["data", "out"])]
    #[arg(value_parser = clap::value_parser!(u16).range(129..=65534))]
    pub(crate) sites: Option<u16>,
    /// Probability that a site drops out of a round, from 0 to below 1, or in percent: 5%
    #[arg(long, value_name = "RATE", default_value = "0", value_parser = rate, alias = "dropouts")]
    pub(crate) drop: f64,
    /// Seed of keys, shares, masks and drops: the same seed gives the same run
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Write the result, the model and the receipts into this folder, which must be empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace what an earlier run wrote into the folder of --out
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// Print the result as one JSON object, and nothing else, on stdout
    #[arg(long)]
    pub(crate) json: bool,
    /// How progress is shown on stderr
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: Progress,
    /// Show no progress
    #[arg(long, short, conflicts_with = "progress")]
    pub(crate) quiet: bool,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// Bars on a terminal, lines elsewhere and with --json
    #[default]
    Auto,
    /// Bars
    Bars,
    /// A line for each event
    Lines,
    /// A JSON object on a line for each event
    Json,
    /// Nothing
    None,
}

/// A probability below 1: with 1 nothing would ever be opened.
fn rate(text: &str) -> Result<f64, String> {
    let rate = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    let rate = rate.ok().filter(|rate| (0.0..1.0).contains(rate));
    rate.ok_or_else(|| "a rate is a number from 0 to below 1, such as 0.15".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_rate_is_a_probability_below_one() {
        assert_eq!((rate("0"), rate("0.15")), (Ok(0.0), Ok(0.15)));
        assert_eq!(rate("5%"), Ok(0.05));
        for text in ["1", "100%", "%", "1.5", "-0.1", "NaN", "inf", "", "a"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
