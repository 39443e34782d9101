//! Refuses text that nests too deep, before a tree is made of it.
//!
//! A TOML reader limits how deep brackets nest, and how many dots a key has, but not both together: some thousand levels
//! fit within its limits, and taking such a tree apart, one call per level, can be more than a thread's stack holds.

use super::error::Wrong;
use super::quote::DEPTH_MAX;

/// Above what an action may have: a dot is counted wherever it stands, in a number too.
const LEVELS_MAX: usize = 2 * DEPTH_MAX;

/// Counts brackets and dots outside strings and comments. Of text that is no TOML it rather counts too many.
pub(super) fn check(text: &str) -> Result<(), Wrong> {
    let bytes = text.as_bytes();
    // For each open bracket, what closes it, and the level it stands on.
    let mut open: Vec<(u8, usize)> = Vec::new();
    let mut level = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'[' | b'{' => {
                open.push((if byte == b'[' { b']' } else { b'}' }, level));
                level += 1;
            }
            b']' | b'}' => {
                if let Some((_, outside)) = open.pop_if(|(closing, _)| *closing == byte) {
                    level = outside;
                }
            }
            b'.' => level += 1,
            b',' => level = open.last().map_or(0, |(_, outside)| outside + 1),
            b'\n' if open.is_empty() => level = 0,
            _ => {}
        }
        if level > LEVELS_MAX {
            return Err(Wrong::new(at, format!("expected at most {DEPTH_MAX} levels of nesting")));
        }
        at += token_bytes(&bytes[at..]);
    }
    Ok(())
}

/// How long the token is that `rest`, which is not empty, begins with.
fn token_bytes(rest: &[u8]) -> usize {
    let until = |ends: &[u8]| rest.iter().position(|byte| ends.contains(byte)).unwrap_or(rest.len());
    match rest[0] {
        b'.' | b'=' | b',' | b'[' | b']' | b'{' | b'}' | b' ' | b'\t' | b'\r' | b'\n' => 1,
        b'#' => until(b"\r\n"),
        b'\'' | b'"' => string_bytes(rest),
        // A quote inside a word begins no string.
        _ => until(b".=,[]{} \t#\r\n"),
    }
}

/// How long the string is that `rest` begins with; one that is not closed ends with its line, or with the text.
fn string_bytes(rest: &[u8]) -> usize {
    let quote = rest[0];
    let lines = rest.starts_with(&[quote; 3]);
    let closing = if lines { &[quote; 3][..] } else { &[quote][..] };
    let mut at = closing.len();
    while let Some(&byte) = rest.get(at) {
        if byte == b'\\' && quote == b'"' {
            at += if matches!(rest.get(at + 1), Some(b'\\' | b'"')) { 2 } else { 1 };
        } else if byte == b'\n' && !lines {
            return at;
        } else if rest[at..].starts_with(closing) {
            // Up to two quotes more belong to a text of several lines.
            let more = rest[at + closing.len()..].iter().take(2).take_while(|&&byte| lines && byte == quote);
            return at + closing.len() + more.count();
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::{LEVELS_MAX, check};

    #[test]
    fn what_nests_is_counted() {
        let deep = LEVELS_MAX + 1;
        for text in [
            "[".repeat(deep),
            format!("a = {}", "{a=[".repeat(deep)),
            format!("{}a = 1", "a.".repeat(deep)),
            format!("a = {{ {}", "a.a = { ".repeat(deep / 2)),
            format!("a = {}", "[1, [], ".repeat(deep)),
            format!("a = ''''' {}", "[".repeat(deep)) + "''' [",
            format!("a = b'{}", "[".repeat(deep)),
            format!("a = 'b\n{}", "[".repeat(deep)),
            format!("a = \"\\\\\"{}", "[".repeat(deep)),
        ] {
            assert_eq!(check(&text).is_err(), !text.starts_with("a = '''''"), "{text}");
        }
    }

    #[test]
    fn what_does_not_nest_is_not() {
        let many = 2 * LEVELS_MAX;
        for text in [
            "a.b = 1\n".repeat(many),
            "[a.b]\n[[c]]\n".repeat(many),
            format!("a = [{}]", "1.5, ".repeat(many)),
            format!("a = [{}]", "{ a.b = 1 }, ".repeat(many)),
            format!("a = \"\\\"{}\"", "[".repeat(many)),
            format!("a = '{}'", "[\"".repeat(many)),
            format!("a = '''\n'{}\n''' # {}", "[''".repeat(many), "[".repeat(many)),
            format!("a = \"\"\"\n\\\"\"\"{}\n\"\"\"\"\"", "[\"\"".repeat(many)),
        ] {
            assert_eq!(check(&text), Ok(()), "{text}");
        }
    }
}
