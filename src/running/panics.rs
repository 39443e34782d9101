//! A panic of the code under test is a finding: it is caught, and told with its place in the source. One that cannot be caught is
//! told before the process dies.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Write as _};
use std::mem;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use super::{Doing, Running, locked};

/// A handler may catch panics of its own, one after the other: so many of the latest are kept.
const SEEN_MAX: usize = 8;

/// What a panic says that goes through code which must not unwind: a `Drop` that runs because of another panic, or a function
/// that other languages call. Nobody can catch it.
const CANNOT_UNWIND: [&str; 2] = ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];

thread_local! {
    /// A world, or a node of its own thread, is running here: a panic is a finding, not a crash, and is reported as one.
    static IN_WORLD: Cell<bool> = const { Cell::new(false) };
    /// The panics that came since, as the hook saw them.
    static SEEN: RefCell<Vec<Panic>> = const { RefCell::new(Vec::new()) };
}

/// A panic of the code under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Panic {
    /// What it says.
    pub(crate) message: String,
    /// `src/main.rs:12:5`; empty if nobody knows, because another hook has taken the place of ours.
    pub(crate) place: String,
    /// Whose code panicked.
    pub(crate) doing: Doing,
}

/// Runs `work`; if it panics, gives the message instead. Nothing is printed for such a panic; the panic hook that was there goes on
/// for all others.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_panic_at(work).map_err(|panic| panic.message)
}

/// The same, with all that is known of the panic.
pub(crate) fn catch_panic_at<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IN_WORLD.try_with(Cell::get).unwrap_or(false) { see(info, &hook) } else { hook(info) }
        }));
    });
    let outside = IN_WORLD.replace(true);
    let seen_before = SEEN.with_borrow(Vec::len);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IN_WORLD.set(outside);
    let seen = SEEN.with_borrow_mut(|seen| seen.split_off(seen_before.min(seen.len())));
    result.map_err(|payload| {
        let message = message_of(&*payload);
        forget(payload);
        // The handler may have caught others, before this one and while it unwound.
        let place = seen.iter().rposition(|panic| panic.message == message);
        match place.and_then(|place| seen.into_iter().nth(place)) {
            Some(panic) => panic,
            None => Panic { message, place: String::new(), doing: Running::current().what() },
        }
    })
}

/// `value` as its `Debug` shows it. One that panics is shown to do so, and takes nothing else with it: we look at values that
/// the code under test may never show to anybody.
pub(crate) fn shown(value: fmt::Arguments<'_>) -> String {
    match catch_panic_at(|| value.to_string()) {
        Ok(text) => text,
        Err(panic) => format!("(its Debug panicked: {panic})"),
    }
}

/// `seven is not handled, at src/main.rs:12:5`
impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.place.is_empty() { Ok(()) } else { write!(f, ", at {}", self.place) }
    }
}

/// The payload may panic as it is dropped; what is in it is of no use to anybody by then.
fn forget(payload: Box<dyn Any + Send>) {
    if let Err(another) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(another);
    }
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "(panic_any: a value that is no text)".to_owned())
}

/// What the hook does with a panic of the code under test.
fn see(info: &PanicHookInfo<'_>, hook: &dyn Fn(&PanicHookInfo<'_>)) {
    let panic = Panic {
        message: message_of(info.payload()),
        place: info.location().map_or_else(String::new, ToString::to_string),
        doing: Running::current().what(),
    };
    let is_last = cfg!(panic = "abort") || CANNOT_UNWIND.iter().any(|text| panic.message.starts_with(text));
    let seen = SEEN.try_with(|seen| {
        let mut seen = seen.borrow_mut();
        if seen.len() >= SEEN_MAX {
            seen.remove(0);
        }
        seen.push(panic);
        if is_last { seen.clone() } else { Vec::new() }
    });
    if is_last {
        hook(info);
        last_words(&seen.unwrap_or_default());
    }
}

/// The process dies of a panic.
fn last_words(seen: &[Panic]) {
    let mut text = String::from("a panic that cannot be caught ends the process\n");
    for panic in seen {
        text.push_str(&format!("  panic    {panic}\n"));
    }
    let running = Running::current();
    text.push_str(&running.tell());
    let job = locked(&running.job).clone();
    for note in job.iter().flat_map(|job| locked(&job.notes).clone()) {
        text.push_str(&format!("  found    {note}\n"));
    }
    say(&text);
}

/// Tells the operator, past whatever a test captures: nobody may be left to show that.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "ddc: {}", text.trim_end());
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::{catch_panic_at, shown};

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    struct Shy;

    impl std::fmt::Debug for Shy {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("do not look");
        }
    }

    #[test]
    fn a_panic_is_known_with_its_place() {
        let (panicked, line) = (catch_panic_at(|| panic!("no {}", 7)), line!());
        let panic = panicked.unwrap_err();
        assert_eq!(panic.message, "no 7");
        assert!(panic.place.starts_with(&format!("{}:{line}:", file!())), "{panic}");
        let none: Option<u8> = "no number".parse().ok();
        let panic = catch_panic_at(|| none.unwrap()).unwrap_err();
        assert!(panic.place.starts_with(&format!("{}:{}:", file!(), line!() - 1)), "{panic}");
    }

    #[test]
    fn a_panic_that_was_caught_by_the_code_itself_is_not_the_one() {
        let panicked = catch_panic_at(|| {
            let _ = panic::catch_unwind(|| panic!("first"));
            struct Catches;
            impl Drop for Catches {
                fn drop(&mut self) {
                    let _ = panic::catch_unwind(|| panic!("third"));
                }
            }
            let _catches = Catches;
            panic!("second");
        });
        let panic = panicked.unwrap_err();
        assert_eq!(panic.message, "second");
        assert!(panic.place.starts_with(&format!("{}:{}:", file!(), line!() - 4)), "{panic}");
        // And what was caught before is nobody's.
        let panic = catch_panic_at(|| panic::resume_unwind(Box::new("third"))).unwrap_err();
        assert_eq!((&*panic.message, &*panic.place), ("third", ""));
    }

    #[test]
    fn a_value_that_is_no_text_may_panic_once_more() {
        let panic = catch_panic_at(|| panic::panic_any(Bomb)).unwrap_err();
        assert_eq!(panic.message, "(panic_any: a value that is no text)");
        assert!(panic.place.starts_with(file!()), "{panic}");
    }

    #[test]
    fn a_debug_that_panics_takes_nothing_with_it() {
        let told = shown(format_args!("{:?}", Shy));
        assert!(told.starts_with("(its Debug panicked: do not look, at src/running/panics.rs:"), "{told}");
        assert_eq!(shown(format_args!("{:?}", 7)), "7");
    }
}
