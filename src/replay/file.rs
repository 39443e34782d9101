//! What a plan file holds, and where it lives.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::{Error, read, update, write};
use crate::protocol::Digest;
use crate::sim::{Action, Plan};

/// The version of the format that is written, and the only one that is read.
pub const FORMAT: u64 = 1;

/// The largest plan file that is read or written, some 200,000 requests: a file that is no plan must not fill the memory.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// How much of a check's name goes into a file name: file systems have limits too.
const NAME_BYTES_MAX: usize = 64;

/// A plan, and what is needed to run it again and to judge how that went.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanFile {
    /// Which system the plan was made for: `store`, `textbook/node-wide-stamp`, or a user's own.
    pub system: String,
    /// The plan.
    pub plan: Plan,
    /// What must come of it.
    pub expect: Expect,
    /// The digest of the whole run as it went when the file was written.
    pub digest: Option<u64>,
    /// The run as it went when the file was written, one line per event: what a replay that went another way is
    /// compared with. Empty if there is none.
    pub trace: Vec<String>,
}

/// What must come of running a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It violates a check: the failure is not fixed yet.
    Violates {
        /// Which.
        check: String,
    },
    /// It violates nothing: the failure is fixed and must stay so.
    Clean,
}

/// `violates = "siblings"`, `expect = "clean"`: as it stands in a plan file.
impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violates { check } => write!(f, "violates = {}", super::entries::quoted(check)),
            Self::Clean => f.write_str("expect = \"clean\""),
        }
    }
}

impl Expect {
    /// True if this check must be violated.
    #[must_use]
    pub fn is_violation_of(&self, name: &str) -> bool {
        matches!(self, Self::Violates { check } if check == name)
    }
}

impl PlanFile {
    /// The file as text. Equal files give equal text, and reading it gives the file back, except that
    /// - a partition lists both directions of a pair together, at the place of the first;
    /// - spans beyond the end of time, and node counts beyond the limits, become the nearest that there is; a run
    ///   does not see the difference;
    /// - a trace that would make the file too large to be read is left out.
    ///
    /// # Errors
    /// If TOML cannot express an action, a node or message has no name in a plan file, or the text gets larger than
    /// [`FILE_BYTES_MAX`].
    pub fn to_toml(&self) -> Result<String, Error> {
        write::file(self).map_err(|message| Error::whole(Path::new(""), message))
    }

    /// Reads a file from its text; `path` is for messages only, and `parse_action` is
    /// [`Clients::parse`](crate::sim::Clients::parse) of the workload in question.
    ///
    /// # Errors
    /// The first thing that is wrong, and its line.
    pub fn from_toml(
        path: &Path,
        text: &str,
        parse_action: &dyn Fn(toml::Value) -> Result<Action, String>,
    ) -> Result<Self, Error> {
        read::file(text, parse_action).map_err(|wrong| Error::at(path, text.as_bytes(), wrong.at, wrong.message))
    }

    /// The text of a file as it tells what this one tells of its run: what must come of it, and, where the text has them, its
    /// digest and its trace. All else, comments included, stays as it is in `text`.
    ///
    /// # Errors
    /// If the text is no TOML.
    pub fn update_text(&self, path: &Path, text: &str) -> Result<String, Error> {
        update::text(text, self).map_err(|wrong| Error::at(path, text.as_bytes(), wrong.at, wrong.message))
    }

    /// Which system a file is for, without reading the rest: its actions can be parsed only once this is known.
    ///
    /// # Errors
    /// If the text is no TOML, of another format, or names no system.
    pub fn system_of(path: &Path, text: &str) -> Result<String, Error> {
        read::system(text).map_err(|wrong| Error::at(path, text.as_bytes(), wrong.at, wrong.message))
    }

    /// Reads the file at `path`. See [`PlanFile::from_toml`].
    ///
    /// # Errors
    /// Whatever [`PlanFile::read_text`] and [`PlanFile::from_toml`] say.
    pub fn read(path: &Path, parse_action: &dyn Fn(toml::Value) -> Result<Action, String>) -> Result<Self, Error> {
        Self::from_toml(path, &Self::read_text(path)?, parse_action)
    }

    /// The text of the file at `path`: for whoever asks for [`PlanFile::system_of`] first.
    ///
    /// # Errors
    /// If there is no such file, it is larger than [`FILE_BYTES_MAX`], or no UTF-8.
    pub fn read_text(path: &Path) -> Result<String, Error> {
        let mut bytes = Vec::new();
        // Not the size that the file system tells: a device or a growing file would not keep to it.
        File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| Error::whole(path, format!("expected a plan file: {error}")))?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Error::whole(path, format!("expected a plan file of at most {FILE_BYTES_MAX} bytes")));
        }
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Error::at(path, error.as_bytes(), at, "expected UTF-8 text")
        })
    }

    /// What [`PlanFile::write_new`] calls the file: `siblings-9f2c41.toml`, the check and a short digest of system and
    /// plan. Where a plan came from and how its run went make no difference, so the same shrunk plan has one file.
    ///
    /// # Errors
    /// As [`PlanFile::to_toml`].
    pub fn name(&self) -> Result<String, Error> {
        let text = write::identity(self).map_err(|message| Error::whole(Path::new(""), message))?;
        let mut digest = Digest::new();
        digest.fold_bytes(text.as_bytes());
        let check = match &self.expect {
            Expect::Violates { check } => check,
            Expect::Clean => "clean",
        };
        Ok(format!("{}-{:06x}.toml", file_name_part(check), digest.value() & 0xff_ffff))
    }

    /// Writes the file into `dir`, which is made if need be, under its [`name`](PlanFile::name), and returns where it
    /// is. A file of that name is replaced; at no time is there half a file.
    ///
    /// # Errors
    /// As [`PlanFile::to_toml`], or if the file system refuses.
    pub fn write_new(&self, dir: &Path) -> Result<PathBuf, Error> {
        let in_dir = |error: Error| Error { path: dir.to_owned(), ..error };
        let name = self.name().map_err(in_dir)?;
        let text = self.to_toml().map_err(in_dir)?;
        let path = dir.join(&name);
        let made = fs::create_dir_all(dir);
        made.map_err(|error| Error::whole(&path, format!("expected to write a plan file: {error}")))?;
        Self::write_text(&path, &text)?;
        Ok(path)
    }

    /// Writes the text of a plan file to `path`. A file that is there is replaced; at no time is there half a file.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write_text(path: &Path, text: &str) -> Result<(), Error> {
        replace(path, text.as_bytes())
            .map_err(|error| Error::whole(path, format!("expected to write a plan file: {error}")))
    }
}

/// Puts `bytes` where `path` says, all or nothing. What a link points to is replaced, not the link.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (temporary, mut file) = temporary(dir)?;
    // On the disk before it has its name: a crash of the machine must not leave a name without its content.
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let renamed = written.and_then(|()| fs::rename(&temporary, &target));
    if renamed.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// A new file in `dir`, nobody else's: tests that fail the same way at the same time write the same name.
fn temporary(dir: &Path) -> io::Result<(PathBuf, File)> {
    for number in 0..1_000 {
        let path = dir.join(format!(".plan-{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "too many temporary files in the directory"))
}

/// `text` with nothing in it but `a-z0-9-`: it can neither leave the directory nor mean anything to a file system.
fn file_name_part(text: &str) -> String {
    let mut part = String::new();
    for c in text.chars() {
        if part.len() >= NAME_BYTES_MAX {
            break;
        }
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => part.push(c),
            _ if part.is_empty() || part.ends_with('-') => {}
            _ => part.push('-'),
        }
    }
    match part.trim_end_matches('-') {
        "" => "plan".to_owned(),
        part => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{NAME_BYTES_MAX, file_name_part};

    #[test]
    fn a_name_stays_in_its_directory() {
        for (text, part) in [
            ("siblings", "siblings"),
            ("../../etc/passwd", "etc-passwd"),
            ("C:\\Windows", "c-windows"),
            ("No Lost  Write!", "no-lost-write"),
            ("", "plan"),
            ("日本", "plan"),
            ("a\0b", "a-b"),
            ("--", "plan"),
        ] {
            assert_eq!(file_name_part(text), part);
        }
        assert_eq!(file_name_part(&"x".repeat(1_000)).len(), NAME_BYTES_MAX);
    }
}
