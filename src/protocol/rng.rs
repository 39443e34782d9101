//! Random bits that mean the same in every release.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// One stream of a seed's random bits.
///
/// The bits are ChaCha8's, which never change; the sampling is ours, so that no dependency's release
/// changes what a seed means. No floats.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// Stream `stream` of `seed`; different streams of a seed are independent.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// 32 random bits.
    #[inline]
    pub fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    #[inline]
    pub fn bits64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `limit`, all about equally likely (the bias is below `limit` in 2^64); 0 for a limit of 0.
    #[inline]
    pub fn below(&mut self, limit: u64) -> u64 {
        // Lemire's multiply-shift, without the rejection: every call draws the same number of bits.
        ((u128::from(self.0.next_u64()) * u128::from(limit)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included; `low` if they are the wrong way round.
    #[inline]
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        match high.saturating_sub(low) {
            u64::MAX => self.bits64(),
            span => low + self.below(span + 1),
        }
    }

    /// True `permille` times out of a thousand.
    #[inline]
    pub fn chance(&mut self, permille: u32) -> bool {
        // One 32-bit draw: fates are drawn for every message.
        (u64::from(self.bits()) * 1_000) >> 32 < u64::from(permille)
    }

    /// One of `items`, or `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place as u64 + 1) as usize);
        }
    }
}
