//! Ctrl-C: the first one asks for what there is so far, the second one quits.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::tell;

/// What shells report for a program that an interrupt has ended.
const INTERRUPTED: i32 = 130;

/// A flag that the first interrupt sets. Where interrupts cannot be caught, they end the program as ever.
pub(super) fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let caught = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED);
        }
        tell("stopping with what there is so far; interrupt again to quit at once");
    });
    drop(caught);
    stop
}
