//! The paths on x86-64, and the only `unsafe` of this crate: loads and stores of vectors, and calls of functions that
//! are compiled for instructions which not every CPU has.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::keys::{Ring, TILE};
use crate::path::Path;
use crate::vectors::Loop;

/// That this CPU has the instructions of a path: only [`Unit::find`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Unit(Kind);

#[derive(Clone, Copy)]
enum Kind {
    Vaes512,
    Vaes256,
    AesNi,
}

impl Unit {
    pub(crate) fn find(path: Path) -> Option<Self> {
        let aes = is_x86_feature_detected!("aes");
        let vaes = aes && is_x86_feature_detected!("vaes");
        let (kind, here) = match path {
            Path::Vaes512 => {
                let foundation =
                    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avx512f");
                let wide =
                    is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512dq");
                (Kind::Vaes512, vaes && foundation && wide)
            }
            Path::Vaes256 => (Kind::Vaes256, vaes && is_x86_feature_detected!("avx2")),
            Path::AesNi => (Kind::AesNi, aes),
            Path::Portable => return None,
        };
        here.then_some(Self(kind))
    }
}

/// The 15 round keys of AES-256.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Schedule([[u64; 2]; 15]);

/// Schedules that are used together: 15 KiB.
const GROUP: usize = 64;

/// The schedules of many keys.
pub(crate) struct Schedules {
    unit: Unit,
    add: Vec<Schedule>,
    subtract: Vec<Schedule>,
}

impl Schedules {
    /// `None` where this CPU lacks the path.
    pub(crate) fn new(path: Path, add: &[&[u8; 32]], subtract: &[&[u8; 32]]) -> Option<Self> {
        let unit = Unit::find(path)?;
        Some(Self { unit, add: unit.expand(add), subtract: unit.expand(subtract) })
    }

    /// Adds all keystreams from `block` on to the tiles.
    pub(crate) fn apply(&self, tiles: &mut [[u64; TILE]], block: u64, vector: u64, ring: Ring) {
        // A group of schedules stays in the first-level cache, while tiles pass by.
        for add in self.add.chunks(GROUP) {
            self.apply_group(tiles, (block, vector), ring, (add, &[]));
        }
        for subtract in self.subtract.chunks(GROUP) {
            self.apply_group(tiles, (block, vector), ring, (&[], subtract));
        }
    }

    fn apply_group(
        &self,
        tiles: &mut [[u64; TILE]],
        at: (u64, u64),
        ring: Ring,
        keys: (&[Schedule], &[Schedule]),
    ) {
        // SAFETY: `unit` says that the CPU has the features with which the function is compiled.
        unsafe {
            match (self.unit.0, ring) {
                (Kind::Vaes512, Ring::Lane) => vaes512::apply::<false>(tiles, at, keys),
                (Kind::Vaes512, Ring::Pair) => vaes512::apply::<true>(tiles, at, keys),
                (Kind::Vaes256, Ring::Lane) => vaes256::apply::<false>(tiles, at, keys),
                (Kind::Vaes256, Ring::Pair) => vaes256::apply::<true>(tiles, at, keys),
                (Kind::AesNi, Ring::Lane) => aesni::apply::<false>(tiles, at, keys),
                (Kind::AesNi, Ring::Pair) => aesni::apply::<true>(tiles, at, keys),
            }
        }
    }

    /// See [`Keys::unit_rate`](crate::Keys::unit_rate).
    pub(crate) fn fold(&self, tiles: usize, vector: u64) -> u64 {
        let key = self.add.first().or(self.subtract.first());
        // SAFETY: as in `apply`.
        key.map_or(0, |key| unsafe {
            match self.unit.0 {
                Kind::Vaes512 => vaes512::fold(tiles, vector, key),
                Kind::Vaes256 => vaes256::fold(tiles, vector, key),
                Kind::AesNi => aesni::fold(tiles, vector, key),
            }
        })
    }
}

impl Unit {
    fn expand(self, keys: &[&[u8; 32]]) -> Vec<Schedule> {
        // Written in place: a schedule that moves leaves a copy behind.
        let mut schedules = vec![Schedule([[0; 2]; 15]); keys.len()];
        for (key, schedule) in keys.iter().zip(&mut schedules) {
            // SAFETY: every unit has AES.
            unsafe { expand(key, schedule) };
        }
        schedules
    }
}

/// See [`crate::with_wide_vectors`].
#[inline]
pub(crate) fn with_wide_vectors<L: Loop>(work: L) -> L::Output {
    let avx512 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    // SAFETY: the features were just found.
    unsafe {
        if avx512 {
            with_avx512(work)
        } else if is_x86_feature_detected!("avx2") {
            with_avx2(work)
        } else {
            work.run()
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn with_avx512<L: Loop>(work: L) -> L::Output {
    work.run()
}

#[target_feature(enable = "avx2")]
fn with_avx2<L: Loop>(work: L) -> L::Output {
    work.run()
}

/// The key schedule of FIPS 197, §5.2, without table look-ups that would depend on the key.
#[target_feature(enable = "aes,sse2")]
fn expand(key: &[u8; 32], schedule: &mut Schedule) {
    let [low, high] = [0, 1].map(|half| {
        let (halves, _) = key.as_chunks::<16>();
        halves.get(half).map_or(0, |bytes| u128::from_le_bytes(*bytes))
    });
    let (mut even, mut odd) = (from_u128(low), from_u128(high));
    let mut places = schedule.0.iter_mut();
    let mut put = |value: __m128i| {
        if let Some(place) = places.next() {
            aesni::store(place, value);
        }
    };
    put(even);
    put(odd);
    macro_rules! double_round {
        ($constant:literal) => {
            let word = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$constant>(odd));
            even = _mm_xor_si128(prefix_xor(even), word);
            put(even);
            let word = _mm_shuffle_epi32::<0xaa>(_mm_aeskeygenassist_si128::<0>(even));
            odd = _mm_xor_si128(prefix_xor(odd), word);
            // After the last there is no place.
            put(odd);
        };
    }
    double_round!(0x01);
    double_round!(0x02);
    double_round!(0x04);
    double_round!(0x08);
    double_round!(0x10);
    double_round!(0x20);
    double_round!(0x40);
}

/// Each 32-bit word becomes the xor of itself and those before it.
#[target_feature(enable = "sse2")]
fn prefix_xor(words: __m128i) -> __m128i {
    let words = _mm_xor_si128(words, _mm_slli_si128::<4>(words));
    _mm_xor_si128(words, _mm_slli_si128::<8>(words))
}

#[allow(clippy::cast_possible_truncation)]
#[target_feature(enable = "sse2")]
fn from_u128(value: u128) -> __m128i {
    _mm_set_epi64x((value >> 64) as i64, value as i64)
}

/// A path: a module with `apply` and `fold`, from what it calls an instruction.
macro_rules! path {
    (
        $name:ident: $features:literal, $vector:ty, $lanes:literal lanes,
        load $load:ident, store $store:ident, spread $spread:ident, xor $xor:ident,
        round $round:ident, last $last:ident, add $add:ident, subtract $subtract:ident,
        counters $counters:ident, over $over:ident, under $under:ident, up $up:ident $(,)?
    ) => {
        mod $name {
            use super::*;

            /// Vectors in flight: enough to keep the unit busy while each waits for itself.
            const FLIGHT: usize = 8;
            /// Lanes of a vector.
            const LANES: usize = $lanes;
            const ZERO: [u64; LANES] = [0; LANES];

            #[inline]
            #[target_feature(enable = $features)]
            fn load(from: &[u64; LANES]) -> $vector {
                // SAFETY: a reference to as many bytes as the vector has; none of these loads asks
                // for more alignment.
                unsafe { $load(from.as_ptr().cast()) }
            }

            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn store(into: &mut [u64; LANES], value: $vector) {
                // SAFETY: as for loads, and the reference is unique.
                unsafe { $store(into.as_mut_ptr().cast(), value) }
            }

            /// A round key in every block.
            #[inline]
            #[target_feature(enable = $features)]
            fn spread(key: &[u64; 2]) -> $vector {
                // SAFETY: a reference to 16 bytes, loaded without alignment.
                $spread(unsafe { _mm_loadu_si128(key.as_ptr().cast()) })
            }

            /// The counters of the vectors in flight from a block on.
            #[inline]
            #[target_feature(enable = $features)]
            fn counters(block: u64, vector: u64) -> [$vector; FLIGHT] {
                let mut counters = [load(&ZERO); FLIGHT];
                let mut first = block;
                for counter in &mut counters {
                    *counter = $counters(first as i64, vector as i64);
                    first = first.wrapping_add((LANES / 2) as u64);
                }
                counters
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn encrypt(counters: &[$vector; FLIGHT], key: &Schedule) -> [$vector; FLIGHT] {
                let [first, middle @ .., last] = &key.0;
                let mut state = *counters;
                let first = spread(first);
                for block in &mut state {
                    *block = $xor(*block, first);
                }
                for key in middle {
                    let key = spread(key);
                    for block in &mut state {
                        *block = $round(*block, key);
                    }
                }
                let last = spread(last);
                for block in &mut state {
                    *block = $last(*block, last);
                }
                state
            }

            #[target_feature(enable = $features)]
            pub(super) fn apply<const PAIRS: bool>(
                tiles: &mut [[u64; TILE]],
                (block, vector): (u64, u64),
                (add, subtract): (&[Schedule], &[Schedule]),
            ) {
                let step = spread(&[(FLIGHT * LANES / 2) as u64, 0]);
                let mut counters = counters(block, vector);
                for tile in tiles.as_flattened_mut().as_chunks_mut::<{ FLIGHT * LANES }>().0 {
                    let (tile, _) = tile.as_chunks_mut::<LANES>();
                    let mut sums = [load(&ZERO); FLIGHT];
                    for (sum, lanes) in sums.iter_mut().zip(tile.iter()) {
                        *sum = load(lanes);
                    }
                    // How much the high lane of each pair is owed by its low one.
                    let mut owed = [load(&ZERO); FLIGHT];
                    for key in add {
                        let stream = encrypt(&counters, key);
                        for ((sum, owed), words) in sums.iter_mut().zip(&mut owed).zip(stream) {
                            let before = *sum;
                            *sum = $add(before, words);
                            if PAIRS {
                                *owed = $over(*owed, *sum, before, words);
                            }
                        }
                    }
                    for key in subtract {
                        let stream = encrypt(&counters, key);
                        for ((sum, owed), words) in sums.iter_mut().zip(&mut owed).zip(stream) {
                            let before = *sum;
                            *sum = $subtract(before, words);
                            if PAIRS {
                                *owed = $under(*owed, *sum, before, words);
                            }
                        }
                    }
                    if PAIRS {
                        for (sum, owed) in sums.iter_mut().zip(owed) {
                            *sum = $add(*sum, $up(owed));
                        }
                    }
                    for (sum, lanes) in sums.iter().zip(tile) {
                        store(lanes, *sum);
                    }
                    for counter in &mut counters {
                        *counter = $add(*counter, step);
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn fold(tiles: usize, vector: u64, key: &Schedule) -> u64 {
                // Few registers, so that none is spilled: one counter, which steps from vector to
                // vector, and one that all is folded into.
                let step = spread(&[(LANES / 2) as u64, 0]);
                let mut counter = $counters(0, vector as i64);
                let mut folded = load(&ZERO);
                for _ in 0..tiles * (TILE / (FLIGHT * LANES)) {
                    let mut counters = [counter; FLIGHT];
                    for place in &mut counters {
                        *place = counter;
                        counter = $add(counter, step);
                    }
                    for words in encrypt(&counters, key) {
                        folded = $xor(folded, words);
                    }
                }
                let mut all = ZERO;
                store(&mut all, folded);
                all.iter().fold(0, |all, one| all ^ one)
            }
        }
    };
}

path! {
    vaes512: "avx512f,avx512bw,avx512dq,avx2,vaes,aes", __m512i, 8 lanes,
    load _mm512_loadu_si512, store _mm512_storeu_si512, spread _mm512_broadcast_i32x4, xor _mm512_xor_si512,
    round _mm512_aesenc_epi128, last _mm512_aesenclast_epi128, add _mm512_add_epi64, subtract _mm512_sub_epi64,
    counters counters512, over over512, under under512, up up512,
}

path! {
    vaes256: "avx2,vaes,aes", __m256i, 4 lanes,
    load _mm256_loadu_si256, store _mm256_storeu_si256, spread _mm256_broadcastsi128_si256, xor _mm256_xor_si256,
    round _mm256_aesenc_epi128, last _mm256_aesenclast_epi128, add _mm256_add_epi64, subtract _mm256_sub_epi64,
    counters counters256, over over256, under under256, up up256,
}

path! {
    aesni: "aes,sse2", __m128i, 2 lanes,
    load _mm_loadu_si128, store _mm_storeu_si128, spread same, xor _mm_xor_si128,
    round _mm_aesenc_si128, last _mm_aesenclast_si128, add _mm_add_epi64, subtract _mm_sub_epi64,
    counters counters128, over over128, under under128, up up128,
}

#[inline]
#[target_feature(enable = "avx512f")]
fn counters512(block: i64, vector: i64) -> __m512i {
    let next = |n: i64| block.wrapping_add(n);
    _mm512_set_epi64(vector, next(3), vector, next(2), vector, next(1), vector, block)
}

#[inline]
#[target_feature(enable = "avx2")]
fn counters256(block: i64, vector: i64) -> __m256i {
    _mm256_set_epi64x(vector, block.wrapping_add(1), vector, block)
}

#[inline]
#[target_feature(enable = "sse2")]
fn counters128(block: i64, vector: i64) -> __m128i {
    _mm_set_epi64x(vector, block)
}

#[inline]
fn same(key: __m128i) -> __m128i {
    key
}

// Of total = before + words per lane: `owed` with one more where the sum overflowed.

#[inline]
#[target_feature(enable = "avx512f")]
fn over512(owed: __m512i, total: __m512i, _before: __m512i, words: __m512i) -> __m512i {
    let over = _mm512_cmplt_epu64_mask(total, words);
    _mm512_mask_sub_epi64(owed, over, owed, _mm512_set1_epi64(-1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn over256(owed: __m256i, total: __m256i, _before: __m256i, words: __m256i) -> __m256i {
    _mm256_sub_epi64(owed, below256(total, words))
}

#[inline]
#[target_feature(enable = "sse2")]
fn over128(owed: __m128i, total: __m128i, before: __m128i, words: __m128i) -> __m128i {
    let both = _mm_and_si128(before, words);
    let one = _mm_andnot_si128(total, _mm_or_si128(before, words));
    _mm_add_epi64(owed, _mm_srli_epi64::<63>(_mm_or_si128(both, one)))
}

// Of total = before − words per lane: `owed` with one less where the difference went below 0.

#[inline]
#[target_feature(enable = "avx512f")]
fn under512(owed: __m512i, _total: __m512i, before: __m512i, words: __m512i) -> __m512i {
    let under = _mm512_cmplt_epu64_mask(before, words);
    _mm512_mask_add_epi64(owed, under, owed, _mm512_set1_epi64(-1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn under256(owed: __m256i, _total: __m256i, before: __m256i, words: __m256i) -> __m256i {
    _mm256_add_epi64(owed, below256(before, words))
}

#[inline]
#[target_feature(enable = "sse2")]
fn under128(owed: __m128i, total: __m128i, before: __m128i, words: __m128i) -> __m128i {
    let less = _mm_andnot_si128(before, words);
    let alike = _mm_andnot_si128(_mm_xor_si128(before, words), total);
    _mm_sub_epi64(owed, _mm_srli_epi64::<63>(_mm_or_si128(less, alike)))
}

/// All ones in each lane in which a is below b as numbers without sign.
#[inline]
#[target_feature(enable = "avx2")]
fn below256(a: __m256i, b: __m256i) -> __m256i {
    let sign = _mm256_set1_epi64x(i64::MIN);
    _mm256_cmpgt_epi64(_mm256_xor_si256(b, sign), _mm256_xor_si256(a, sign))
}

// Low lanes to high ones, in each pair.

#[inline]
#[target_feature(enable = "avx512bw")]
fn up512(lanes: __m512i) -> __m512i {
    _mm512_bslli_epi128::<8>(lanes)
}

#[inline]
#[target_feature(enable = "avx2")]
fn up256(lanes: __m256i) -> __m256i {
    _mm256_slli_si256::<8>(lanes)
}

#[inline]
#[target_feature(enable = "sse2")]
fn up128(lanes: __m128i) -> __m128i {
    _mm_slli_si128::<8>(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erases<T: ZeroizeOnDrop>(_: &[T]) {}

    /// FIPS 197, appendix A.3.
    #[test]
    fn schedules_are_those_of_the_standard_and_erase_themselves() {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&0x603d_eb10_15ca_71be_2b73_aef0_857d_7781_u128.to_be_bytes());
        key[16..].copy_from_slice(&0x1f35_2c07_3b61_08d7_2d98_10a3_0914_dff4_u128.to_be_bytes());
        let Some(schedules) = Schedules::new(Path::AesNi, &[&key], &[]) else {
            println!("this CPU has no AES instructions: no schedule of ours");
            return;
        };
        erases(&schedules.add);
        let Schedule(rounds) = &schedules.add[0];
        let last: u128 = 0xfe48_90d1_e618_8d0b_046d_f344_706c_631e;
        let bytes = rounds[14].map(u64::to_le_bytes);
        assert_eq!(bytes.as_flattened(), last.to_be_bytes());
    }
}
