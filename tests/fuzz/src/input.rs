//! Choices, read off the fuzzer's bytes from the front. Where they end, every choice is 0.

/// What is left of an input.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// A little-endian number.
    pub(crate) fn number(&mut self) -> u16 {
        let bytes = self.take(2);
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u16::from(*byte))
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.number()) % limit.max(1)
    }

    /// At most so many bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(bytes.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes behind their length.
    pub(crate) fn part(&mut self) -> &'a [u8] {
        let length = usize::from(self.number());
        self.take(length)
    }

    /// All parts that are left.
    pub(crate) fn parts(&mut self) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        while !self.is_empty() {
            parts.push(self.part().to_vec());
        }
        parts
    }

    /// A float of any bits.
    pub(crate) fn float(&mut self) -> f64 {
        let mut bytes = [0; 8];
        let taken = self.take(8);
        bytes[..taken.len()].copy_from_slice(taken);
        f64::from_le_bytes(bytes)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
