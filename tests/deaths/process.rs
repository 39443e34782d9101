//! The process that dies, from outside.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing takes this long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A directory for all that processes leave behind, and what they are to die of.
pub(crate) struct Grave {
    directory: tempfile::TempDir,
    of: &'static str,
    how: &'static str,
    more: Vec<(&'static str, String)>,
}

/// How a process ended, and all that it said.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) said: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn has(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(self.said.contains(text), "expected {text:?} in\n{}", self.said);
        }
        self
    }

    #[track_caller]
    pub(crate) fn has_not(&self, text: &str) -> &Self {
        assert!(!self.said.contains(text), "expected no {text:?} in\n{}", self.said);
        self
    }

    /// It ended by itself, with this code.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{}\n{}", self.status, self.said);
        self
    }

    /// It did not end by itself.
    #[track_caller]
    pub(crate) fn is_killed(&self) -> &Self {
        assert_eq!(self.status.code(), None, "{}\n{}", self.status, self.said);
        self
    }

    /// The first command that was printed in which `part` stands.
    #[track_caller]
    pub(crate) fn command(&self, part: &str) -> String {
        let line = self.said.lines().find(|line| line.contains(part));
        let line = line.unwrap_or_else(|| panic!("expected a command with {part:?} in\n{}", self.said));
        let mut line = line.trim_start();
        for label in ["replay ", "again "] {
            line = line.strip_prefix(label).unwrap_or(line).trim_start();
        }
        // Of a line that tells of a world, the command is the last part.
        if line.starts_with("at ") || line.starts_with("found ") || line.contains(" was found by: ") {
            line = line.rsplit_once(": ").map_or(line, |(_, command)| command);
        }
        line.to_owned()
    }
}

impl Grave {
    /// For processes that are command lines of the system that dies of this.
    pub(crate) fn of(of: &'static str) -> Self {
        // A name that a shell would take for more than one word.
        let directory = tempfile::Builder::new().prefix("it's a|grave ").tempdir().unwrap();
        fs::create_dir(directory.path().join("tmp")).unwrap();
        Self { directory, of, how: "cli", more: Vec::new() }
    }

    /// For processes that are not a command line, but do this.
    pub(crate) fn how(self, how: &'static str) -> Self {
        Self { how, ..self }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// From here on they die of something else.
    pub(crate) fn now_of(&mut self, of: &'static str) {
        self.of = of;
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.directory.path()).env("TMPDIR", self.path("tmp"));
        command.env("DDC_DIES", self.how).env("DDC_DIES_OF", self.of);
        for name in ["DDC_SEED", "DDC_SEEDS", "DDC_JOBS", "DDC_SHARD", "DDC_SNAPSHOTS", "DDC_HANG_AFTER"] {
            command.env_remove(name);
        }
        self.more.iter().for_each(|(name, value)| _ = command.env(name, value));
        let said = File::options().create(true).append(true).open(self.path("said")).unwrap();
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        command
    }

    /// Runs the process to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        self.start(words).wait()
    }

    /// Runs what was printed, as somebody would who pastes it into a shell.
    pub(crate) fn paste(&self, line: &str) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        self.begin(self.prepared(command)).wait()
    }

    pub(crate) fn start(&self, words: &[&str]) -> Running<'_> {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(words);
        self.begin(self.prepared(command))
    }

    /// Starts it by way of a shell that does something before.
    pub(crate) fn run_after(&self, before: &str, words: &[&str]) -> Ended {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{before} && exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(words);
        self.begin(self.prepared(command)).wait()
    }

    fn begin(&self, mut command: Command) -> Running<'_> {
        fs::write(self.path("said"), "").unwrap();
        Running { grave: self, child: command.spawn().unwrap() }
    }

    fn said(&self) -> String {
        read(&self.path("said"))
    }

    /// What the file says that tells what is running; nothing if there is none.
    pub(crate) fn file(&self) -> String {
        let files = fs::read_dir(self.path("tmp")).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.to_string_lossy().contains("ddc-running-")).map(|path| read(&path)).collect()
    }
}

fn read(path: &Path) -> String {
    let mut bytes = Vec::new();
    let _ = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A process that has not ended yet.
pub(crate) struct Running<'a> {
    grave: &'a Grave,
    child: Child,
}

impl Running<'_> {
    /// Waits until it has come so far.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Grave) -> bool) -> &mut Self {
        let began = Instant::now();
        while !holds(self.grave) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before {what}: {ended:?}\n{}", self.grave.said());
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it never came to this: {what}\n{}\n{}", self.grave.said(), self.grave.file());
            }
            thread::sleep(LOOK_EVERY);
        }
        self
    }

    #[track_caller]
    pub(crate) fn until_it_says(&mut self, text: &str) -> &mut Self {
        self.until(text, |grave| grave.said().contains(text))
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&mut self, signal: &str) -> &mut Self {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        self
    }

    #[track_caller]
    pub(crate) fn wait(&mut self) -> Ended {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Ended { status, said: self.grave.said() };
            }
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it does not end\n{}\n{}", self.grave.said(), self.grave.file());
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Running<'_> {
    /// Nothing goes on when its test is over.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
