//! What is being run, in a small file: for deaths of which no hook hears.
//!
//! A file for each process, in the system's directory for temporary files, called `ddc-running-` and the number of the process. It is
//! there while worlds are run, and removed at a clean end. Each thread has a line at a place of its own, so that one write replaces
//! it; behind them stands what was found so far. A line is written when a thread begins a new part of a sweep, for each of its first
//! worlds, and when a world begins more than a millisecond after the last line: so it costs nothing that can be measured, and names
//! the world itself where worlds are few or long, and a handful of worlds where they are many and short. After such a death the
//! next process writes a line for each world.
#![expect(clippy::disallowed_types, reason = "how old a line is, no run can see")]

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use super::{Made, Running, locked};

/// How the names of such files begin.
const PREFIX: &str = "ddc-running-";
/// What a file begins with.
const HEAD: &str = "what ddc is running; if the process is gone, this is where it died";
/// The head takes so many bytes: the longest path has room in it; …
const HEAD_BYTES: u64 = 8 << 10;
/// … and each line so many.
const LINE_BYTES: u64 = 1 << 10;
/// More threads than this have no line.
const LINES_MAX: u64 = 128;
/// What a line begins with that tells of a world, …
const AT: &str = "at ";
/// … and one that tells of what was found.
const FOUND: &str = "found ";
/// Each of so many worlds of a thread has a line; from then on …
const EXACT_MAX: u64 = 2_000;
/// … a line need not be younger than this.
const FRESH: Duration = Duration::from_millis(1);
/// A larger file is none of ours.
const FILE_BYTES_MAX: u64 = 1 << 20;

struct Open {
    path: PathBuf,
    file: File,
    /// How many watches need it.
    users: usize,
    /// Where the next note goes.
    end: u64,
    /// Which lines are taken.
    taken: Vec<bool>,
}

static OPEN: Mutex<Option<Open>> = Mutex::new(None);

/// Threads whose line was of another file have none.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// A process has died here before: it is worth more to know than to be fast.
static EXACT: AtomicBool = AtomicBool::new(false);

/// The line of one thread.
#[derive(Default)]
pub(super) struct Line(Mutex<Option<Place>>);

struct Place {
    generation: u64,
    number: u64,
    /// What stands there, and since when.
    made: Made,
    first: u64,
    since: Instant,
    /// How many lines it has had.
    count: u64,
    /// The next world begins another part.
    is_due: bool,
}

/// The file is needed from here on. Where none can be made, there is none.
pub(super) fn begin() {
    let mut open = locked(&OPEN);
    match &mut *open {
        Some(open) => open.users += 1,
        None => *open = create().ok(),
    }
}

/// One watch less needs it; the last one removes it.
pub(super) fn end() {
    let mut open = locked(&OPEN);
    if let Some(file) = &mut *open {
        file.users -= 1;
        if file.users == 0 {
            remove(&mut open);
        }
    }
}

/// Nothing is wrong: the operator wants the process to end at once.
pub(crate) fn forget_file() {
    remove(&mut locked(&OPEN));
}

fn remove(open: &mut Option<Open>) {
    if let Some(file) = open.take() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
        let _ = fs::remove_file(file.path);
    }
}

fn create() -> std::io::Result<Open> {
    let path = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
    // Whatever lies there is of a process that is gone, or a link that somebody has laid; and was told of, if it was of here.
    let _ = fs::remove_file(&path);
    let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    let directory = std::env::current_dir().unwrap_or_default();
    let head = format!("{HEAD}\nprocess {}\ndirectory {}", std::process::id(), directory.display());
    write_at(&file, 0, &padded(&head, HEAD_BYTES));
    Ok(Open { path, file, users: 1, end: place_of(LINES_MAX), taken: Vec::new() })
}

/// Adds a line of what was found.
pub(super) fn note(line: &str) {
    let mut open = locked(&OPEN);
    if let Some(open) = &mut *open {
        let line = format!("{FOUND}{}\n", line.replace('\n', " "));
        write_at(&open.file, open.end, line.as_bytes());
        open.end += line.len() as u64;
    }
}

impl Line {
    /// The thread begins a part of a sweep: its next world has a line.
    pub(super) fn part(&self) {
        if let Some(place) = &mut *locked(&self.0) {
            place.is_due = true;
        }
    }

    /// The thread begins a world.
    pub(super) fn world(&self, running: &Running) {
        let (made, seed) = (running.made(), running.seed.load(Ordering::Relaxed));
        let is_told = locked(&self.0).as_ref().map(|place| {
            let is_exact = place.is_due || place.count < EXACT_MAX || EXACT.load(Ordering::Relaxed);
            let is_fresh = !is_exact && place.since.elapsed() < FRESH;
            let is_same = place.first == seed && !place.is_due;
            place.made == made && (is_same || is_fresh) && place.generation == GENERATION.load(Ordering::Relaxed)
        });
        let last = running.last.load(Ordering::Relaxed);
        match is_told {
            Some(true) => {}
            None if locked(&running.job).is_none() => {}
            _ if made == Made::Seed => self.write(running, made, seed, last.max(seed)),
            _ => self.write(running, made, seed, seed),
        }
    }

    fn write(&self, running: &Running, made: Made, first: u64, last: u64) {
        let mut own = locked(&self.0);
        let mut open = locked(&OPEN);
        let Some(open) = &mut *open else { return };
        let generation = GENERATION.load(Ordering::Relaxed);
        let known = own.as_ref().filter(|place| place.generation == generation);
        let (number, count) = match known.map(|place| (place.number, place.count)) {
            Some(known) => known,
            None => match open.take_line() {
                Some(number) => (number, 0),
                None => return,
            },
        };
        let world = running.world();
        let seeds = match made {
            Made::Seed if first != last => format!(", or of one after it up to {last:#x}"),
            _ => String::new(),
        };
        let again = running.again().map_or_else(String::new, |again| format!(": {again}"));
        let world = if seeds.is_empty() { world } else { format!("\"{}\", seed {first:#x}", locked(&running.system)) };
        let line = format!("{AT}{world}{seeds}{again}");
        // Half a command is worse than none.
        let line = if line.len() < LINE_BYTES as usize { line } else { format!("{AT}{world}{seeds}") };
        write_at(&open.file, place_of(number), &padded(&line, LINE_BYTES));
        *own = Some(Place { generation, number, made, first, since: Instant::now(), count: count + 1, is_due: false });
    }

    /// The thread runs nothing any more.
    pub(super) fn leave(&self) {
        let Some(place) = locked(&self.0).take() else { return };
        let mut open = locked(&OPEN);
        if let Some(open) = open.as_mut().filter(|_| place.generation == GENERATION.load(Ordering::Relaxed)) {
            write_at(&open.file, place_of(place.number), &padded("", LINE_BYTES));
            open.taken[place.number as usize] = false;
        }
    }
}

impl Open {
    fn take_line(&mut self) -> Option<u64> {
        let number = self.taken.iter().position(|taken| !taken).unwrap_or(self.taken.len());
        if number as u64 >= LINES_MAX {
            return None;
        }
        if number == self.taken.len() {
            self.taken.push(true);
        } else {
            self.taken[number] = true;
        }
        Some(number as u64)
    }
}

/// Where the line of this number begins.
const fn place_of(number: u64) -> u64 {
    HEAD_BYTES + LINE_BYTES * number
}

/// A line of its full length: as much of `text` as there is room for, spaces, and the end of the line.
fn padded(text: &str, length: u64) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(length as usize - 1, b' ');
    bytes.push(b'\n');
    bytes
}

#[cfg(unix)]
fn write_at(file: &File, at: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt as _;
    let _ = file.write_all_at(bytes, at);
}

#[cfg(windows)]
fn write_at(file: &File, at: u64, bytes: &[u8]) {
    use std::os::windows::fs::FileExt as _;
    let _ = file.seek_write(bytes, at);
}

#[cfg(not(any(unix, windows)))]
fn write_at(_file: &File, _at: u64, _bytes: &[u8]) {}

/// What processes that are gone were running here, in the words of their files, which are removed. `None` if each came to its end.
pub(super) fn tell_of_the_dead() -> Option<String> {
    static ONCE: Once = Once::new();
    let mut told = String::new();
    ONCE.call_once(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
            told.push_str(&tell_of(&entry.path(), &here).unwrap_or_default());
        }
    });
    EXACT.fetch_or(!told.is_empty(), Ordering::Relaxed);
    (!told.is_empty()).then_some(told)
}

fn tell_of(path: &Path, here: &Path) -> Option<String> {
    let process: u32 = path.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
    // Not a link, or something that never ends.
    let is_ours = fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() <= FILE_BYTES_MAX);
    // The own file is not there yet: one of this number is of an earlier process that had it.
    if !is_ours || (process != std::process::id() && is_alive(process, path)) {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().map(|line| line.trim_matches([' ', '\0']));
    let directory = format!("directory {}", here.display());
    if lines.next() != Some(HEAD) || !lines.by_ref().take(2).any(|line| line == directory) {
        return None;
    }
    let told: Vec<&str> = lines.filter(|line| line.starts_with(AT) || line.starts_with(FOUND)).collect();
    // Told once: whoever may not remove it is not the one to be told.
    if fs::remove_file(path).is_err() || told.is_empty() {
        return None;
    }
    let mut text = format!("an earlier run (process {process}) died in the middle of a world\n");
    told.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    Some(text)
}

/// True if there is, or may be, a process of this number.
#[cfg(unix)]
fn is_alive(process: u32, _path: &Path) -> bool {
    let known = std::process::Command::new("kill")
        .args(["-0", &process.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
    known.map_or(true, |status| status.success())
}

/// Nobody says which processes there are; but one that lives writes.
#[cfg(not(unix))]
fn is_alive(_process: u32, path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|found| found.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age < Duration::from_secs(600)))
}
