//! `ripieno researcher`: a researcher's key, credential and federation.

pub(crate) mod args;
mod authorities;
mod failure;
mod home;
mod join;
mod remote;
mod show;

use rand::Rng as _;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::json;
use zeroize::Zeroizing;

use args::{Folder, ResearcherCommand};

pub(crate) use failure::{of_answer, of_status};
pub(crate) use home::Home;
pub(crate) use remote::Remote;

/// Runs a command.
pub(crate) fn run(command: &ResearcherCommand) -> Result<Exit, Failure> {
    match command {
        ResearcherCommand::Init { folder, json } => init(folder, *json),
        ResearcherCommand::Join(args) => runtime()?.block_on(join::run(args)),
        ResearcherCommand::Show { folder, json } => show::run(folder, *json),
    }
}

/// What calls run on: one thread, for one connection.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Internal, error))
}

fn init(folder: &Folder, as_json: bool) -> Result<Exit, Failure> {
    let home = Home::at(folder.dir.as_deref())?;
    let mut seed = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(seed.as_mut());
    home.create_key(&seed)?;
    let public = home.key()?.public();
    if as_json {
        json_to_stdout(&json!({ "key": public, "folder": home.path() }))?;
        return Ok(Exit::Done);
    }
    line_to_stdout(&format!(
        "your key: {public}\n\nHand this key to the steward of your home site, in person or by a \
         call that both know.\nThe steward types: ripieno site researcher vouch … --key {public}\n\
         The secret half is in {} and leaves this machine with you alone.",
        home.path().display()
    ))?;
    Ok(Exit::Done)
}
