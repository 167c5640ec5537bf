//! Keys with their signs, and what they do to lanes.

use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::path::Path;
use crate::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::x86::Schedules;

/// Whether a mask is put on or taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Lane + word.
    Add,
    /// Lane − word.
    Subtract,
}

impl Sign {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Sign::Add => Sign::Subtract,
            Sign::Subtract => Sign::Add,
        }
    }
}

/// The ring in which lanes are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Each lane mod 2^64.
    Lane,
    /// Pairs of lanes, the low one first, mod 2^128.
    Pair,
}

/// Where a run of lanes lies in its vector's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Number of the vector.
    pub vector: u64,
    /// The first lane, even where lanes go in pairs.
    pub first_lane: u64,
    /// How the vector's lanes are added.
    pub ring: Ring,
}

/// Lanes that are in registers at a time.
pub(crate) const TILE: usize = 64;

/// Many keys, expanded once. The schedules are overwritten when this is dropped.
pub struct Keys(Expanded);

enum Expanded {
    #[cfg(target_arch = "x86_64")]
    Unit(Schedules),
    Portable(Portable),
}

impl Keys {
    /// Expands keys for the fastest path that this CPU has.
    #[must_use]
    pub fn new<'a>(keys: impl IntoIterator<Item = (&'a [u8; 32], Sign)>) -> Self {
        let (add, subtract) = by_sign(keys);
        Self(Expanded::fastest(&add, &subtract))
    }

    /// Expands keys for one path; `None` where this CPU lacks it.
    #[must_use]
    pub fn on<'a>(
        path: Path,
        keys: impl IntoIterator<Item = (&'a [u8; 32], Sign)>,
    ) -> Option<Self> {
        let (add, subtract) = by_sign(keys);
        Expanded::on(path, &add, &subtract).map(Self)
    }

    /// Adds to `lanes`, or subtracts, the keystream of every key. The result does not depend on the
    /// order of the keys, nor on how a vector is cut into runs, where runs of pairs begin and end
    /// between two pairs.
    pub fn apply(&self, lanes: &mut [u64], at: Position) {
        let even = at.first_lane.is_multiple_of(2) && lanes.len().is_multiple_of(2);
        debug_assert!(at.ring == Ring::Lane || even, "a pair is cut in two");
        let mut block = at.first_lane / 2;
        let mut rest = lanes;
        if at.first_lane % 2 == 1 {
            let (first, others) = rest.split_at_mut(rest.len().min(1));
            self.apply_part(first, 1, block, at);
            (block, rest) = (block.wrapping_add(1), others);
        }
        let (whole, last) = rest.as_chunks_mut::<TILE>();
        self.apply_tiles(whole, block, at);
        let after = block.wrapping_add((whole.len() * (TILE / 2)) as u64);
        self.apply_part(last, 0, after, at);
    }

    /// What the CPU's AES unit does at most on this path: the keystream of the first key over so many
    /// tiles of 64 lanes, folded by xor in registers. No memory is read or written, so it is what
    /// [`Keys::apply`] is measured against. `None` on a path without instructions of our own.
    #[must_use]
    pub fn unit_rate(&self, tiles: usize) -> Option<u64> {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Expanded::Unit(schedules) => Some(schedules.fold(tiles, 0)),
            Expanded::Portable(_) => None,
        }
    }

    /// Fewer lanes than a tile, `skip` lanes behind the beginning of `block`.
    fn apply_part(&self, lanes: &mut [u64], skip: usize, block: u64, at: Position) {
        if lanes.is_empty() {
            return;
        }
        // Beside the lanes it holds keystream that is not for them.
        let mut tile = Zeroizing::new([[0; TILE]]);
        let within = |tile: &mut [[u64; TILE]; 1], lanes: &mut [u64], back: bool| {
            for (place, lane) in tile.as_flattened_mut().iter_mut().skip(skip).zip(lanes) {
                if back { *lane = *place } else { *place = *lane }
            }
        };
        within(&mut tile, lanes, false);
        self.apply_tiles(tile.as_mut_slice(), block, at);
        within(&mut tile, lanes, true);
    }

    fn apply_tiles(&self, tiles: &mut [[u64; TILE]], block: u64, at: Position) {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Expanded::Unit(schedules) => schedules.apply(tiles, block, at.vector, at.ring),
            Expanded::Portable(portable) => portable.apply(tiles, block, at.vector, at.ring),
        }
    }
}

/// `Portable` and `Schedules` hold nothing but schedules that do so.
impl ZeroizeOnDrop for Keys {}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(<redacted>)")
    }
}

impl Expanded {
    fn fastest(add: &[&[u8; 32]], subtract: &[&[u8; 32]]) -> Self {
        Self::on(Path::best(), add, subtract)
            .unwrap_or_else(|| Expanded::Portable(Portable::new(add, subtract)))
    }

    fn on(path: Path, add: &[&[u8; 32]], subtract: &[&[u8; 32]]) -> Option<Self> {
        match path {
            #[cfg(target_arch = "x86_64")]
            Path::Vaes512 | Path::Vaes256 | Path::AesNi => {
                Schedules::new(path, add, subtract).map(Expanded::Unit)
            }
            #[cfg(not(target_arch = "x86_64"))]
            Path::Vaes512 | Path::Vaes256 | Path::AesNi => None,
            Path::Portable => Some(Expanded::Portable(Portable::new(add, subtract))),
        }
    }
}

/// References, so that no key is copied.
fn by_sign<'a>(
    keys: impl IntoIterator<Item = (&'a [u8; 32], Sign)>,
) -> (Vec<&'a [u8; 32]>, Vec<&'a [u8; 32]>) {
    let (mut add, mut subtract) = (Vec::new(), Vec::new());
    for (key, sign) in keys {
        match sign {
            Sign::Add => add.push(key),
            Sign::Subtract => subtract.push(key),
        }
    }
    (add, subtract)
}
