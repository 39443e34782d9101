//! What a thread's worlds are for: how to run one again, and what to do when one never ends.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use super::{Doing, Running, file, locked};
use crate::protocol::Time;

/// A thread that does not come to the end of a step.
#[derive(Clone, Debug)]
pub(crate) struct Stuck {
    /// Whose code it is in.
    pub(crate) doing: Doing,
    /// In which step.
    pub(crate) step: u64,
    /// When, in virtual time.
    pub(crate) at: Time,
    /// For how long, in real time.
    pub(crate) after: Duration,
    /// The seed of the world, or of the one that its plan was made of.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command line tells it apart"))]
    pub(crate) seed: Option<u64>,
    /// Where, in some lines.
    pub(crate) told: String,
    /// It was not so long in this step that it counts as a violation: the operator has had enough of it.
    pub(crate) is_stopped: bool,
}

/// A sweep, a replay, a search: what threads run worlds for.
pub(crate) struct Job {
    /// The command that runs the world of a seed again; without a seed, the one that does all of this again.
    pub(crate) again: Box<dyn Fn(Option<u64>) -> String + Send + Sync>,
    /// Set by whoever has seen enough.
    pub(crate) stop: Arc<AtomicBool>,
    /// After so long in one step a run counts as one that never ends.
    pub(crate) hang_after: Option<Duration>,
    /// Tells what was found so far, and ends the process: a thread that hangs cannot be ended otherwise.
    pub(crate) give_up: Box<dyn Fn(&Stuck) + Send + Sync>,
    /// What was found so far, a line each.
    pub(crate) notes: Mutex<Vec<String>>,
}

impl Job {
    pub(crate) fn again(&self, seed: Option<u64>) -> String {
        (self.again)(seed)
    }

    /// Keeps a line of what was found, in the file as well: it must not be lost if the process dies.
    pub(crate) fn note(&self, line: String) {
        file::note(&line);
        locked(&self.notes).push(line);
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

/// What this thread's worlds are for.
pub(crate) fn job() -> Option<Arc<Job>> {
    locked(&Running::current().job).clone()
}

/// This thread's worlds are for `job` until what is returned is dropped.
pub(crate) fn enter(job: Option<Arc<Job>>) -> JobGuard {
    let running = Running::current();
    let before = std::mem::replace(&mut *locked(&running.job), job);
    JobGuard { running, before }
}

/// See [`enter`].
pub(crate) struct JobGuard {
    running: Arc<Running>,
    before: Option<Arc<Job>>,
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        self.running.line.leave();
        *locked(&self.running.job) = self.before.take();
    }
}

/// A thread of `scope` that does `work`, for the same job as this thread.
pub(crate) fn spawn_scoped<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let job = job();
    scope.spawn(move || {
        let _same = enter(job);
        work()
    })
}
