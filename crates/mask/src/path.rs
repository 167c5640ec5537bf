//! Which instructions the masks are made with.

/// A way to make masks. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Four blocks to an instruction: AVX-512 (F, BW, DQ) and VAES.
    Vaes512,
    /// Two blocks to an instruction: AVX2 and VAES.
    Vaes256,
    /// A block to an instruction: AES and SSE2, which nearly every x86-64 has.
    AesNi,
    /// The `aes` crate: instructions where it knows them, such as ARM's, else bit slices.
    Portable,
}

impl Path {
    /// All, the fastest first.
    pub const ALL: [Path; 4] = [Path::Vaes512, Path::Vaes256, Path::AesNi, Path::Portable];

    /// The fastest that this CPU has.
    #[must_use]
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|path| path.is_here()).unwrap_or(Path::Portable)
    }

    /// Whether this CPU, and its system, have what it needs.
    #[must_use]
    pub fn is_here(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Path::Vaes512 | Path::Vaes256 | Path::AesNi => crate::x86::Unit::find(self).is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Path::Vaes512 | Path::Vaes256 | Path::AesNi => false,
            Path::Portable => true,
        }
    }
}
