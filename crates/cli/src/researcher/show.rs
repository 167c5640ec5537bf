//! `ripieno researcher show`: who a researcher is to the federation.

use ripieno_terminal::{Exit, Failure, clean, json_to_stdout, line_to_stdout, moment};
use serde_json::json;

use super::args::Folder;
use super::home::{Home, now};
use super::join::words;

/// Longest text of a credential that is shown, in characters.
const MOST: usize = 128;

/// Prints key, federation and credential; ends with 9 where the credential has ended.
pub(super) fn run(folder: &Folder, as_json: bool) -> Result<Exit, Failure> {
    let home = Home::at(folder.dir.as_deref())?;
    let key = home.key()?.public();
    if !home.has_joined() {
        if as_json {
            json_to_stdout(&json!({ "key": key, "federation": null }))?;
        } else {
            line_to_stdout(&format!("your key: {key}\nyou have not joined a federation"))?;
        }
        return Ok(Exit::Done);
    }
    let joined = home.joined()?;
    let fields = &joined.credential.fields;
    let charter = joined.charters.last();
    let home_site = charter.and_then(|charter| charter.charter().site(fields.home));
    let home_name = home_site.map_or_else(|| fields.home.to_string(), |site| site.name.clone());
    let ended = now() >= fields.expires;
    let version = charter.map_or(0, |charter| charter.charter().fields().version);
    if as_json {
        json_to_stdout(&json!({
            "key": key,
            "federation": fields.federation,
            "coordinator": joined.target.to_string(),
            "charter_version": version,
            "words": charter.map(|charter| charter.charter().fingerprint_words()),
            "name": fields.name,
            "role": fields.role,
            "department": fields.department,
            "clearance": fields.clearance,
            "home": home_name,
            "expires": fields.expires,
            "ended": ended,
        }))?;
    } else {
        let shown = |text: &str| clean(text, MOST);
        line_to_stdout(&format!(
            "your key     {key}\nfederation   {}, coordinator {}\nyou          {}, {}, {}\n\
             clearance    {}\nvouched by   {home_name}\ncredential   {} {}\ncharter      version \
             {version}\n{}",
            shown(&fields.federation),
            joined.target,
            shown(&fields.name),
            shown(&fields.role),
            shown(&fields.department),
            shown(&fields.clearance),
            if ended { "ENDED on" } else { "ends on" },
            moment(fields.expires),
            charter.map(words).unwrap_or_default()
        ))?;
    }
    Ok(if ended { Exit::Denied } else { Exit::Done })
}
