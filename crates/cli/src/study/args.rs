//! The commands about studies.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::researcher::args::Folder;

#[derive(Debug, Subcommand)]
pub(crate) enum StudyCommand {
    /// Reads a study and says what it would do, or what is wrong with it
    ///
    /// Where you have joined a federation, its coordinator is asked as well whether the study could
    /// run there. Nothing is started.
    Check {
        /// The study, in TOML (docs/study.md)
        #[arg(value_name = "STUDY.toml")]
        study: PathBuf,
        /// Ask nobody
        #[arg(long)]
        offline: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: Folder,
    },
    /// Sends a study to the federation, whose sites decide on it and run it
    Submit {
        /// The study, in TOML (docs/study.md)
        #[arg(value_name = "STUDY.toml")]
        study: PathBuf,
        /// Stay, and show what happens until it ends
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        watching: Watching,
        #[command(flatten)]
        folder: Folder,
    },
    /// Lists your studies, newest first
    List {
        /// Print one JSON object: {"studies": […]}
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: Folder,
    },
    /// Shows where a study stands, and what each site says to it
    Show {
        #[command(flatten)]
        study: StudyName,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: Folder,
    },
    /// Shows what happens in a study until it ends
    ///
    /// Goes on by itself after a broken connection, and misses nothing.
    Watch {
        #[command(flatten)]
        study: StudyName,
        #[command(flatten)]
        watching: Watching,
        #[command(flatten)]
        folder: Folder,
    },
    /// Ends a study; sums that were opened stay opened
    Cancel {
        #[command(flatten)]
        study: StudyName,
        /// Why, for the sites' records
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
        #[command(flatten)]
        folder: Folder,
    },
    /// Fetches the result of a study that is done
    Result {
        #[command(flatten)]
        study: StudyName,
        /// Write the result, the model and the charter into this folder, which must be empty
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Replace what an earlier command wrote into the folder of --out
        #[arg(long, requires = "out")]
        force: bool,
        /// Print the result as one JSON object, and nothing else, on stdout
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: Folder,
    },
}

/// Which study.
#[derive(Clone, Debug, Args)]
pub(crate) struct StudyName {
    /// The study: its digest, an unambiguous beginning of it, or its file
    #[arg(value_name = "STUDY", value_parser = not_empty)]
    pub(crate) study: String,
}

/// How events are shown.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Watching {
    /// How progress is shown
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: Shown,
    /// Print one JSON object a line and event
    #[arg(long, conflicts_with = "progress")]
    pub(crate) json: bool,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// A display that changes in place on a terminal, lines elsewhere
    #[default]
    Auto,
    /// A display that changes in place
    Bars,
    /// A line for each event
    Lines,
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("name a study".into()) } else { Ok(text.to_owned()) }
}

fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.len() > 512 {
        return Err("a reason has 1 to 512 bytes".into());
    }
    Ok(text.to_owned())
}
