//! Completions and manual pages, both made from the command line's own definition.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;
use ripieno_terminal::{Exit, Failure};

/// Prints the completions of a shell.
pub(crate) fn completions(shell: Shell) -> Result<Exit, Failure> {
    // The generator panics when it cannot write, so it writes to memory.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ripieno", &mut text);
    ripieno_terminal::bytes_to_stdout(&text)?;
    Ok(Exit::Done)
}

/// Prints the page of the program, or writes a page for it and each of its commands.
pub(crate) fn pages(out: Option<&Path>) -> Result<Exit, Failure> {
    let Some(folder) = out else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page).map_err(Failure::output)?;
        ripieno_terminal::bytes_to_stdout(&page)?;
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .with_context(|| format!("{}: the pages cannot be written", folder.display()))
        .map_err(Failure::output)?;
    ripieno_terminal::line_to_stdout(&format!("manual pages: {}", folder.display()))?;
    Ok(Exit::Done)
}
