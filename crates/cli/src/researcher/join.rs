//! `ripieno researcher join`: from a credential to a federation whose charter is pinned.

use std::fs;

use anyhow::{Context, anyhow};
use ripieno_identity::{Credential, RatifiedCharter};
use ripieno_terminal::{Exit, Failure, Style, json_to_stdout, line_to_stdout, to_stderr};
use ripieno_wire::credential_from_text;
use serde_json::json;

use super::args::JoinArgs;
use super::authorities::newer;
use super::failure::of_answer;
use super::home::{Home, Joined, check_expiry, now};
use super::remote::{Caller, Remote, authority};

/// Words on a line.
const WORDS: usize = 6;

/// Fetches the authority by its fingerprint, verifies the charters, and keeps both.
pub(super) async fn run(args: &JoinArgs) -> Result<Exit, Failure> {
    let home = Home::at(args.folder.dir.as_deref())?;
    let key = home.key()?;
    let credential = read(args)?;
    if credential.fields.researcher != key.public() {
        let error = anyhow!("the credential is for another key than yours, {}", key.public());
        return Err(Failure::new(Exit::Denied, error).next(
            "hand that key to the steward of your home site, and join with what comes back",
        ));
    }
    if let Some(warning) = check_expiry(&credential, now())? {
        to_stderr(&format!("note: {warning}"));
    }
    let target = args.coordinator.clone();
    let authorities = authority(&target, args.fingerprint).await?;
    let caller = Caller { key, credential: credential.clone(), coordinator: args.key };
    let mut remote = Remote::connect(target.clone(), &authorities, caller)?;
    let (history, answer) = remote.discover().await?;
    let mut charters = held(&home);
    charters = match charters.last() {
        Some(last) => {
            let later = history.verify_after(last).map_err(of_answer)?;
            charters.into_iter().chain(later).collect()
        }
        None => history.verify().map_err(of_answer)?,
    };
    let charter = charters.last().cloned().ok_or_else(|| of_answer("there is no charter"))?;
    if charter.coordinator() != args.key {
        return Err(of_answer("the charter names another key of the coordinator than --key"));
    }
    credential.verify(&charter, now()).map_err(|refusal| {
        Failure::new(Exit::Denied, refusal)
            .next("ask the steward of your home site for a new credential")
    })?;
    // Whoever joins has pinned an authority by its fingerprint: an earlier list counts no more.
    let followed = newer(answer.authorities, None, charter.federation(), args.key)?;
    home.join(&Joined { target, authorities, credential, charters })?;
    if let Some(followed) = followed {
        home.follow(&followed)?;
    }
    if args.json {
        let fields = charter.charter().fields();
        json_to_stdout(&json!({
            "federation": fields.federation,
            "charter_version": fields.version,
            "words": charter.charter().fingerprint_words(),
        }))?;
    } else {
        line_to_stdout(&text(&charter))?;
    }
    Ok(Exit::Done)
}

/// The charters of an earlier join of the same federation: a coordinator shows no others.
fn held(home: &Home) -> Vec<RatifiedCharter> {
    home.joined().map(|joined| joined.charters).unwrap_or_default()
}

fn read(args: &JoinArgs) -> Result<Credential, Failure> {
    let path = &args.credential;
    let text = fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))
        .map_err(Failure::output)?;
    credential_from_text(&text).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{}", path.display()));
        Failure::new(Exit::Denied, error).next("take the file as the steward gave it to you")
    })
}

fn text(charter: &RatifiedCharter) -> String {
    let style = Style::of_stdout();
    let fields = charter.charter().fields();
    let names: Vec<_> = fields.sites.iter().map(|site| site.name.as_str()).collect();
    format!(
        "joined {}: version {} of its charter, signed by its sites\n  sites: {}\n\n{}\n\n  Compare \
         these words with the steward of your home site: ripieno site charter show.\n  If one of \
         them differs, somebody stands between you and the federation.",
        style.bold(&fields.federation),
        fields.version,
        names.join(", "),
        words(charter)
    )
}

/// The charter's words, some on a line.
pub(super) fn words(charter: &RatifiedCharter) -> String {
    let words = charter.charter().fingerprint_words();
    let lines = words.chunks(WORDS).map(|line| format!("    {}", line.join(" ")));
    lines.collect::<Vec<_>>().join("\n")
}
