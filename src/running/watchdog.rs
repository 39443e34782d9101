//! A thread that looks at what all others are running, and says so when one of them does not come to the end of a step.
//!
//! It looks and never touches: no run can tell whether it is there. Time counts only as far as this thread itself comes to run, so
//! that a machine that sleeps, or a process that is stopped and goes on, is not taken for a node that hangs.
#![expect(clippy::disallowed_types, reason = "it watches real time, which no run can see")]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::job::{Job, JobGuard, Stuck, enter};
use super::panics::say;
use super::{Running, all, file, locked};

/// How often it looks.
const TICK: Duration = Duration::from_millis(100);
/// A step that takes longer than this is told of.
const SLOW: Duration = Duration::from_secs(5);
/// Whoever has been told to stop, and is still in the same step after so long, does not hear.
const DEAF: Duration = Duration::from_secs(2);

/// Who watches for whom, and what wakes the thread that watches.
static WATCHES: (Mutex<Watches>, Condvar) = (Mutex::new(Watches { count: 0, has_thread: false }), Condvar::new());

struct Watches {
    count: usize,
    /// The thread is there; it ends when nothing is watched.
    has_thread: bool,
}

/// While this lives, what is run for a job is watched, and a file says what that is.
#[derive(Debug)]
pub(crate) struct Watch {
    _job: Inside,
}

struct Inside(#[expect(dead_code, reason = "it ends with the watch")] JobGuard);

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inside")
    }
}

impl Watch {
    /// This thread, and those that it spawns for the purpose, run worlds for `job`.
    pub(crate) fn begin(job: Arc<Job>) -> Self {
        if let Some(told) = file::tell_of_the_dead() {
            say(&told);
        }
        file::begin();
        let job = Inside(enter(Some(job)));
        let mut watches = locked(&WATCHES.0);
        watches.count += 1;
        if !watches.has_thread {
            // Where there can be no thread, nothing is watched.
            watches.has_thread = thread::Builder::new().name("ddc watchdog".to_owned()).spawn(watch).is_ok();
        }
        Self { _job: job }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watches = locked(&WATCHES.0);
        watches.count -= 1;
        WATCHES.1.notify_all();
        drop(watches);
        file::end();
    }
}

/// What was seen of a thread.
struct Seen {
    running: Arc<Running>,
    turns: u64,
    step: u64,
    doing: u64,
    /// For how long it has been the same.
    since: Duration,
    is_told: bool,
}

impl Seen {
    fn new(running: &Arc<Running>) -> Self {
        let [turns, step, doing] =
            [&running.turns, &running.step, &running.doing].map(|word| word.load(Ordering::Relaxed));
        Self { running: Arc::clone(running), turns, step, doing, since: Duration::ZERO, is_told: false }
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.running, &other.running)
            && (self.turns, self.step, self.doing) == (other.turns, other.step, other.doing)
    }
}

fn watch() {
    let mut seen: Vec<Seen> = Vec::new();
    let mut watches = locked(&WATCHES.0);
    let mut last = Instant::now();
    while watches.count > 0 {
        let waited = WATCHES.1.wait_timeout(watches, TICK);
        watches = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        // However late it is itself.
        let passed = last.elapsed().min(2 * TICK);
        last = Instant::now();
        drop(watches);
        look(&mut seen, passed);
        watches = locked(&WATCHES.0);
    }
    watches.has_thread = false;
}

fn look(seen: &mut Vec<Seen>, passed: Duration) {
    let now = all().into_iter().filter(|running| running.is_in_world());
    let mut now: Vec<Seen> = now.map(|running| Seen::new(&running)).collect();
    for thread in &mut now {
        if let Some(before) = seen.iter().find(|before| before.is_same(thread)) {
            (thread.since, thread.is_told) = (before.since + passed, before.is_told);
            judge(thread);
        }
    }
    *seen = now;
}

fn judge(thread: &mut Seen) {
    let job = locked(&thread.running.job).clone();
    let hang_after = job.as_ref().and_then(|job| job.hang_after);
    let is_hang = hang_after.is_some_and(|after| thread.since >= after);
    let is_deaf = thread.since >= DEAF && job.as_ref().is_some_and(|job| job.stop.load(Ordering::Relaxed));
    if let Some(job) = job.filter(|_| is_hang || is_deaf) {
        (job.give_up)(&stuck(thread, !is_hang));
    }
    if thread.since >= SLOW && !thread.is_told {
        thread.is_told = true;
        say(&format!(
            "a step has been running for {} s, and may never end\n{}",
            thread.since.as_secs(),
            thread.running.tell()
        ));
    }
}

fn stuck(thread: &Seen, is_stopped: bool) -> Stuck {
    let running = &thread.running;
    let (doing, (step, at)) = (running.what(), running.moment());
    Stuck { doing, step, at, after: thread.since, seed: running.seed(), told: running.tell(), is_stopped }
}
