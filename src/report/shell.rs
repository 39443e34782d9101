//! Words as a shell takes them.

/// A word of a command, so that a shell takes it for just that, whatever stands in it: a space, a quote, a bar.
///
/// ```
/// use distributed_data_consistency::report::shell_word;
///
/// assert_eq!(shell_word("tests::it_works"), "tests::it_works");
/// assert_eq!(shell_word("--jobs=2"), "--jobs=2");
/// assert_eq!(shell_word("case 1 (a|b)"), "'case 1 (a|b)'");
/// assert_eq!(shell_word("it's"), r"'it'\''s'");
/// ```
#[must_use]
pub fn shell_word(word: &str) -> String {
    // A word with `=` in it is an assignment where a command is expected; an option is none.
    let is_plain = |char: char| {
        char.is_ascii_alphanumeric() || "_-./:@%+,".contains(char) || (char == '=' && word.starts_with("--"))
    };
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
