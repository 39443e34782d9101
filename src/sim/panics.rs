//! A node that panics is a finding: its panic is caught, and told as one.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// A world, or a node of its own thread, is running here: a panic is a finding, not a crash, and is reported as one.
    static IN_WORLD: Cell<bool> = const { Cell::new(false) };
}

/// Runs `world`; if a node panics in it, gives the message instead. Nothing is printed for such a panic; the panic hook
/// that was there goes on for all others.
pub(crate) fn catch_panic<T>(world: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IN_WORLD.get() {
                hook(info);
            }
        }));
    });
    let outside = IN_WORLD.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(world));
    IN_WORLD.set(outside);
    result.map_err(|payload| panic_message(&*payload))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "(no message)".to_owned())
}
