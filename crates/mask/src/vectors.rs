//! Safe code that the compiler makes vectors of, as wide as this CPU has them.

/// A loop that the compiler can make vectors of.
pub trait Loop {
    /// What it gives.
    type Output;

    /// Runs it. Only what is inlined here gets wide vectors, so implementations are marked
    /// `#[inline(always)]`, as is what they call.
    fn run(self) -> Self::Output;
}

/// Runs a loop that is compiled once for each width of vectors, with the widest of this CPU. All give
/// the same bits.
#[inline]
pub fn with_wide_vectors<L: Loop>(work: L) -> L::Output {
    #[cfg(target_arch = "x86_64")]
    return crate::x86::with_wide_vectors(work);
    #[cfg(not(target_arch = "x86_64"))]
    return work.run();
}
