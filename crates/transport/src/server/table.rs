//! What the table of connections holds, and who gets a place in it.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant, SystemTime};

use tokio_util::sync::CancellationToken;

use super::connections::Counts;
use super::limits::Limits;
use super::usage::Usage;
use crate::certificate::PeerCertificate;
use crate::serial::Serial;

/// All connections of a listener. Those that leave are in none of the counts: what is asked of the
/// table at each arrival costs the same however many there are.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) counts: Counts,
    next: u64,
    open: HashMap<u64, Entry>,
    /// Of one peer: all, and the strangers among them.
    peers: HashMap<IpAddr, (usize, usize)>,
    /// The oldest first.
    strangers: BTreeSet<u64>,
    /// Of one certificate, the oldest first.
    owners: HashMap<Serial, BTreeSet<u64>>,
    /// How many those are together.
    owned: usize,
    /// Certificates that were cut. Grows by the operator's revocations only.
    barred: BTreeSet<Serial>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Entry {
    peer: IpAddr,
    /// `None` for a stranger.
    owner: Option<(Serial, SystemTime)>,
    usage: Usage,
    cut: CancellationToken,
    /// Cut, and about to be removed: takes no place any more.
    leaving: bool,
}

impl Entry {
    /// Whether its certificate has ended.
    pub(super) fn ended(&self, now: SystemTime) -> bool {
        self.owner.as_ref().is_some_and(|(_, end)| *end < now)
    }
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes a stranger in, if need be in the place of another one; else counts why not.
    pub(super) fn admit(
        &mut self,
        peer: IpAddr,
        limits: &Limits,
        usage: &Usage,
        now: Instant,
    ) -> Option<(u64, CancellationToken)> {
        let peer = origin(peer);
        let (of_peer, strangers_of_peer) = self.peers.get(&peer).copied().unwrap_or_default();
        let full = of_peer >= limits.connections_per_peer.max(1)
            || strangers_of_peer >= limits.strangers_per_peer.max(1);
        if full && !self.make_room(limits, now, |entry| entry.peer == peer) {
            self.counts.too_many_of_peer += 1;
            return None;
        }
        if self.is_full(limits) && !self.make_room(limits, now, |_| true) {
            self.counts.too_many += 1;
            return None;
        }
        self.next += 1;
        let cut = CancellationToken::new();
        let (usage, leaving) = (usage.clone(), false);
        let entry = Entry { peer, owner: None, usage, cut: cut.clone(), leaving };
        self.open.insert(self.next, entry);
        self.strangers.insert(self.next);
        let (of_peer, strangers_of_peer) = self.peers.entry(peer).or_default();
        (*of_peer, *strangers_of_peer) = (*of_peer + 1, *strangers_of_peer + 1);
        Some((self.next, cut))
    }

    /// How long the next stranger has to wait until one that does nothing gives way to it; `None` where
    /// there is a place now, or none of those that are there will.
    pub(super) fn wait(&self, limits: &Limits, now: Instant) -> Option<Duration> {
        if !self.is_full(limits) {
            return None;
        }
        let (_, since) = self.idle(|_| true)?;
        let left = limits.grace.checked_sub(now.saturating_duration_since(since))?;
        (!left.is_zero()).then_some(left)
    }

    /// Makes a stranger's entry that of a certificate. `false` where that is barred, or all places
    /// of certificates are taken. An older connection with it may give way.
    pub(super) fn identify(
        &mut self,
        id: u64,
        certificate: &PeerCertificate,
        limits: &Limits,
    ) -> bool {
        let serial = &certificate.serial;
        if self.barred.contains(serial) {
            self.counts.cut += 1;
            return false;
        }
        let own = self.owners.get(serial);
        if let Some(own) = own.filter(|own| own.len() >= limits.per_certificate.max(1))
            && let Some(oldest) = own.first().copied()
        {
            self.leave(oldest);
            self.counts.gave_way += 1;
        }
        if self.owned >= limits.kept() {
            self.counts.too_many += 1;
            return false;
        }
        self.uncount(id);
        if let Some(entry) = self.open.get_mut(&id) {
            entry.owner = Some((serial.clone(), certificate.not_after));
            if !entry.leaving {
                self.owners.entry(serial.clone()).or_default().insert(id);
                self.owned += 1;
                self.peers.entry(entry.peer).or_default().0 += 1;
            }
        }
        true
    }

    /// Cuts the connections of these certificates for good.
    pub(super) fn bar(&mut self, serials: &BTreeSet<Serial>) -> usize {
        self.barred.extend(serials.iter().cloned());
        self.cut(|entry| entry.owner.as_ref().is_some_and(|(serial, _)| serials.contains(serial)))
    }

    /// Cuts these; how many is returned.
    pub(super) fn cut(&mut self, which: impl Fn(&Entry) -> bool) -> usize {
        let chosen = self.open.iter().filter(|(_, entry)| !entry.leaving && which(entry));
        let chosen: Vec<u64> = chosen.map(|(id, _)| *id).collect();
        chosen.iter().for_each(|id| self.leave(*id));
        self.counts.cut += chosen.len() as u64;
        chosen.len()
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.uncount(id);
        self.open.remove(&id);
    }

    fn is_full(&self, limits: &Limits) -> bool {
        self.strangers.len() >= limits.strangers.max(1)
    }

    fn leave(&mut self, id: u64) {
        self.uncount(id);
        if let Some(entry) = self.open.get_mut(&id) {
            entry.leaving = true;
            entry.cut.cancel();
        }
    }

    /// Takes an entry out of all counts, unless it leaves and was taken out before.
    fn uncount(&mut self, id: u64) {
        let Some(entry) = self.open.get(&id).filter(|entry| !entry.leaving) else { return };
        let stranger = usize::from(self.strangers.remove(&id));
        if let Some((serial, _)) = &entry.owner
            && let Some(own) = self.owners.get_mut(serial)
        {
            self.owned -= usize::from(own.remove(&id));
            if own.is_empty() {
                self.owners.remove(serial);
            }
        }
        if let Some((all, strangers)) = self.peers.get_mut(&entry.peer) {
            (*all, *strangers) = (*all - 1, *strangers - stranger);
            if *all == 0 {
                self.peers.remove(&entry.peer);
            }
        }
    }

    /// The stranger of these that has done nothing for the longest time, and since when.
    fn idle(&self, of: impl Fn(&Entry) -> bool) -> Option<(u64, Instant)> {
        let of = |id: &u64| self.open.get(id).filter(|entry| of(entry)).map(|entry| (*id, entry));
        let strangers = self.strangers.iter().filter_map(of);
        let idle = strangers.filter_map(|(id, entry)| Some((id, entry.usage.idle_since()?)));
        idle.min_by_key(|(_, since)| *since)
    }

    /// Cuts the stranger that has done nothing for the longest time, and longer than the grace.
    fn make_room(&mut self, limits: &Limits, now: Instant, of: impl Fn(&Entry) -> bool) -> bool {
        match self.idle(of) {
            Some((id, since)) if now.saturating_duration_since(since) >= limits.grace => {
                self.leave(id);
                self.counts.gave_way += 1;
                true
            }
            _ => false,
        }
    }
}

/// What counts as one peer, wherever peers are counted by address: an IPv4 address, or the /64 that
/// one IPv6 host has to itself.
#[must_use]
pub fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Table {
        /// Whether nothing is counted.
        pub(in crate::server) fn is_empty(&self) -> bool {
            let lists = self.strangers.is_empty() && self.owners.is_empty() && self.owned == 0;
            self.open.is_empty() && self.peers.is_empty() && lists
        }
    }

    #[test]
    fn an_ipv6_host_counts_as_one_peer_whatever_address_it_takes() {
        let ip = |text: &str| text.parse().unwrap();
        assert_eq!(origin(ip("2001:db8::1")), origin(ip("2001:db8::ffff:2")));
        assert_ne!(origin(ip("2001:db8::1")), origin(ip("2001:db8:0:1::1")));
    }
}
