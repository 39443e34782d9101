//! One decision in the bytes of a fuzzer: how numbers stand in it.

use std::time::Duration;

/// Bytes of one decision: what sort it is, three small choices, and two times.
pub(crate) const RECORD: usize = 8;

/// Whole microseconds.
pub(super) fn micros_of(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Two bytes, low one first, as a number below `limit`.
pub(super) fn scaled(bytes: [u8; 2], limit: u64) -> u64 {
    (u64::from(u16::from_le_bytes(bytes)) * limit) >> 16
}

pub(super) fn span(bytes: [u8; 2], most_us: u64) -> Duration {
    Duration::from_micros(scaled(bytes, most_us) + 1)
}

/// The smallest bytes that [`scaled`] makes `number` of, or the nearest to it below the limit.
pub(super) fn unscaled(number: u64, limit: u64) -> [u8; 2] {
    let bytes = (number.min(limit - 1) << 16).div_ceil(limit);
    u16::to_le_bytes(bytes.min(u16::MAX.into()) as u16)
}

pub(super) fn unspan(span: Duration, most_us: u64) -> [u8; 2] {
    unscaled(micros_of(span).saturating_sub(1), most_us)
}
