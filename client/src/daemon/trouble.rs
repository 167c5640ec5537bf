//! What ends all that the site does: a record that cannot be written, and a folder that is an older one.

use ripieno_audit::{Event, Kind};
use ripieno_terminal::Failure;
use tracing::error;

use super::alarms::About;
use super::keeper::{Duty, Keeper};
use crate::clock::now;
use crate::state::{BadFolder, CONDEMNED};

impl Keeper {
    /// Tells the site's people, once, that its own records cannot be written; whoever cannot write
    /// one of them takes part in nothing.
    pub(super) fn look_for_trouble(&mut self) {
        let Some(trouble) = self.trouble() else { return };
        if let Duty::Serving(site) = &mut self.duty {
            site.stop(&trouble);
        }
        let text = format!(
            "this site takes part in nothing more, for its own records cannot be written: {trouble}. \
             Make room on the disk, or mend it, then restart the daemon"
        );
        if self.alarms.raise(About::Records, text.clone()) {
            error!("{text}");
        }
    }

    /// This site has signed what its ledger does not hold: nobody goes on with this folder, today or
    /// after another start. That is written down before anything else can fail; the others are still
    /// told what was refused.
    pub(super) async fn look_for_stale_folder(&mut self) -> Result<(), Failure> {
        match self.behind().map(str::to_owned) {
            None => Ok(()),
            Some(reason) => Err(self.condemn(reason).await),
        }
    }

    async fn condemn(&mut self, reason: String) -> Failure {
        let condemned = self.inventory.condemn(&reason);
        let text = format!(
            "this folder is older than what this site has signed: {reason}. This site takes part in \
             nothing more. Put the newest copy of the folder in its place; without one, come back as \
             a new site"
        );
        let event = Event::new(Kind::Alarm, now()).with("problem", &text).with(CONDEMNED, &reason);
        error!("{text}");
        self.alarms.raise(About::Stale, text);
        let noted = self.note(event);
        self.flush().await;
        let unwritten =
            condemned.err().map(|error| format!("; nor can it be written down: {error}"));
        if let Err(failure) = noted {
            error!("it is not in the log of people: {}", failure.text());
        }
        let folder = self.config.layout.dir().to_owned();
        let reason = reason + &unwritten.unwrap_or_default();
        Failure::output(BadFolder::Stale { folder, reason })
    }

    /// What this site has signed that its ledger does not hold.
    pub(super) fn behind(&self) -> Option<&str> {
        match &self.duty {
            Duty::Serving(site) => site.behind(),
            Duty::Waiting(_) => None,
        }
    }

    /// Which of its own records the site cannot write.
    pub(super) fn trouble(&self) -> Option<String> {
        let engine = match &self.duty {
            Duty::Serving(site) => site.trouble().map(str::to_owned),
            Duty::Waiting(_) => None,
        };
        let people = || self.people.failed().map(ToString::to_string);
        engine.or_else(|| self.inventory.failed()).or_else(people)
    }
}

#[cfg(test)]
mod tests {
    use ripieno_audit::AuditLog;
    use ripieno_client_engine::ENTRIES_PER_SIGNATURE;
    use ripieno_files::{AppendFile, Limits};
    use ripieno_study::{Check, Refusal};
    use ripieno_wire::FromSite;
    use tokio::sync::mpsc;

    use super::super::made::keeper;
    use super::super::outbox::{Link, Talk};
    use super::*;
    use crate::state::Inventory;

    /// The log of people takes nothing more, as on a full disk: that the folder is older is written
    /// down all the same, and the others are told what was refused.
    #[tokio::test]
    async fn repro_an_older_folder_is_condemned_whatever_else_fails() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder.path().join("site"));
        let small = Limits { record: 1, file: 1 << 20 };
        let full = AppendFile::create(folder.path().join("full"), small).unwrap();
        let key = keeper.key.clone();
        keeper.people = AuditLog::open(full, key, ENTRIES_PER_SIGNATURE).unwrap();
        keeper.note(Event::new(Kind::Alarm, now())).unwrap_err();
        let (talk, mut said) = mpsc::channel(1);
        let (uploads, _uploads) = mpsc::channel(1);
        keeper.outbox.open(Link { talk, uploads });
        let refusal = Refusal::own(Check::L1, "of its own ledger");
        keeper.say([FromSite::Refused { id: None, study: None, refusal }]);

        let failure = keeper.condemn("a slot is missing".into()).await.text();
        assert!(failure.contains("a slot is missing"), "{failure}");
        assert!(matches!(said.try_recv(), Ok(Talk::FromSite(_))));
        let layout = keeper.config.layout.clone();
        drop(keeper);
        let (inventory, _) = Inventory::open(&layout).unwrap();
        assert!(matches!(inventory.check_fresh(), Err(BadFolder::Stale { .. })));
    }
}
