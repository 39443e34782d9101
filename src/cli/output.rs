//! Where results and messages go. All that the command line prints goes through here, and what cannot be printed is not lost.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Exit;
use crate::protocol::{is_hidden, visible};

/// Why results could not be printed, once they could not.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Prints a result on standard output; where that cannot be written, on standard error, and [`finish`] says so. Whoever reads only
/// the first lines and closes the pipe is no error.
pub(super) fn print(result: impl fmt::Display) {
    let text = shown(&result.to_string());
    let lost = print_by(|| {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    if lost {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Prints a result for programs. What would not show on a terminal is written as JSON writes it, so that it is the same to them.
pub(super) fn print_json(result: &serde_json::Value) {
    print_json_lines(&result.to_string());
}

/// The same, for JSON that is text already: a value on each line.
pub(super) fn print_json_lines(lines: &str) {
    let mut text = String::new();
    for line in lines.lines() {
        for c in line.chars() {
            if is_hidden(c) { text.push_str(&format!("\\u{:04x}", u32::from(c))) } else { text.push(c) }
        }
        text.push('\n');
    }
    print(text);
}

/// Prints something on standard output by other means; true if it is lost, and nobody has asked for that.
pub(super) fn print_by(write: impl FnOnce() -> io::Result<()>) -> bool {
    let written = write().and_then(|()| match is_closed() {
        true => Err(io::Error::other(
            "it is closed, or /dev/null opened to be read as well, which looks the same from here",
        )),
        false => Ok(()),
    });
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
            true
        }
        _ => false,
    }
}

/// How the command ends: not well if what it found could not be printed.
pub(super) fn finish(exit: Exit) -> Exit {
    match &*LOST.lock().unwrap_or_else(PoisonError::into_inner) {
        None => exit,
        Some(why) => {
            tell(format_args!("error: standard output: {why}"));
            if exit == Exit::Clean { Exit::BadInput } else { exit }
        }
    }
}

/// Tells the operator something that is no result.
pub(super) fn tell(message: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", shown(&message.to_string()));
}

/// Lines stay lines; whatever else would not show is written out.
fn shown(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => visible(line) + "\n",
            None => visible(line),
        })
        .collect()
}

/// Whether standard output was closed as the program began (`>&-`). By now it is not: the runtime has opened `/dev/null` in its
/// place, to be read and written, where a shell's `>/dev/null` opens it to be written only.
fn is_closed() -> bool {
    static CLOSED: OnceLock<bool> = OnceLock::new();
    *CLOSED.get_or_init(|| cfg!(target_os = "linux") && looks_closed().unwrap_or(false))
}

fn looks_closed() -> io::Result<bool> {
    const READ_AND_WRITE: u32 = 2;
    if std::fs::read_link("/proc/self/fd/1")?.as_os_str() != "/dev/null" {
        return Ok(false);
    }
    let info = std::fs::read_to_string("/proc/self/fdinfo/1")?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).map(str::trim).unwrap_or_default();
    Ok(u32::from_str_radix(flags, 8).is_ok_and(|flags| flags & 3 == READ_AND_WRITE))
}
