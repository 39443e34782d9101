//! The locks of this module: those of `std`, or those of `loom`, which tries all their interleavings.

#[cfg(loom)]
use loom::sync as locks;
#[cfg(not(loom))]
use std::sync as locks;
use std::sync::PoisonError;

pub(super) use locks::{Arc, MutexGuard, RwLockReadGuard, RwLockWriteGuard};

/// A lock that goes on when a thread has panicked with it: the node refuses what is wrong and does not panic, so that can only be
/// the closure of a reader, which changes nothing.
#[derive(Debug)]
pub(super) struct Mutex<T>(locks::Mutex<T>);

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(locks::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
