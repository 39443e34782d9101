//! Ctrl-C, and whatever else asks the process to end: the first one asks for what there is so far, the second one quits.
//!
//! SIGTERM (a job that is cancelled, a container that stops) and SIGHUP (a terminal that is closed) are no different: what was found
//! must not be lost to them. A program that is to outlive its terminal is to be started with `setsid`.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::tell;
use crate::running::forget_file;

/// What shells report for a program that an interrupt has ended.
const INTERRUPTED: i32 = 130;

/// A flag that the first interrupt sets. Where interrupts cannot be caught, they end the program as ever.
pub(super) fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let caught = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            forget_file();
            process::exit(INTERRUPTED);
        }
        // Whoever is told may be gone, with its terminal: that must not end it.
        tell("stopping with what there is so far; interrupt again to quit at once");
    });
    drop(caught);
    stop
}
