//! What is wrong with a plan file, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::protocol::visible;

/// Why a plan file cannot be read or written: `snapshots/replays/x.toml:14: expected …, found …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Which file; empty when the plan has not got as far as having one.
    pub path: PathBuf,
    /// Which line, from 1: that of the offending value, or of its table if it is missing.
    pub line: Option<usize>,
    /// What was expected, and what was found instead.
    pub message: String,
}

impl Error {
    /// Something that has no line.
    pub(super) fn whole(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, message: message.into() }
    }

    /// Something that starts at byte `at` of `text`.
    pub(super) fn at(path: &Path, text: &[u8], at: usize, message: impl Into<String>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        Self { path: path.to_owned(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.as_os_str().is_empty() {
            write!(f, "{}:", visible(&self.path.to_string_lossy()))?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&visible(&self.message))
    }
}

impl std::error::Error for Error {}

/// What is wrong while reading: a byte offset, which becomes a line once, at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Wrong {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// What was found, on one line and not too long of it.
pub(super) fn clip(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}
