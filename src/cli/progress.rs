//! Progress on standard error: a bar on a terminal, lines otherwise.

#![expect(clippy::disallowed_types, reason = "people wait in real time")]

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tell;
use crate::report::grouped;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How far a sweep has come.
pub(super) struct Progress {
    started: Instant,
    how: How,
}

enum How {
    Silent,
    Bar(ProgressBar),
    Lines { total: u64, state: Mutex<Lines> },
}

struct Lines {
    done: u64,
    last: Instant,
}

impl Progress {
    pub(super) fn new(total: u64, silent: bool) -> Self {
        let started = Instant::now();
        let how = if silent {
            How::Silent
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} worlds, {eta} left");
            bar.set_style(style.expect("expect: the template is well-formed"));
            How::Bar(bar)
        } else {
            How::Lines { total, state: Mutex::new(Lines { done: 0, last: started }) }
        };
        Self { started, how }
    }

    /// So many worlds more have been run.
    pub(super) fn add(&self, worlds: u64) {
        match &self.how {
            How::Silent => {}
            How::Bar(bar) => bar.inc(worlds),
            How::Lines { total, state } => {
                let mut lines = state.lock().expect("expect: nobody panics while writing a line");
                lines.done += worlds;
                if lines.last.elapsed() >= LINE_EVERY {
                    lines.last = Instant::now();
                    tell(format_args!("{} of {} worlds", grouped(lines.done), grouped(*total)));
                }
            }
        }
    }

    /// The sweep is over; how long it took.
    pub(super) fn finish(&self) -> Duration {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
        self.started.elapsed()
    }
}
