//! Text of others, made fit to be shown: what would not show, or would change how the rest shows, is written out.
//!
//! A name, a `Debug`, a path or a file may hold anything. None of it reaches a screen, a panic message or a trace but through here.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether `c` does not show, or changes how what follows shows: a reader must see what is there. All of these have at most four
/// hex digits.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `text` on one line, with `\n`, `\t` or `\u{1b}` for each character that is [hidden](is_hidden). Other text stays as it is, and so
/// does what was made visible before.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) { push_escape(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Prose on one line: each break of a line, and what is blank around it, is a space; all else as [`visible`] has it.
#[cfg(feature = "harness")]
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(['\n', '\r']) {
        return visible(text);
    }
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join(" ");
    Cow::Owned(visible(&joined).into_owned())
}

/// Appends `c` as it is written out: `\n`, `\u{1b}`.
pub(crate) fn push_escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
    }
}

#[cfg(all(test, feature = "harness"))]
mod tests {
    use super::{one_line, visible};

    #[test]
    fn what_is_hidden_is_written_out_and_all_else_stays() {
        for plain in ["", "put cart=a", "←0 日本 é \"x\" \\n", "0→1 update #3"] {
            assert_eq!(visible(plain), plain);
        }
        let hostile = "a\n\tb\r\u{1b}[31m\u{7f}\u{85}\u{9b}\u{202e}\u{2066}\u{200b}\u{feff}\0";
        let shown = "a\\n\\tb\\r\\u{1b}[31m\\u{7f}\\u{85}\\u{9b}\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{0}";
        assert_eq!(visible(hostile), shown);
        assert_eq!(visible(shown), shown, "once is enough");
    }

    #[test]
    fn prose_is_one_line() {
        let panic = "assertion failed\r\n  left: 1\n right: \u{1b}2\n\n";
        assert_eq!(one_line(panic), "assertion failed left: 1 right: \\u{1b}2");
        assert_eq!(one_line("a  b"), "a  b");
    }
}
