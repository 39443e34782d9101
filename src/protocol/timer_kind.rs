//! What a timer is called: the first word of its `Debug`.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// What a timer is called whose `Debug` begins with no word.
const NAMELESS: &str = "timer";

/// So much of a `Debug` is looked at.
const BYTES_MAX: usize = 64;

/// The first word that `timer` shows of itself, in small letters: `HeartbeatTo(2)` is `heartbeat-to`.
pub(super) fn first_word(timer: &impl fmt::Debug) -> Cow<'static, str> {
    let mut word = Word { text: String::new(), has_begun: false };
    // An error is how it says that it has seen enough.
    let _ = write!(word, "{timer:?}");
    if word.text.is_empty() { Cow::Borrowed(NAMELESS) } else { Cow::Owned(word.text) }
}

/// Takes what is written up to the end of its first word.
struct Word {
    text: String,
    has_begun: bool,
}

impl fmt::Write for Word {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '(' | '[' | '"' | ' ' | '\'' if !self.has_begun => continue,
                'A'..='Z' => {
                    if self
                        .text
                        .chars()
                        .next_back()
                        .is_some_and(|last| last.is_ascii_lowercase() || last.is_ascii_digit())
                    {
                        self.text.push('-');
                    }
                    self.text.push(c.to_ascii_lowercase());
                }
                '_' | '-' if self.has_begun => self.text.push('-'),
                'a'..='z' => self.text.push(c),
                '0'..='9' if self.has_begun => self.text.push(c),
                _ => return Err(fmt::Error),
            }
            self.has_begun = true;
            if self.text.len() >= BYTES_MAX {
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::first_word;

    /// Shows itself as this text.
    struct Shown(&'static str);

    impl fmt::Debug for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    #[test]
    fn a_timer_is_called_by_its_first_word() {
        for (shown, word) in [
            ("Election", "election"),
            ("HeartbeatTo(2)", "heartbeat-to"),
            ("Retry { peer: 1 }", "retry"),
            ("(Election, 3)", "election"),
            ("\"tick\"", "tick"),
            ("step_down", "step-down"),
            ("Phase2", "phase2"),
            ("()", "timer"),
            ("7", "timer"),
            ("", "timer"),
            ("日本", "timer"),
        ] {
            assert_eq!(first_word(&Shown(shown)), word, "{shown}");
        }
    }
}
