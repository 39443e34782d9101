//! A wheel of buckets, each of them a short span of time.
//!
//! Events go to the end of their bucket, unsorted, and come out sorted when the bucket's time has come. So a push touches
//! one place, however many events are pending, and a pop reads what lies side by side. Buckets are lists of small blocks
//! out of one pool: a bucket that was full once does not keep its memory.

use crate::protocol::Time;

/// A bucket spans 2^17 ns, about an eighth of a millisecond.
const BUCKET_BITS: u32 = 17;

/// So many buckets make the wheel reach 134 ms ahead.
const BUCKET_COUNT: usize = 1 << 10;

/// How many events a block holds.
const BLOCK: usize = 4;

/// No block; also what limits how many events fit.
const NO_BLOCK: u32 = u32::MAX;

/// The number of the bucket that `at` lies in, from the beginning of time.
#[inline]
pub(super) const fn bucket_of(at: Time) -> u64 {
    at.as_nanos() >> BUCKET_BITS
}

#[derive(Debug)]
pub(super) struct Wheel<E> {
    /// The first bucket that takes events. All before it are empty, but for the closed one.
    open: u64,
    buckets: Box<[Bucket; BUCKET_COUNT]>,
    /// Which buckets have events, a bit for each.
    filled: [u64; BUCKET_COUNT / 64],
    /// The pool of blocks.
    slots: Vec<Slot<E>>,
    /// For each block the one after it, in its bucket or in the list of free ones.
    after: Vec<u32>,
    free: u32,
    closed: Closed,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Its first block.
    first: u32,
    /// The slot behind its last event; 0 if it has none.
    end: u32,
}

#[derive(Debug)]
struct Slot<E> {
    /// When in the bucket's span it is due.
    offset: u32,
    event: Option<E>,
}

/// The bucket whose time has come.
#[derive(Debug)]
struct Closed {
    /// When its span begins.
    start: u64,
    /// For each event its offset, and in the lower half how many were pushed before it into the bucket; sorted.
    keys: Vec<u64>,
    /// How many of them are out.
    out: usize,
    /// Its blocks, in order.
    blocks: Vec<u32>,
}

impl<E> Wheel<E> {
    pub(super) fn new() -> Self {
        Self {
            open: 0,
            buckets: Box::new([Bucket { first: NO_BLOCK, end: 0 }; BUCKET_COUNT]),
            filled: [0; BUCKET_COUNT / 64],
            slots: Vec::new(),
            after: Vec::new(),
            free: NO_BLOCK,
            closed: Closed { start: 0, keys: Vec::with_capacity(32), out: 0, blocks: Vec::with_capacity(32) },
        }
    }

    /// Begins anew, out of the same memory. Costs what was pending, and nothing else if that was nothing.
    pub(super) fn clear(&mut self) {
        self.open = 0;
        if self.due().is_none() && self.filled == [0; BUCKET_COUNT / 64] {
            return;
        }
        // What blocks are in use does not matter any more: all of them are made anew.
        self.slots.clear();
        self.after.clear();
        self.free = NO_BLOCK;
        self.closed.keys.clear();
        self.closed.blocks.clear();
        self.closed.out = 0;
        for (word, filled) in self.filled.iter_mut().enumerate() {
            let mut left = std::mem::take(filled);
            while left != 0 {
                self.buckets[word * 64 + left.trailing_zeros() as usize].end = 0;
                left &= left - 1;
            }
        }
    }

    /// True if there is a bucket for `at`.
    #[inline]
    pub(super) const fn reaches(&self, at: Time) -> bool {
        bucket_of(at).wrapping_sub(self.open) < BUCKET_COUNT as u64
    }

    /// Adds `event`, due at a time that the wheel [reaches](Self::reaches).
    #[inline]
    pub(super) fn push(&mut self, at: Time, event: E) {
        let place = bucket_of(at) as usize % BUCKET_COUNT;
        let end = self.buckets[place].end;
        let slot = if end.is_multiple_of(BLOCK as u32) { self.extend(place) } else { end };
        self.buckets[place].end = slot + 1;
        let offset = at.as_nanos() as u32 & ((1 << BUCKET_BITS) - 1);
        self.slots[slot as usize] = Slot { offset, event: Some(event) };
    }

    /// Adds a block to the bucket at `place`; returns the block's first slot.
    #[inline]
    fn extend(&mut self, place: usize) -> u32 {
        let block = self.take_block();
        let bucket = &mut self.buckets[place];
        if bucket.end == 0 {
            bucket.first = block;
            self.filled[place / 64] |= 1 << (place % 64);
        } else {
            self.after[bucket.end as usize / BLOCK - 1] = block;
        }
        block * BLOCK as u32
    }

    #[inline]
    fn take_block(&mut self) -> u32 {
        if self.free == NO_BLOCK {
            return self.grow();
        }
        let block = self.free;
        self.free = self.after[block as usize];
        block
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        let length = self.slots.len();
        assert!(length + BLOCK < u32::MAX as usize, "expect: less than 2^32 events are pending");
        if length == self.slots.capacity() {
            // By an eighth at a time: this is most of the memory that pending messages take.
            self.slots.reserve_exact((length / 8).next_multiple_of(BLOCK).max(16 * BLOCK));
        }
        self.slots.resize_with(length + BLOCK, || Slot { offset: 0, event: None });
        self.after.push(NO_BLOCK);
        (length / BLOCK) as u32
    }

    /// The first bucket that has events, but for the closed one.
    #[inline]
    pub(super) fn next(&self) -> Option<u64> {
        let begin = self.open as usize % BUCKET_COUNT;
        let filled = self.filled[begin / 64] >> (begin % 64);
        if filled != 0 {
            return Some(self.open + u64::from(filled.trailing_zeros()));
        }
        // Once around, and back to the part of the first word before the beginning.
        for step in 1..=self.filled.len() {
            let word = (begin / 64 + step) % self.filled.len();
            if self.filled[word] != 0 {
                let place = word * 64 + self.filled[word].trailing_zeros() as usize;
                return Some(self.open + (place.wrapping_sub(begin) % BUCKET_COUNT) as u64);
            }
        }
        None
    }

    /// All buckets before `bucket` take no more events; they must be empty.
    #[inline]
    pub(super) fn skip_to(&mut self, bucket: u64) {
        self.open = bucket.max(self.open);
    }

    /// Closes a bucket that has events; the one closed before must be empty.
    #[inline]
    pub(super) fn close(&mut self, bucket: u64) {
        let Bucket { first, end } = self.open_after(bucket);
        let Closed { start, keys, out, blocks } = &mut self.closed;
        *start = bucket << BUCKET_BITS;
        *out = 0;
        keys.clear();
        blocks.clear();
        let last = (end - 1) / BLOCK as u32;
        let mut block = first;
        while block != last {
            blocks.push(block);
            let begin = block as usize * BLOCK;
            let slots = self.slots[begin..begin + BLOCK].iter().zip(keys.len() as u64..);
            keys.extend(slots.map(|(slot, number)| u64::from(slot.offset) << 32 | number));
            block = self.after[block as usize];
        }
        blocks.push(last);
        for slot in &self.slots[last as usize * BLOCK..end as usize] {
            keys.push(u64::from(slot.offset) << 32 | keys.len() as u64);
        }
        keys.sort_unstable();
    }

    /// When the event of a bucket that has but one is due.
    #[inline]
    pub(super) fn alone(&self, bucket: u64) -> Option<Time> {
        let Bucket { first, end } = self.buckets[bucket as usize % BUCKET_COUNT];
        let slot = first.wrapping_mul(BLOCK as u32);
        (end == slot + 1)
            .then(|| Time::from_nanos((bucket << BUCKET_BITS) + u64::from(self.slots[slot as usize].offset)))
    }

    /// Closes a bucket that has but one event, and returns where that is: whoever asks must take it. The one closed before must
    /// be empty.
    #[inline]
    pub(super) fn pop_alone(&mut self, bucket: u64) -> &mut Option<E> {
        let first = self.open_after(bucket).first;
        self.after[first as usize] = self.free;
        self.free = first;
        &mut self.slots[first as usize * BLOCK].event
    }

    /// Takes a bucket off the wheel. All up to it take no more events.
    #[inline]
    fn open_after(&mut self, bucket: u64) -> Bucket {
        debug_assert!(self.due().is_none(), "expect: what was due before is out");
        self.open = bucket + 1;
        let place = bucket as usize % BUCKET_COUNT;
        self.filled[place / 64] &= !(1 << (place % 64));
        let closed = self.buckets[place];
        self.buckets[place].end = 0;
        closed
    }

    /// When the first event of the closed bucket is due.
    #[inline]
    pub(super) fn due(&self) -> Option<Time> {
        let key = self.closed.keys.get(self.closed.out)?;
        Some(Time::from_nanos(self.closed.start + (key >> 32)))
    }

    /// Where that event is; whoever asks must take it.
    #[inline]
    pub(super) fn pop(&mut self) -> &mut Option<E> {
        let Closed { keys, out, blocks, .. } = &mut self.closed;
        let number = keys[*out] as u32 as usize;
        *out += 1;
        let slot = blocks[number / BLOCK] as usize * BLOCK + number % BLOCK;
        if *out == keys.len() {
            for block in blocks.drain(..) {
                self.after[block as usize] = self.free;
                self.free = block;
            }
        }
        &mut self.slots[slot].event
    }
}
