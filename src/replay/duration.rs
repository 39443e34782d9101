//! Reads what [`show_duration`](crate::protocol::show_duration) writes, exactly: integers only, nothing is rounded.

use std::time::Duration;

/// What a text that is no duration should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected(pub(super) &'static str);

const FORM: Expected = Expected("a duration like \"9ms\"");
const WHOLE: Expected = Expected("a whole number of nanoseconds");
const RANGE: Expected = Expected("a duration of at most 18446744073709551615ns");

/// `9ms`, `1.25ms`, `300us`, `2s`, `17ns`.
pub(crate) fn parse(text: &str) -> Result<Duration, Expected> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(FORM)?;
    let (number, unit) = text.split_at(unit_at);
    let unit: u128 = match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        // The micro sign, the Greek letter that looks the same, and what is easier to type.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ns" => 1,
        _ => return Err(FORM),
    };
    let (whole, part) = match number.split_once('.') {
        Some((_, "")) => return Err(FORM),
        Some((whole, part)) => (whole, part.trim_end_matches('0')),
        None => (number, ""),
    };
    if whole.is_empty() || part.contains('.') {
        return Err(FORM);
    }
    let whole: u64 = whole.parse().map_err(|_| RANGE)?;
    let nanos = u128::from(whole) * unit + part_nanos(part, unit)?;
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| RANGE)
}

/// The nanoseconds that the decimals `part` of a `unit` are.
fn part_nanos(part: &str, unit: u128) -> Result<u128, Expected> {
    // Even a second has only nine decimals.
    if part.len() > 9 {
        return Err(WHOLE);
    }
    let scale = (0..part.len()).fold(1, |scale, _| scale * 10);
    let decimals: u128 = if part.is_empty() { 0 } else { part.parse().map_err(|_| FORM)? };
    let scaled = decimals * unit;
    if scaled.is_multiple_of(scale) { Ok(scaled / scale) } else { Err(WHOLE) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FORM, RANGE, WHOLE, parse};
    use crate::protocol::show_duration;

    #[test]
    fn reads_exactly() {
        for (text, nanos) in [
            ("9ms", 9_000_000),
            ("1.25ms", 1_250_000),
            ("300us", 300_000),
            ("300µs", 300_000),
            ("300\u{3bc}s", 300_000),
            ("2s", 2_000_000_000),
            ("17ns", 17),
            ("0ms", 0),
            ("007ms", 7_000_000),
            ("1.500000000000ms", 1_500_000),
            ("0.000000001s", 1),
            ("5.0ns", 5),
            ("18446744073709551615ns", u64::MAX),
            ("18446744073.709551615s", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in
            ["", "9", "ms", "9 ms", " 9ms", "9ms ", "-9ms", "+9ms", ".5ms", "5.ms", ".ms", "1.2.3ms", "9parsecs"]
        {
            assert_eq!(parse(text), Err(FORM), "{text}");
        }
        for text in ["9e3ms", "0x9ms", "9MS", "9m", "1_000ms", "٣ms", "1..ms", "1.2..3ms", "9ms9ms", "∞s"] {
            assert_eq!(parse(text), Err(FORM), "{text}");
        }
        for text in ["0.5ns", "1.0005us", "0.0000000001s"] {
            assert_eq!(parse(text), Err(WHOLE), "{text}");
        }
        for text in ["18446744073709551616ns", "18446744073.709551616s", "99999999999999999999999s"] {
            assert_eq!(parse(text), Err(RANGE), "{text}");
        }
    }

    #[test]
    fn reads_what_is_written() {
        let mut nanos = 1_u64;
        for step in 0..4_000_u64 {
            nanos = nanos.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let span = Duration::from_nanos(nanos >> (step % 64) >> (step % 3) << (step % 3));
            assert_eq!(parse(&show_duration(span)), Ok(span));
        }
    }
}
