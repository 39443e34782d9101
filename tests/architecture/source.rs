//! Rust source as tokens, for tests that hold the source itself to rules. It knows no grammar: only where comments, strings and
//! test code are, and which paths are named.

use std::fs;
use std::path::{Path, PathBuf};

/// A word or a sign, and the line, from 1, on which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A path that begins at the root of the crate, without the word `crate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
}

/// All Rust files below a directory of this crate, named from its root, sorted.
pub(crate) fn rust_files(directory: &str) -> Vec<PathBuf> {
    fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.expect("expect: a directory that can be read").path();
            match path.is_dir() {
                true if path.ends_with("target") => {}
                true => collect(&path, files),
                false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
                false => {}
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join(directory), &mut files);
    files.sort();
    files.iter().map(|file| file.strip_prefix(root).unwrap_or(file).to_owned()).collect()
}

/// A file of this crate.
pub(crate) fn read(path: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The tokens of `source`, without comments, strings, characters and lifetimes.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    let peek = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let start = at;
        let raw = end_of_prefixed(&chars, at);
        match peek(at) {
            '/' if peek(at + 1) == '/' => at += chars[at..].iter().take_while(|&&char| char != '\n').count(),
            '/' if peek(at + 1) == '*' => at = end_of_comment(&chars, at),
            'r' | 'b' | 'c' if raw.is_some() => at = raw.unwrap_or(at),
            '"' => at = end_of_string(&chars, at),
            // A character, such as 'a' or '\'', or a lifetime.
            '\'' if peek(at + 1) == '\\' => {
                at += 3 + chars[at + 3..].iter().take_while(|&&char| char != '\'').count() + 1
            }
            '\'' if peek(at + 2) == '\'' => at += 3,
            '\'' => at += 1 + word(&chars[at + 1..]),
            char if char.is_alphanumeric() || char == '_' => {
                at += word(&chars[at..]);
                tokens.push(Token { line, text: chars[start..at].iter().collect() });
            }
            ':' if peek(at + 1) == ':' => {
                at += 2;
                tokens.push(Token { line, text: "::".to_owned() });
            }
            char => {
                at += 1;
                if !char.is_whitespace() {
                    tokens.push(Token { line, text: char.to_string() });
                }
            }
        }
        at = at.min(chars.len());
        line += chars[start..at].iter().filter(|&&char| char == '\n').count();
    }
    tokens
}

fn word(chars: &[char]) -> usize {
    chars.iter().take_while(|char| char.is_alphanumeric() || **char == '_').count()
}

/// Comments nest.
fn end_of_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn end_of_string(chars: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of a string such as `r#"…"#` or `b"…"` that begins here, if one does.
fn end_of_prefixed(chars: &[char], from: usize) -> Option<usize> {
    let rest = &chars[from..];
    let letters = rest.iter().take_while(|char| "rbc".contains(**char)).count();
    let hashes = rest[letters..].iter().take_while(|char| **char == '#').count();
    let before = from.checked_sub(1).is_some_and(|before| chars[before].is_alphanumeric() || chars[before] == '_');
    if before || letters > 2 || rest.get(letters + hashes) != Some(&'"') {
        return None;
    }
    let quote = from + letters + hashes;
    if !rest[..letters].contains(&'r') {
        return (hashes == 0).then(|| end_of_string(chars, quote));
    }
    let closes =
        |at: &usize| chars[*at] == '"' && chars[at + 1..].iter().take_while(|char| **char == '#').count() >= hashes;
    let end = (quote + 1..chars.len()).find(closes).unwrap_or(chars.len());
    Some(end + 1 + hashes)
}

/// True if the tokens from `at` on are these.
pub(crate) fn reads(tokens: &[Token], at: usize, texts: &[&str]) -> bool {
    tokens.len() >= at + texts.len() && texts.iter().zip(&tokens[at..]).all(|(text, token)| token.text == *text)
}

/// The same without the items that stand under `#[cfg(test)]`.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if reads(tokens, at, &CFG_TEST) {
            at = end_of_item(tokens, at + CFG_TEST.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// An item ends with its block, or with the semicolon outside of all brackets.
fn end_of_item(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                // A block, unless it is a group of imports.
                if depth == 0 && token.text == "}" && tokens.get(at + 1).is_none_or(|next| next.text != ";") {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The paths from the root of the crate that a file of the module `module` names, by way of `crate` or of `super`; those in
/// groups one by one.
pub(crate) fn named_paths(module: &[String], tokens: &[Token]) -> Vec<Named> {
    let mut named = Vec::new();
    // Modules written inside the file: the depth of braces outside of each, and its name.
    let (mut inner, mut depth): (Vec<(usize, String)>, usize) = (Vec::new(), 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => {
                if at >= 2 && tokens[at - 2].text == "mod" {
                    inner.push((depth, tokens[at - 1].text.clone()));
                }
                depth += 1;
            }
            "}" => {
                depth = depth.saturating_sub(1);
                inner.pop_if(|(outside, _)| *outside == depth);
            }
            "crate" | "super" | "self" if reads(tokens, at + 1, &["::"]) => {
                // Only from where a path begins.
                if at > 0 && tokens[at - 1].text == "::" {
                    continue;
                }
                let mut here = module.to_vec();
                here.extend(inner.iter().map(|(_, name)| name.clone()));
                add_paths(tokens, at, here, &mut named);
            }
            _ => {}
        }
    }
    named
}

/// Adds the path that begins at `at` and continues the path `before`, or each path of the group; returns where it ends.
fn add_paths(tokens: &[Token], mut at: usize, mut before: Vec<String>, named: &mut Vec<Named>) -> usize {
    let line = tokens[at].line;
    loop {
        match tokens.get(at).map_or("", |token| token.text.as_str()) {
            "{" => {
                at += 1;
                while at < tokens.len() && tokens[at].text != "}" {
                    at = match tokens[at].text.as_str() {
                        "," => at + 1,
                        _ => add_paths(tokens, at, before.clone(), named),
                    };
                }
                return at + 1;
            }
            "crate" => before.clear(),
            "super" => drop(before.pop()),
            "self" => {}
            word => before.push(word.to_owned()),
        }
        at += 1;
        if !reads(tokens, at, &["::"]) {
            break;
        }
        at += 1;
    }
    named.push(Named { line, path: before });
    // What an import is called here says nothing of where it comes from.
    if reads(tokens, at, &["as"]) { at + 2 } else { at }
}
