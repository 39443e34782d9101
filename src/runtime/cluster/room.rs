//! How much may wait for a node: so many, and so many bytes.

use std::sync::{Condvar, Mutex, PoisonError};

use super::clock::Clock;
use super::lock;
use crate::protocol::Time;

/// The room for what waits for one node. Whatever waits takes its room before it is sent, and gives it back once the node takes it up.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) count_max: usize,
    pub(super) bytes_max: usize,
    used: Mutex<Used>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Used {
    count: usize,
    bytes: usize,
    /// How many threads wait for room.
    waiting: usize,
    is_closed: bool,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// So many wait already.
    Count,
    /// What waits holds so many bytes already.
    Bytes,
    /// The node's thread has ended: nobody would take it up.
    Closed,
}

impl Room {
    pub(super) fn new(count_max: usize, bytes_max: usize) -> Self {
        Self { count_max, bytes_max, used: Mutex::default(), freed: Condvar::new() }
    }

    /// Takes room for one that holds so many bytes, if there is any.
    pub(super) fn try_take(&self, bytes: usize) -> Result<(), NoRoom> {
        self.take(&mut lock(&self.used), bytes)
    }

    /// As [`try_take`](Self::try_take), but waits for room until then.
    pub(super) fn take_by(&self, bytes: usize, until: Time, clock: Clock) -> Result<(), NoRoom> {
        let mut used = lock(&self.used);
        loop {
            let refused = match self.take(&mut used, bytes) {
                Err(refused) if refused != NoRoom::Closed => refused,
                taken => return taken,
            };
            let left = clock.until(until);
            if left.is_zero() {
                return Err(refused);
            }
            used.waiting += 1;
            used = self.freed.wait_timeout(used, left).unwrap_or_else(PoisonError::into_inner).0;
            used.waiting -= 1;
        }
    }

    /// Gives back what one has taken.
    pub(super) fn give(&self, bytes: usize) {
        let mut used = lock(&self.used);
        used.count -= 1;
        used.bytes -= bytes;
        if used.waiting > 0 {
            self.freed.notify_all();
        }
    }

    /// From now on there is no room for anybody.
    pub(super) fn close(&self) {
        lock(&self.used).is_closed = true;
        self.freed.notify_all();
    }

    fn take(&self, used: &mut Used, bytes: usize) -> Result<(), NoRoom> {
        // What is larger than all room together is let in alone: it would wait for ever.
        let fits = used.bytes == 0 || used.bytes.saturating_add(bytes) <= self.bytes_max;
        match () {
            () if used.is_closed => Err(NoRoom::Closed),
            () if used.count >= self.count_max => Err(NoRoom::Count),
            () if !fits => Err(NoRoom::Bytes),
            () => {
                used.count += 1;
                used.bytes += bytes;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NoRoom, Room};

    #[test]
    fn room_is_bounded_by_number_and_by_bytes() {
        let room = Room::new(3, 100);
        assert_eq!(room.try_take(60), Ok(()));
        assert_eq!(room.try_take(41), Err(NoRoom::Bytes));
        assert_eq!((room.try_take(40), room.try_take(0), room.try_take(0)), (Ok(()), Ok(()), Err(NoRoom::Count)));
        room.give(60);
        assert_eq!(room.try_take(61), Err(NoRoom::Bytes));
        assert_eq!(room.try_take(60), Ok(()));
        room.close();
        room.give(0);
        assert_eq!(room.try_take(0), Err(NoRoom::Closed));
    }

    #[test]
    fn what_is_larger_than_all_room_is_let_in_alone() {
        let room = Room::new(3, 100);
        assert_eq!((room.try_take(usize::MAX), room.try_take(1)), (Ok(()), Err(NoRoom::Bytes)));
        room.give(usize::MAX);
        assert_eq!((room.try_take(1), room.try_take(101)), (Ok(()), Err(NoRoom::Bytes)));
    }
}
