//! The researcher of the demo: vouched for by a hospital, asking the federation.

use std::path::PathBuf;

use ripieno_identity::RatifiedCharter;
use ripieno_terminal::Failure;

use super::federation::{Federation, string, text};
use crate::researcher::{Home, Remote};

/// Who the researcher is.
pub(super) const WHO: [&str; 3] = ["Dr. Emmy Noether", "statistician", "oncology"];

/// Makes a key, has it vouched for, joins; the coordinator as this researcher calls it.
pub(super) async fn join(
    federation: &Federation,
    home_site: &str,
) -> Result<(Remote, RatifiedCharter), Failure> {
    let dir = folder(federation);
    let dir_text = text(&dir)?;
    let made = federation.program.json(&["researcher", "init", "--dir", dir_text]).await?;
    let key = string(&made, "key")?;
    let [name, role, department] = WHO;
    let vouch = [
        "researcher",
        "vouch",
        "--key",
        &key,
        "--name",
        name,
        "--role",
        role,
        "--department",
        department,
        "--days",
        "30",
    ];
    let vouched = federation.at_site(home_site, &vouch, "").await?;
    let mail = federation.folder.join("credential.txt");
    std::fs::write(&mail, string(&vouched, "credential")?).map_err(Failure::output)?;
    let join = [
        "researcher",
        "join",
        "--coordinator",
        &federation.address,
        "--fingerprint",
        &federation.authority,
        "--key",
        &federation.key,
        "--credential",
        text(&mail)?,
        "--dir",
        dir_text,
    ];
    federation.program.json(&join).await?;
    Remote::open(&Home::at(Some(&dir))?).await
}

/// Where the researcher's files are.
pub(super) fn folder(federation: &Federation) -> PathBuf {
    federation.folder.join("researcher")
}
