//! The table of open connections: how many there are, whose they are, and how they are cut.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
use super::table::Table;
use super::usage::Usage;
use crate::certificate::PeerCertificate;
use crate::serial::Serial;

/// The connections of one listener. Clones speak of the same ones.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

/// What became of the connections of a listener since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Handed to the application.
    pub accepted: u64,
    /// Closed at once: too many in all.
    pub too_many: u64,
    /// Closed at once: too many from one address.
    pub too_many_of_peer: u64,
    /// The handshake failed: no TLS 1.3, a certificate that does not count, or a peer that left.
    pub handshake_failed: u64,
    /// Not done with the handshake, or silent after it, when the time was over.
    pub timed_out: u64,
    /// Not taken by the application in time.
    pub not_taken: u64,
    /// Cut: the certificate was revoked or ended, or the listener was drained.
    pub cut: u64,
    /// Cut for a newer one: a stranger that did nothing, or the oldest of a certificate.
    pub gave_way: u64,
    /// Closed by the application: nothing came, nothing was taken, or both too slowly.
    pub stalled: u64,
    /// Closed by the application: no call was under way.
    pub idle: u64,
    /// Closed by the application: more frames than a peer needs.
    pub flooded: u64,
}

impl Connections {
    /// Cuts every connection of this certificate, and refuses it from now on for as long as this
    /// process runs; afterwards the revocation list does. Returns how many were cut.
    #[must_use = "says how many connections were cut"]
    pub fn cut(&self, serial: &Serial) -> usize {
        self.cut_all(&BTreeSet::from([serial.clone()]))
    }

    /// How many are open now, with those in the handshake.
    #[must_use]
    pub fn open(&self) -> usize {
        *self.0.open.borrow()
    }

    /// What became of all of them.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.table().counts
    }

    pub(super) fn new() -> Self {
        let (open, freed) = (watch::Sender::new(0), Notify::new());
        Self(Arc::new(Shared { table: Mutex::default(), open, freed }))
    }

    /// Gives a connection of `peer` a place, or closes the door and counts why.
    pub(super) fn admit(&self, peer: IpAddr, limits: &Limits) -> Option<Place> {
        let mut table = self.0.table();
        let usage = Usage::new();
        let (id, cut) = table.admit(peer, limits, &usage, Instant::now())?;
        self.0.open.send_replace(table.len());
        drop(table);
        Some(Place { shared: Arc::clone(&self.0), id, cut, usage })
    }

    /// Waits while all places of strangers are taken, and one will be free in a moment: who comes then
    /// waits in the system's queue for its turn, rather than being turned away.
    pub(super) async fn room(&self, limits: &Limits) {
        loop {
            let freed = self.0.freed.notified();
            let Some(wait) = self.0.table().wait(limits, Instant::now()) else { return };
            // Whichever comes first.
            let _ = timeout(wait, freed).await;
        }
    }

    /// Cuts the connections of these certificates, and refuses them from now on.
    pub(super) fn cut_all(&self, serials: &BTreeSet<Serial>) -> usize {
        self.0.table().bar(serials)
    }

    /// Cuts the connections of which the certificate has ended.
    pub(super) fn cut_ended(&self, now: SystemTime) -> usize {
        self.0.table().cut(|entry| entry.ended(now))
    }

    /// Cuts all.
    pub(super) fn cut_everything(&self) -> usize {
        self.0.table().cut(|_| true)
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Counts)) {
        self.0.count(add);
    }

    /// Waits until none is open.
    pub(super) async fn none_left(&self) {
        // The sender is in `self`, so it cannot be gone.
        let _ = self.0.open.subscribe().wait_for(|open| *open == 0).await;
    }
}

/// The place of one connection in the table, freed when dropped.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    id: u64,
    cut: CancellationToken,
    usage: Usage,
}

impl Place {
    /// Says whose connection it is; `false` if that certificate was cut in the meantime, or the
    /// places of peers with certificates are all taken. Without this a handshake that began before
    /// a revocation could end after it, and stay.
    pub(super) fn identify(&self, certificate: &PeerCertificate, limits: &Limits) -> bool {
        let welcome = self.shared.table().identify(self.id, certificate, limits);
        self.shared.freed.notify_waiters();
        welcome
    }

    /// What tells when it is to be cut.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.cut
    }

    /// What goes on over it.
    pub(super) fn usage(&self) -> &Usage {
        &self.usage
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Counts)) {
        self.shared.count(add);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.shared.table();
        table.remove(self.id);
        self.shared.open.send_replace(table.len());
        drop(table);
        self.shared.freed.notify_waiters();
    }
}

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    /// How many entries the table has; changed under its lock.
    open: watch::Sender<usize>,
    /// Tells that a place of a stranger may be free.
    freed: Notify,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing under the lock leaves the table half changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.table().counts);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::certificate::Fingerprint;

    const LIMITS: Limits = Limits {
        handshake: Duration::ZERO,
        first_bytes: Duration::ZERO,
        connections: 6,
        connections_per_peer: 4,
        strangers: 3,
        strangers_per_peer: 2,
        per_certificate: 2,
        grace: Duration::from_hours(1),
        queue: 1,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn certificate(serial: &[u8], not_after: SystemTime) -> PeerCertificate {
        PeerCertificate {
            serial: Serial::from_bytes(serial).unwrap(),
            subject: "north".parse().unwrap(),
            fingerprint: Fingerprint::of(serial),
            not_before: SystemTime::UNIX_EPOCH,
            not_after,
        }
    }

    #[test]
    fn places_are_limited_per_peer_and_in_all_and_come_back() {
        let connections = Connections::new();
        let first = connections.admit(ip("192.0.2.1"), &LIMITS).unwrap();
        // The same address, written as IPv6.
        let _second = connections.admit(ip("::ffff:192.0.2.1"), &LIMITS).unwrap();
        assert!(connections.admit(ip("192.0.2.1"), &LIMITS).is_none());
        let _third = connections.admit(ip("192.0.2.2"), &LIMITS).unwrap();
        assert!(connections.admit(ip("192.0.2.3"), &LIMITS).is_none());
        assert_eq!(connections.open(), 3);
        drop(first);
        assert_eq!(connections.open(), 2);
        assert!(connections.admit(ip("192.0.2.1"), &LIMITS).is_some());
        let counts = connections.counts();
        assert_eq!((counts.too_many, counts.too_many_of_peer), (1, 1));
    }

    #[test]
    fn who_has_a_certificate_leaves_a_place_to_strangers_and_keeps_one_from_them() {
        let connections = Connections::new();
        let known = connections.admit(ip("192.0.2.1"), &LIMITS).unwrap();
        assert!(known.identify(&certificate(&[1], SystemTime::now()), &LIMITS));
        let _two = [1, 1].map(|_| connections.admit(ip("192.0.2.1"), &LIMITS).unwrap());
        assert!(connections.admit(ip("192.0.2.1"), &LIMITS).is_none(), "two strangers there");
        // Strangers may not take the last three; those with certificates no more than them.
        let last = connections.admit(ip("192.0.2.2"), &LIMITS).unwrap();
        assert!(connections.admit(ip("192.0.2.3"), &LIMITS).is_none());
        assert!(last.identify(&certificate(&[2], SystemTime::now()), &LIMITS));
        let next = connections.admit(ip("192.0.2.3"), &LIMITS).unwrap();
        assert!(next.identify(&certificate(&[3], SystemTime::now()), &LIMITS));
        let fourth = connections.admit(ip("192.0.2.4"), &LIMITS).unwrap();
        assert!(!fourth.identify(&certificate(&[4], SystemTime::now()), &LIMITS));
        let counts = connections.counts();
        assert_eq!((counts.too_many, counts.too_many_of_peer), (2, 1));
    }

    #[test]
    fn the_stranger_that_does_nothing_for_longest_gives_way() {
        let connections = Connections::new();
        let limits = Limits { grace: Duration::ZERO, ..LIMITS };
        let admit = |address: &str| connections.admit(ip(address), &limits).unwrap();
        let (busy, idle) = (admit("192.0.2.1"), admit("192.0.2.1"));
        let _call = busy.usage().begin(None);
        // Of the same address, for its bound; then of any, for the bound of all.
        let newer = admit("192.0.2.1");
        assert!(idle.token().is_cancelled() && !busy.token().is_cancelled());
        let other = admit("192.0.2.2");
        let _third = admit("192.0.2.3");
        assert!(newer.token().is_cancelled() && !other.token().is_cancelled());
        assert!(!busy.token().is_cancelled());
        assert_eq!(connections.counts().gave_way, 2);
    }

    #[tokio::test]
    async fn who_comes_while_all_are_in_their_handshake_waits_for_the_first_that_is_through() {
        let connections = Connections::new();
        let limits = Limits { strangers_per_peer: 3, ..LIMITS };
        let admit = |address: &str| connections.admit(ip(address), &limits);
        let places = [1, 1, 1].map(|_| admit("192.0.2.1").unwrap());
        assert!(timeout(Duration::ZERO, connections.room(&limits)).await.is_err());
        let through = async {
            tokio::task::yield_now().await;
            places[1].identify(&certificate(&[1], SystemTime::now()), &limits)
        };
        let (_, welcome) = tokio::join!(connections.room(&limits), through);
        assert!(welcome);
        let next = admit("192.0.2.2").unwrap();
        // Who gives way at once is not waited for, and nobody is who is busy with a call.
        connections.room(&Limits { grace: Duration::ZERO, ..limits }).await;
        let _busy = [&places[0], &places[2], &next].map(|place| place.usage().begin(None));
        connections.room(&limits).await;
        assert!(admit("192.0.2.3").is_none());
    }

    #[test]
    fn counts_follow_those_who_come_and_go() {
        let connections = Connections::new();
        let own = certificate(&[1], SystemTime::now());
        for _ in 0..20 {
            let places = [1, 1].map(|_| connections.admit(ip("192.0.2.1"), &LIMITS).unwrap());
            assert!(connections.admit(ip("192.0.2.1"), &LIMITS).is_none());
            assert!(places.iter().all(|place| place.identify(&own, &LIMITS)));
            assert_eq!(connections.0.table().cut(|_| true), 2);
            // They leave: what they took is free, and is not freed twice.
            let _new = [1, 1].map(|_| connections.admit(ip("192.0.2.1"), &LIMITS).unwrap());
            drop(places);
            assert!(connections.admit(ip("192.0.2.1"), &LIMITS).is_none());
        }
        assert_eq!(connections.open(), 0);
        assert!(connections.0.table().is_empty());
    }

    #[test]
    fn the_oldest_of_a_certificate_gives_way() {
        let connections = Connections::new();
        let own = certificate(&[1], SystemTime::now());
        let places: Vec<Place> = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
            .map(|address| connections.admit(ip(address), &LIMITS).unwrap())
            .into();
        assert!(places.iter().all(|place| place.identify(&own, &LIMITS)));
        let cut: Vec<bool> = places.iter().map(|place| place.token().is_cancelled()).collect();
        assert_eq!(cut, [true, false, false]);
    }

    #[test]
    fn a_cut_reaches_open_connections_and_handshakes_that_end_later() {
        let connections = Connections::new();
        let (open, late) = (
            connections.admit(ip("192.0.2.1"), &LIMITS).unwrap(),
            connections.admit(ip("192.0.2.1"), &LIMITS).unwrap(),
        );
        let other = connections.admit(ip("192.0.2.2"), &LIMITS).unwrap();
        let revoked = certificate(&[1], SystemTime::now());
        assert!(open.identify(&revoked, &LIMITS));
        assert!(other.identify(&certificate(&[2], SystemTime::now()), &LIMITS));
        assert_eq!(connections.cut(&revoked.serial), 1);
        assert!(open.token().is_cancelled() && !other.token().is_cancelled());
        assert!(!late.identify(&revoked, &LIMITS));
        assert_eq!(connections.cut(&revoked.serial), 0, "cut once");
        assert_eq!(connections.counts().cut, 2);
    }

    #[test]
    fn a_connection_ends_with_its_certificate() {
        let connections = Connections::new();
        let place = connections.admit(ip("192.0.2.1"), &LIMITS).unwrap();
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert!(place.identify(&certificate(&[1], end), &LIMITS));
        assert_eq!(connections.cut_ended(end), 0);
        assert_eq!(connections.cut_ended(end + Duration::from_secs(1)), 1);
        assert!(place.token().is_cancelled());
    }
}
