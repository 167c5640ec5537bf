//! How a site goes out; and the certificates that are looked after by themselves.

use std::path::Path;
use std::time::SystemTime;

use ripieno_audit::Kind;
use ripieno_identity::{Charter, RatifiedCharter};
use ripieno_rpc::{RevokeRequest, RevokeResponse};
use ripieno_transport::Serial;
use ripieno_transport::authority::{RevocationList, Revoked};
use ripieno_wire::membership::encode_charter;
use tonic::Status;
use tracing::{info, warn};

use super::Actor;
use super::command::Fault;
use super::error::Fatal;
use crate::certificates::CertificateError;
use crate::clock::{system, unix_now};
use crate::folder::Folder;
use crate::log::{Log, event};
use crate::membership::Wish;
use crate::store::{LiveCertificate, Store, WithdrawnCertificate};

/// The longest reason of a revocation, in bytes.
const MAX_REASON: usize = 512;
/// For so many seconds after its end a certificate stays on the list: clocks may be slow.
const GRACE: u64 = 24 * 3600;
/// For so many seconds it is said that transactions were lost: the start that finds it may be one of
/// several in a row, and ends before anybody can ask.
const SHOWN: u64 = 7 * 24 * 3600;

impl Actor {
    /// Cuts a site off, and proposes a charter without it.
    pub(super) async fn revoke(&mut self, request: RevokeRequest) -> Result<RevokeResponse, Fault> {
        let RevokeRequest { site, reason, corrupt } = request;
        let corrupt = corrupt
            .map(u16::try_from)
            .transpose()
            .map_err(|_| Status::invalid_argument(format!("corrupt is at most {}", u16::MAX)))?;
        if reason.trim().is_empty() || reason.len() > MAX_REASON {
            let text = format!("a reason has 1 to {MAX_REASON} bytes; it is for the audit log");
            return Err(Status::invalid_argument(text).into());
        }
        let Some(row) = self.sites.named(&site).cloned() else {
            let text = format!("there is no site {site:?}; see: ripieno coordinator sites");
            return Err(Status::not_found(text).into());
        };
        self.shared.store.revoke(&site, &reason, unix_now()).await?;
        let entry = event(Kind::Membership, "revoked").with("site", &site);
        self.log.add(entry.with("reason", &reason))?;
        warn!(site, "a site is revoked");
        let index = self.index_of(&row);
        self.found.forget(&site);
        self.refresh_sites().await?;
        self.tell_who_is_cut_off();
        let cut = self.withdraw_certificates().await?;
        let why = "this site was revoked; ask the federation's operator";
        self.end_session(&site, Some(Status::permission_denied(why)));
        let clock = self.watch.read();
        if let (Some(index), Some(engine)) = (index, &mut self.engine) {
            engine.expel(index, clock);
        }
        let cut = u32::try_from(cut).unwrap_or(u32::MAX);
        let proposed = self.pending.as_ref().is_some_and(|pending| pending.lists(row.key));
        if index.is_none() && !proposed {
            let why_none = format!("{site} is not in the charter in force");
            return Ok(RevokeResponse { cut, why_none, ..RevokeResponse::default() });
        }
        Ok(match self.propose(Wish { corrupt, ..Wish::default() }).await? {
            Ok(charter) => {
                let (newcomers, proposed) = (self.newcomers(&charter), encode_charter(&charter));
                let proposed = Some(proposed);
                RevokeResponse { cut, proposed, newcomers, ..RevokeResponse::default() }
            }
            Err(why) => {
                let why_none = why.to_string();
                RevokeResponse { cut, why_none, ..RevokeResponse::default() }
            }
        })
    }

    /// Sites of a charter that the one in force does not list; none where there is none in force.
    fn newcomers(&self, charter: &Charter) -> Vec<String> {
        let Some(before) = self.charters.last().map(RatifiedCharter::sites) else {
            return Vec::new();
        };
        let sites = charter.fields().sites.iter();
        let new = sites.filter(|site| !before.iter().any(|known| known.key == site.key));
        new.map(|site| site.name.clone()).collect()
    }

    /// Puts every withdrawn certificate on the list, and cuts its connections; how many is
    /// returned.
    pub(super) async fn withdraw_certificates(&mut self) -> Result<usize, Fatal> {
        let revoked = revoked(&self.shared.store).await?;
        let listed = revoked.iter().all(|one| self.certificates.lists(&one.serial));
        if listed {
            return Ok(0);
        }
        self.renew_list(&revoked).await
    }

    /// Renews what comes to its end.
    pub(super) async fn look_after_certificates(&mut self) -> Result<(), Fatal> {
        let now = SystemTime::now();
        if self.certificates.list_is_due(now) {
            let revoked = revoked(&self.shared.store).await?;
            self.renew_list(&revoked).await?;
            info!("the list of revoked certificates is renewed");
        }
        if self.certificates.server_is_due(now) {
            self.certificates.renew_server()?;
            self.show()?;
            self.log.add(event(Kind::OperatorAction, "own-certificate-renewed"))?;
            info!("the coordinator's certificate is renewed");
        }
        Ok(())
    }

    pub(super) async fn renew_list(&mut self, revoked: &[Revoked]) -> Result<usize, Fatal> {
        let number = self.shared.store.next_crl_number().await?;
        self.certificates.renew_list(number, revoked)?;
        Ok(self.show()?)
    }

    fn show(&self) -> Result<usize, CertificateError> {
        Ok(self.acceptor.replace(self.certificates.tls()?))
    }
}

/// Counts the transactions of the database in the audit log from here on. Where the log has seen
/// more of them than there are, some were lost: the database was restored from a copy, or the log
/// beside it is gone or damaged; that is returned, and again at each start within [`SHOWN`].
pub(crate) async fn follow_log(store: &Store, log: &mut Log, now: u64) -> Result<bool, Fatal> {
    // Before the log counts on: a start that ends here finds the same once more.
    find_lost(store, log, now).await?;
    log.follow(store.commits());
    let lost = store.commits_lost().await?;
    Ok(lost.is_some_and(|at| now < at.saturating_add(SHOWN)))
}

async fn find_lost(store: &Store, log: &mut Log, now: u64) -> Result<(), Fatal> {
    let (seen, there) = (log.counted()?, store.commits().count());
    let Some(seen) = seen.filter(|seen| *seen > there) else { return Ok(()) };
    let reason = "the database is older than the audit log: it was restored from a copy, or \
                  coordinator.db-wal is lost; revocations since are to be repeated, and invitations \
                  to be made again";
    warn!(log = seen, database = there, reason);
    let entry = event(Kind::Alarm, "commits-lost").with("log", seen).with("database", there);
    log.add(entry.with("reason", reason))?;
    Ok(store.raise_commits(seen, now).await?)
}

/// What the folder's lists of revoked certificates say and the database does not, because that was
/// restored from an older copy, is withdrawn again, and the numbers of lists go on from theirs. A
/// certificate that the database does not know at all lets nobody in. Whether it is an older copy is
/// returned.
pub(crate) async fn follow_lists(
    store: &Store,
    folder: &Folder,
    log: &mut Log,
) -> Result<bool, Fatal> {
    let mut lists = Vec::new();
    for path in [folder.revoked(), folder.other_revoked()] {
        lists.extend(read(&path, log)?);
    }
    let number = lists.iter().map(RevocationList::number).max().unwrap_or_default();
    let listed = |one: &LiveCertificate| {
        let serial = one.serial.parse::<Serial>();
        serial.is_ok_and(|serial| lists.iter().any(|list| list.serials().contains(&serial)))
    };
    let now = unix_now();
    let mut forgotten = store.live_certificates(None, now).await?;
    forgotten.retain(listed);
    let known = store.crl_number().await?;
    if forgotten.is_empty() && number <= known {
        return Ok(false);
    }
    let reason = "the database is older than the list of revoked certificates: it was restored from \
                  a copy; revocations since the copy are to be repeated, and invitations to be made \
                  again";
    warn!(list = number, database = known, reason);
    let mut sites: Vec<_> = forgotten.iter().map(|one| one.site.as_str()).collect();
    sites.sort_unstable();
    sites.dedup();
    let entry = event(Kind::Alarm, "database-older").with("list", number).with("database", known);
    log.add(entry.with("sites", sites.join(", ")).with("reason", reason))?;
    let serials: Vec<_> = forgotten.into_iter().map(|one| one.serial).collect();
    store.withdraw(&serials, now).await?;
    store.raise_crl_number(number).await?;
    Ok(true)
}

/// A list of the folder. One that cannot be read is made anew from the database, and not in silence.
fn read(path: &Path, log: &mut Log) -> Result<Option<RevocationList>, Fatal> {
    if !path.exists() {
        return Ok(None);
    }
    let error = match RevocationList::load(path) {
        Ok(list) => return Ok(Some(list)),
        Err(error) => error,
    };
    warn!(%error, "a list of revoked certificates is made anew");
    log.add(event(Kind::Alarm, "list-damaged").with("reason", &error))?;
    Ok(None)
}

/// The certificates that belong on the list: those that did not end long ago.
pub(crate) async fn revoked(store: &Store) -> Result<Vec<Revoked>, Fatal> {
    let now = unix_now();
    let lives = |one: &WithdrawnCertificate| one.ends.saturating_add(GRACE) > now;
    let withdrawn = store.withdrawn().await?.into_iter().filter(lives);
    let entry =
        |one: WithdrawnCertificate| Ok(Revoked { serial: one.serial.parse()?, at: system(one.at) });
    withdrawn.map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::sync::Arc;

    use ripieno_identity::SigningKey;
    use tempfile::TempDir;
    use zeroize::Zeroizing;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn opened(folder: &TempDir) -> Log {
        let key = Arc::new(SigningKey::from_seed(&Zeroizing::new([1; 32])));
        Log::open(&folder.path().join("audit.log"), key, NonZeroU64::MAX).unwrap()
    }

    /// The start that finds it may end before anybody asks: the next ones say it too.
    #[tokio::test]
    async fn repro_that_commits_were_lost_is_said_after_the_start_that_found_it() {
        let folder = tempfile::tempdir().unwrap();
        Log::create(&folder.path().join("audit.log")).unwrap();
        let (path, older) = (folder.path().join("hub.db"), folder.path().join("older"));
        let store = Store::create(&path).await.unwrap();
        store.settle().await.unwrap();
        std::fs::copy(&path, &older).unwrap();
        store.next_crl_number().await.unwrap();
        let mut log = opened(&folder);
        assert!(!follow_log(&store, &mut log, NOW).await.unwrap());
        log.add(event(Kind::Start, "started")).unwrap();
        store.close().await.unwrap();
        drop(log);
        std::fs::copy(&older, &path).unwrap();
        for (now, is_said) in
            [(NOW, true), (NOW + 1, true), (NOW + SHOWN - 1, true), (NOW + SHOWN, false)]
        {
            let (store, mut log) = (Store::open(&path).await.unwrap(), opened(&folder));
            assert_eq!(follow_log(&store, &mut log, now).await.unwrap(), is_said, "{now}");
            store.close().await.unwrap();
        }
        let text = std::fs::read(folder.path().join("audit.log")).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(text.matches("commits-lost").count(), 1, "written once: {text}");
    }
}
