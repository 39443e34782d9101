//! The locks of this module: those of `std`, or those of `loom`, which tries all their interleavings.

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

#[cfg(loom)]
use loom::sync as locks;
#[cfg(not(loom))]
use std::sync as locks;

pub(super) use locks::{Arc, RwLockReadGuard, RwLockWriteGuard};

/// A lock that goes on when a thread has panicked with it: the node refuses what is wrong and does not panic, so that can only be
/// the closure of a reader, which changes nothing.
#[derive(Debug)]
pub(super) struct Mutex<T> {
    lock: locks::Mutex<T>,
    #[cfg(not(loom))]
    holder: holder::Holder,
}

/// As long as it is there, the lock is held.
pub(super) struct MutexGuard<'a, T> {
    guard: locks::MutexGuard<'a, T>,
    #[cfg(not(loom))]
    holder: &'a holder::Holder,
}

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            lock: locks::Mutex::new(value),
            #[cfg(not(loom))]
            holder: holder::Holder::default(),
        }
    }

    /// # Panics
    /// If this thread holds the lock already: it would wait for itself for ever.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(not(loom))]
        self.holder.assert_is_other();
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(not(loom))]
        self.holder.set();
        MutexGuard {
            guard,
            #[cfg(not(loom))]
            holder: &self.holder,
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(not(loom))]
impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.holder.clear();
    }
}

/// The same for many readers or one writer.
#[derive(Debug)]
pub(super) struct RwLock<T>(locks::RwLock<T>);

impl<T> RwLock<T> {
    pub(super) fn new(value: T) -> Self {
        Self(locks::RwLock::new(value))
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which thread holds a lock. Loom's threads have no thread-locals of std, and it finds a thread that waits for itself by itself.
#[cfg(not(loom))]
mod holder {
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    thread_local! {
        /// Where it lies tells threads apart.
        static THREAD: u8 = const { 0 };
    }

    /// 0 while nobody holds the lock. Only whether it is this thread is ever asked, and that only this thread changes.
    #[derive(Debug, Default)]
    pub(super) struct Holder(AtomicUsize);

    fn this_thread() -> usize {
        THREAD.with(|thread| ptr::from_ref(thread).addr())
    }

    impl Holder {
        pub(super) fn assert_is_other(&self) {
            let is_this = self.0.load(Ordering::Relaxed) == this_thread();
            assert!(!is_this, "expect: a closure of `SharedNode::with` asks the node that it is given, not the handle");
        }

        pub(super) fn set(&self) {
            self.0.store(this_thread(), Ordering::Relaxed);
        }

        pub(super) fn clear(&self) {
            self.0.store(0, Ordering::Relaxed);
        }
    }
}
