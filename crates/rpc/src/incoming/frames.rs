//! The frames of a peer, looked at from outside: whether one is unfinished, and how many there are.
//!
//! What the frames say is read by the HTTP/2 library, which bounds streams, resets, headers and
//! empty data by itself. It answers pings and settings for ever, and waits for ever for the rest of
//! a frame: that is what is looked for here. The layout of a frame is that of RFC 9113 §4.1.

use std::time::{Duration, Instant};

use thiserror::Error;

/// What a client says first (RFC 9113 §3.4), in bytes.
const PREFACE: usize = 24;
/// Bytes of a frame before its payload.
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Each so many bytes of a frame of data count as a step: what the rest is waited for begins anew.
/// Else a peer behind a slow link, whose frames are large, would lose its connection with each.
const STEP: usize = 4 << 10;

/// How many frames without data a peer may send at once, and each second after that. A call takes
/// two or three.
const BURST: u32 = 2048;
const PER_SECOND: u32 = 128;
/// For so many bytes that it was sent, a peer may send one frame more: it has to grant the sender
/// room for them.
const EARNS: usize = 8 << 10;

/// What a peer has sent so far, as frames.
#[derive(Debug)]
pub(super) struct Frames {
    preface: usize,
    head: [u8; HEAD],
    filled: usize,
    payload: usize,
    /// Bytes of a frame of data since its last step.
    stepped: usize,
    /// Since when something is unfinished: the beginning of the connection, a frame, or the frames
    /// of one block of headers.
    since: Option<Instant>,
    headers_open: bool,
    begun: bool,
    budget: Budget,
}

/// A peer sends more frames than it needs.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("more than {BURST} frames without data, and {PER_SECOND} a second")]
pub(super) struct Flood;

impl Frames {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            preface: PREFACE,
            head: [0; HEAD],
            filled: 0,
            payload: 0,
            stepped: 0,
            since: Some(now),
            headers_open: false,
            begun: false,
            budget: Budget { left: BURST, at: now, sent: 0 },
        }
    }

    /// Takes what came.
    pub(super) fn received(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Flood> {
        while let Some(first) = bytes.first() {
            if self.preface > 0 {
                bytes = skip(bytes, &mut self.preface);
            } else if self.filled < HEAD {
                if self.filled == 0 {
                    self.since.get_or_insert(now);
                }
                // Below the length, as was just seen.
                self.head[self.filled] = *first;
                self.filled += 1;
                bytes = &bytes[1..];
                if self.filled == HEAD {
                    self.begins(now)?;
                }
            } else {
                let before = self.payload;
                bytes = skip(bytes, &mut self.payload);
                self.moves(before - self.payload, now);
            }
            if self.filled == HEAD && self.payload == 0 {
                self.ends();
            }
        }
        Ok(())
    }

    /// Takes note that so many bytes were sent to the peer.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.budget.earn(bytes);
    }

    /// Since when the peer has owed the rest of something, or the next step of a frame of data.
    pub(super) fn unfinished_since(&self) -> Option<Instant> {
        self.since
    }

    /// Whether its preface and first frame are here.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    fn begins(&mut self, now: Instant) -> Result<(), Flood> {
        let [high, middle, low, kind, flags, ..] = self.head;
        self.payload = u32::from_be_bytes([0, high, middle, low]) as usize;
        self.stepped = 0;
        match kind {
            HEADERS | CONTINUATION => self.headers_open = flags & END_HEADERS == 0,
            _ => {}
        }
        match kind {
            DATA if self.payload > 0 => Ok(()),
            _ => self.budget.spend(now),
        }
    }

    /// Bytes of a payload came. Those of headers and all else are few: they must be whole in time.
    fn moves(&mut self, bytes: usize, now: Instant) {
        let [_, _, _, kind, ..] = self.head;
        self.stepped += bytes;
        if kind == DATA && !self.headers_open && self.stepped >= STEP {
            self.stepped %= STEP;
            self.since = Some(now);
        }
    }

    fn ends(&mut self) {
        self.filled = 0;
        self.begun = true;
        if !self.headers_open {
            self.since = None;
        }
    }
}

fn skip<'a>(bytes: &'a [u8], left: &mut usize) -> &'a [u8] {
    let taken = bytes.len().min(*left);
    *left -= taken;
    &bytes[taken..]
}

#[derive(Debug)]
struct Budget {
    left: u32,
    /// Up to when what comes with time was added.
    at: Instant,
    /// Bytes that have earned nothing yet.
    sent: usize,
}

impl Budget {
    fn spend(&mut self, now: Instant) -> Result<(), Flood> {
        let tick = Duration::from_secs(1) / PER_SECOND;
        let ticks = now.saturating_duration_since(self.at).as_nanos() / tick.as_nanos();
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        self.at = if ticks > BURST { now } else { self.at + tick * ticks };
        self.left = self.left.saturating_add(ticks).min(BURST);
        self.left = self.left.checked_sub(1).ok_or(Flood)?;
        Ok(())
    }

    fn earn(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes);
        let earned = u32::try_from(self.sent / EARNS).unwrap_or(u32::MAX);
        self.sent %= EARNS;
        self.left = self.left.saturating_add(earned).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: u8 = 6;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        frame.resize(HEAD + payload, 7);
        frame
    }

    fn begun(now: Instant) -> Frames {
        let mut frames = Frames::new(now);
        frames.received(&[b'P'; PREFACE], now).unwrap();
        assert!(!frames.begun() && frames.unfinished_since() == Some(now));
        frames.received(&frame(4, 0, 6), now).unwrap();
        assert!(frames.begun() && frames.unfinished_since().is_none());
        frames
    }

    #[test]
    fn what_is_unfinished_is_seen_however_it_is_cut() {
        let now = Instant::now();
        let mut frames = begun(now);
        let later = now + Duration::from_secs(1);
        let blocks = [frame(HEADERS, 0, 3), frame(CONTINUATION, END_HEADERS, 2)].concat();
        let whole = [frame(DATA, 1, 300), blocks, frame(PING, 0, 8), frame(DATA, 1, 0)].concat();
        for (at, byte) in whole.iter().enumerate() {
            frames.received(&[*byte], later).unwrap();
            // After the data, after both blocks of headers, after the ping, at the end.
            let finished = [309, 309 + 12 + 11, 309 + 23 + 17, whole.len()].contains(&(at + 1));
            assert_eq!(frames.unfinished_since().is_none(), finished, "byte {at}");
        }
    }

    #[test]
    fn a_block_of_headers_counts_from_its_first_frame() {
        let now = Instant::now();
        let mut frames = begun(now);
        for seconds in 1..9 {
            let kind = if seconds == 1 { HEADERS } else { CONTINUATION };
            let at = now + Duration::from_secs(seconds);
            frames.received(&frame(kind, 0, 1), at).unwrap();
        }
        assert_eq!(frames.unfinished_since(), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn repro_a_large_frame_of_data_counts_from_its_last_step() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        // A link of 4 KiB in 14 s, of which a peer is waited for 15.
        let whole = frame(DATA, 0, 64 * STEP);
        let mut frames = begun(now);
        for (number, part) in (0_u64..).zip(whole[..64 * STEP].chunks(STEP)) {
            frames.received(part, at(14 * number)).unwrap();
            let since = frames.unfinished_since().unwrap();
            assert!(at(14 * (number + 1)) - since < Duration::from_secs(15), "{number}");
        }
        // Single bytes are no step, until they are enough.
        let mut frames = begun(now);
        frames.received(&whole[..HEAD], now).unwrap();
        for (number, byte) in (1_u64..).zip(&whole[HEAD..HEAD + STEP]) {
            assert_eq!(frames.unfinished_since(), Some(now), "byte {number}");
            frames.received(&[*byte], at(number)).unwrap();
        }
        assert_eq!(frames.unfinished_since(), Some(at(STEP as u64)));
        // All other frames must be whole, and so must a block of headers.
        for kind in [HEADERS, PING, 77] {
            let mut frames = begun(now);
            frames.received(&frame(kind, 0, 4 * STEP)[..3 * STEP], now).unwrap();
            frames.received(&[7; STEP], at(9)).unwrap();
            assert_eq!(frames.unfinished_since(), Some(now), "{kind}");
        }
    }

    #[test]
    fn frames_are_limited_at_once_and_in_time() {
        let now = Instant::now();
        for kind in [HEADERS, 3, 4, PING, 8, CONTINUATION, 77] {
            let mut frames = begun(now);
            for _ in 1..BURST {
                frames.received(&frame(kind, END_HEADERS, 8), now).unwrap();
            }
            assert_eq!(frames.received(&frame(kind, END_HEADERS, 8), now), Err(Flood), "{kind}");
        }
        let mut frames = begun(now);
        for number in 0..3 * BURST {
            let at = now + Duration::from_secs(1) * number / (PER_SECOND - 1);
            frames.received(&frame(PING, 0, 8), at).unwrap();
        }
    }

    #[test]
    fn data_is_free_and_what_is_sent_earns_frames() {
        let now = Instant::now();
        let mut frames = begun(now);
        for _ in 0..3 * BURST {
            frames.received(&frame(DATA, 0, 9), now).unwrap();
        }
        for _ in 0..3 * BURST {
            frames.sent(EARNS);
            frames.received(&frame(8, 0, 4), now).unwrap();
        }
    }
}
