//! What the owners of this site's data sets grant: a file that is replaced as a whole.

use ripieno_access::{BadGrant, Grant, Grantee, Grants};
use ripieno_audit::{Event, Kind};
use ripieno_files::write_atomically;
use ripieno_terminal::{Exit, Failure};

use crate::clock::{date, now};
use crate::edit::lock;
use crate::layout::Layout;
use crate::state::{limits, read_small};

/// Reads the grants; none where there is no file.
///
/// # Errors
/// Where it cannot be read: then nothing is granted.
pub(crate) fn read(layout: &Layout) -> Result<Grants, Failure> {
    let Some(bytes) = read_small(&layout.grants(), limits::GRANTS)? else {
        return Ok(Grants::default());
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let path = layout.grants();
        let context = format!("{} is damaged; restore it from the backup", path.display());
        Failure::new(Exit::Output, anyhow::Error::new(error).context(context))
    })
}

/// Changes the grants, one process after the other; what is returned is durable. `before` is done
/// when the change is known to be possible, and not made yet.
///
/// # Errors
/// Where the change is refused, or the file cannot be read or written.
pub(crate) fn change<T>(
    layout: &Layout,
    with: impl FnOnce(&mut Grants) -> Result<T, BadGrant>,
    before: impl FnOnce(&[Event]) -> Result<(), Failure>,
) -> Result<T, Failure> {
    let _lock = lock(layout)?;
    let old = read(layout)?;
    let mut grants = old.clone();
    let done = with(&mut grants).map_err(|bad| Failure::new(Exit::Refused, bad))?;
    before(&changes(&old, &grants))?;
    let bytes = serde_json::to_vec_pretty(&grants).map_err(Failure::output)?;
    write_atomically(&layout.grants(), &bytes, 0o600).map_err(Failure::output)?;
    Ok(done)
}

/// What was given and taken back between two states, for the audit log.
pub(crate) fn changes(before: &Grants, after: &Grants) -> Vec<Event> {
    let has = |grants: &Grants, grant: &Grant| grants.all().any(|other| other == grant);
    let gone = before.all().filter(|grant| !has(after, grant));
    let gone = gone.map(|grant| {
        let event = event("grant-revoked", grant);
        match after.revoked_by(grant.number) {
            Some(by) => event.with("by", by),
            None => event,
        }
    });
    let new = after.all().filter(|grant| !has(before, grant));
    gone.chain(new.map(|grant| event("granted", grant))).collect()
}

/// To whom, in words.
pub(crate) fn grantee(to: &Grantee) -> String {
    match to {
        Grantee::Researcher(key) => format!("researcher {key}"),
        Grantee::Role(role) => format!("role {role}"),
    }
}

fn event(step: &str, grant: &Grant) -> Event {
    let event = Event::new(Kind::OperatorAction, now())
        .with("step", step)
        .with("grant", grant.number)
        .with("owner", &grant.owner)
        .with("data-set", &grant.dataset)
        .with("to", grantee(&grant.to));
    let event = match &grant.column {
        Some(column) => event.with("column", column),
        None => event,
    };
    match grant.expires {
        Some(expires) => event.with("expires", date(expires)),
        None => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            number: 0,
            owner: "Grace".into(),
            dataset: "heart".into(),
            column: None,
            to: Grantee::Role("researcher".into()),
            since: 1,
            expires: None,
        }
    }

    #[test]
    fn grants_outlive_the_process_and_a_damaged_file_grants_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let mut noted = 0;
        let number = change(
            &layout,
            |grants| grants.give(grant()).map(|g| g.number),
            |events| {
                noted += events.len();
                Ok(())
            },
        );
        assert_eq!((number.unwrap(), noted), (1, 1));
        assert_eq!(read(&layout).unwrap().all().count(), 1);
        // What cannot be written down is not done.
        let full = |_: &[Event]| Err(Failure::output(anyhow::anyhow!("full")));
        let revoke = |grants: &mut Grants| grants.revoke(1, "Grace", |_| false);
        assert!(change(&layout, revoke, full).is_err());
        assert_eq!(read(&layout).unwrap().all().count(), 1);
        change(&layout, revoke, |_| Ok(())).unwrap();
        let after = read(&layout).unwrap();
        assert_eq!((after.all().count(), after.revoked_by(1)), (0, Some("Grace")));
        std::fs::write(layout.grants(), b"{").unwrap();
        assert!(read(&layout).is_err());
    }

    #[test]
    fn what_changed_is_told_with_who_took_it_back() {
        let mut after = Grants::default();
        after.give(grant()).unwrap();
        let before = after.clone();
        assert!(changes(&before, &after).is_empty());
        after.revoke(1, "Edsger", |_| true).unwrap();
        let [gone] = changes(&before, &after).try_into().unwrap();
        let text = format!("{gone:?}");
        assert!(text.contains("grant-revoked") && text.contains("Edsger"), "{text}");
    }
}
