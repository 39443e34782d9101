//! A rolling digest of a run: equal runs have equal digests, in debug and release, on every machine.

use std::fmt;

/// Folds numbers and bytes, in order, into 64 bits. Not cryptographic: it tells runs apart, not attackers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0x243f_6a88_85a3_08d3)
    }
}

impl Digest {
    /// The digest of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Folds a number.
    #[inline]
    pub fn fold(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// Folds bytes, and how many there are.
    #[inline]
    pub fn fold_bytes(&mut self, bytes: &[u8]) {
        self.fold(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.fold(little_endian(word));
        }
        if !words.remainder().is_empty() {
            self.fold(little_endian(words.remainder()));
        }
    }

    /// The 64 bits, well mixed.
    #[must_use]
    pub fn value(self) -> u64 {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    }
}

/// The number that up to eight bytes are, the lowest first.
#[inline]
fn little_endian(bytes: &[u8]) -> u64 {
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    match (bytes.first_chunk(), bytes.last_chunk()) {
        // From four bytes on the two halves overlap, or meet.
        (Some(low), Some(high)) => half(low) | half(high) << (8 * (bytes.len() - 4)),
        _ => bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
    }
}

/// Anything that can be written as text can be folded, without a string in between.
impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.fold_bytes(text.as_bytes());
        Ok(())
    }
}
