//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
  7  the output could not be written, or its folder is in use

Environment:
  RIPIENO_LOG  what is logged to stderr: `info`, `debug`; unset, nothing
  NO_COLOR     no colours, also on a terminal";

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
    /// Shows a federation of four hospitals, one of them lost and recovered
    Demo(DemoArgs),
    /// Runs a study on the CSV files of a folder, each of which is a site
    Simulate(SimulateArgs),
    /// What a study says
    #[command(subcommand)]
    Study(StudyCommand),
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
    /// Put tables and study into this folder, which must be empty, instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Seed of keys, shares and masks: the same seed gives the same run
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The study, in TOML (docs/study.md)
    #[arg(value_name = "STUDY.toml")]
    pub(crate) study: PathBuf,
    /// The folder whose CSV files are the sites; a site is called as its file
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Probability that a site drops out of a round, from 0 to below 1
    #[arg(long, value_name = "RATE", default_value = "0", value_parser = rate)]
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

#[derive(Debug, Subcommand)]
pub(crate) enum StudyCommand {
    /// Reads a study and says what it would do, or what is wrong with it
    Check {
        /// The study, in TOML (docs/study.md)
        #[arg(value_name = "STUDY.toml")]
        study: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A probability below 1: with 1 nothing would ever be opened.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.0..1.0).contains(rate));
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
        for text in ["1", "1.5", "-0.1", "NaN", "inf", "", "a"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
