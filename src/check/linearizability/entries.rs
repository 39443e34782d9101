//! The calls and returns that are not ordered yet, in linked lists: what is taken out can be put back.

use super::Model;
use crate::history::OperationId;

/// An operation as the search sees it.
pub(in crate::check) struct Call<'a, S: Model> {
    pub(in crate::check) id: OperationId,
    pub(in crate::check) input: &'a S::Input,
    /// `None` if the outcome is not known: it may happen at any time after the call, or never.
    pub(in crate::check) output: Option<&'a S::Output>,
    pub(in crate::check) called: u64,
    /// Of one whose outcome is known.
    pub(in crate::check) returned: u64,
    /// Operations of one group are in the order of real time, those of different groups in none.
    pub(in crate::check) group: u32,
}

impl<S: Model> Clone for Call<'_, S> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

/// The end of a list.
const NONE: u32 = u32::MAX;

/// For each group, the calls and returns of its operations in the order of time. The call of operation `k` is entry `2k`, its
/// return entry `2k + 1`; the heads of the lists come after all of them.
pub(super) struct Entries {
    next: Vec<u32>,
    prev: Vec<u32>,
    heads: u32,
    groups: u32,
}

/// Where among the calls that may come next a search is.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    at: u32,
    group: u32,
}

impl Entries {
    /// Of these operations.
    pub(super) fn new<S: Model>(calls: &[Call<'_, S>], groups: u32) -> Self {
        let heads = 2 * calls.len() as u32;
        let size = (heads + groups) as usize;
        let mut moments: Vec<(u64, u32)> = Vec::with_capacity(heads as usize);
        for (entry, call) in (0..).step_by(2).zip(calls) {
            moments.push((call.called, entry));
            moments.push((call.returned, entry + 1));
        }
        moments.sort_unstable();
        let mut entries = Self { next: vec![NONE; size], prev: vec![NONE; size], heads, groups };
        let mut last: Vec<u32> = (heads..heads + groups).collect();
        for (_, entry) in moments {
            let last = &mut last[calls[entry as usize / 2].group as usize];
            entries.next[*last as usize] = entry;
            entries.prev[entry as usize] = *last;
            *last = entry;
        }
        entries
    }

    /// Before the first call.
    pub(super) fn start(&self) -> Cursor {
        Cursor { at: self.heads, group: 0 }
    }

    /// The next operation that may come next: nothing that is left has returned before its call.
    #[inline]
    pub(super) fn advance(&self, cursor: &mut Cursor) -> Option<usize> {
        loop {
            let next = self.next[cursor.at as usize];
            if next != NONE && next & 1 == 0 {
                cursor.at = next;
                return Some(next as usize / 2);
            }
            if cursor.group + 1 >= self.groups {
                return None;
            }
            cursor.group += 1;
            cursor.at = self.heads + cursor.group;
        }
    }

    /// As `advance`, for an operation that was taken out just after `advance` had returned it.
    #[inline]
    pub(super) fn step_back(&self, cursor: &mut Cursor) {
        cursor.at = self.prev[cursor.at as usize];
    }

    /// The operation whose return is the first that is left in a group; what is called later cannot come before.
    pub(super) fn first_return(&self, group: u32) -> Option<usize> {
        let mut at = self.next[(self.heads + group) as usize];
        while at != NONE {
            if at & 1 == 1 {
                return Some(at as usize / 2);
            }
            at = self.next[at as usize];
        }
        None
    }

    #[inline]
    pub(super) fn take(&mut self, operation: usize) {
        for entry in [2 * operation, 2 * operation + 1] {
            let (prev, next) = (self.prev[entry], self.next[entry]);
            self.next[prev as usize] = next;
            if next != NONE {
                self.prev[next as usize] = prev;
            }
        }
    }

    /// Puts back what was taken last.
    #[inline]
    pub(super) fn put_back(&mut self, operation: usize) {
        for entry in [2 * operation + 1, 2 * operation] {
            let (prev, next) = (self.prev[entry], self.next[entry]);
            self.next[prev as usize] = entry as u32;
            if next != NONE {
                self.prev[next as usize] = entry as u32;
            }
        }
    }
}
