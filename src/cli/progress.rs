//! Progress on standard error: a bar on a terminal, lines otherwise.

#![expect(clippy::disallowed_types, reason = "people wait in real time")]

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tell;
use crate::report::grouped;
use crate::shrink::{Shrinking, Watch};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How far a command has come.
pub(super) struct Progress {
    started: Instant,
    how: How,
}

enum How {
    Silent,
    Bar(ProgressBar),
    Lines { total: Option<u64>, unit: &'static str, state: Mutex<Lines> },
}

struct Lines {
    done: u64,
    last: Instant,
}

impl Progress {
    /// Of `total`.
    pub(super) fn up_to(total: u64, unit: &'static str, silent: bool) -> Self {
        Self::new(Some(total), unit, "{bar:40} {human_pos}/{human_len} {msg}, {eta} left", silent)
    }

    /// Nobody knows how many there will be.
    pub(super) fn counting(unit: &'static str, silent: bool) -> Self {
        Self::new(None, unit, "{spinner} {human_pos} {msg}, {elapsed}", silent)
    }

    fn new(total: Option<u64>, unit: &'static str, template: &str, silent: bool) -> Self {
        let started = Instant::now();
        let how = if silent {
            How::Silent
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.expect("expect: the template is well-formed"));
            bar.set_message(unit);
            How::Bar(bar)
        } else {
            How::Lines { total, unit, state: Mutex::new(Lines { done: 0, last: started }) }
        };
        Self { started, how }
    }

    /// So many more have been run.
    pub(super) fn add(&self, count: u64) {
        match &self.how {
            How::Silent => {}
            How::Bar(bar) => bar.inc(count),
            How::Lines { total, unit, state } => {
                let mut lines = state.lock().expect("expect: nobody panics while writing a line");
                lines.done += count;
                if lines.last.elapsed() >= LINE_EVERY {
                    lines.last = Instant::now();
                    let of = total.map_or_else(String::new, |total| format!("of {} ", grouped(total)));
                    tell(format_args!("{} {of}{unit}", grouped(lines.done)));
                }
            }
        }
    }

    /// Whoever shrinks what was found says here how far that has come.
    pub(super) fn watch(self: &Arc<Self>) -> Watch {
        let progress = Arc::clone(self);
        Watch::new(move |shrinking| progress.tell_shrinking(shrinking))
    }

    fn tell_shrinking(&self, shrinking: &Shrinking<'_>) {
        match &self.how {
            How::Silent => {}
            How::Bar(bar) => bar.set_message(format!("shrinking {shrinking}")),
            How::Lines { state, .. } => {
                let mut lines = state.lock().expect("expect: nobody panics while writing a line");
                if lines.last.elapsed() >= LINE_EVERY {
                    lines.last = Instant::now();
                    tell(format_args!("shrinking {shrinking}"));
                }
            }
        }
    }

    /// All is done; how long it took.
    pub(super) fn finish(&self) -> Duration {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
        self.started.elapsed()
    }
}
