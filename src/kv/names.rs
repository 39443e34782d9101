//! The keys and values that the workload writes.

use smallvec::SmallVec;
use smol_str::SmolStr;

/// The keys of small worlds. Two or more are needed to see a stamp that knows too much of the other key.
pub(super) const KEYS: [&str; 4] = ["cart", "user", "page", "item"];

/// `a` to `z`, then `aa`, `ab`, …
pub(super) fn label(number: usize) -> SmolStr {
    let mut letters = SmallVec::<[char; 16]>::new();
    let mut rest = number + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.into_iter().rev().collect()
}
