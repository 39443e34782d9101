//! What a node's disk does with writes, as far as the node and whoever drives it must agree.

use std::fmt;

/// A write that the disk refused. Nothing of it is durable, and nothing of it will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskError;

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the disk refused the write")
    }
}

impl std::error::Error for DiskError {}

/// A write that is not synced yet. It is done a second time, to what was synced before, if a crash takes others that came before it.
pub(crate) type Unsynced<D> = Box<dyn Fn(&mut D) + Send>;

/// A disk that may lose writes, or refuse them. Without one each write is durable at once.
pub(crate) trait Disk<D> {
    /// The node writes once more; false if the disk refuses that. It refuses nothing where the node could not be told.
    fn accepts(&mut self, fallible: bool) -> bool;

    /// Does a write that was accepted, and remembers it until it is synced.
    fn write(&mut self, durable: &mut D, write: Unsynced<D>);

    /// What was written until now is safe.
    fn sync(&mut self);
}
