//! Maps from keys to values with clocks, as one writes them by hand, and as `crdts` has them. None of them replicates,
//! deletes, or survives a crash.

#![expect(clippy::disallowed_types, reason = "what somebody would take first")]

use std::collections::{HashMap, VecDeque};
use std::hint::black_box;
use std::sync::Arc;

use crdts::ctx::AddCtx;
use crdts::{CmRDT, MVReg, Map};
use smallvec::SmallVec;

use super::Subject;

type FastVersion = ([u64; 3], Arc<[u8]>);
type FastMessage = Arc<(Box<str>, FastVersion)>;
type PlainVersion = (Vec<u8>, Vec<usize>);

/// The best that we know of: a fast hasher, keys in boxes, shared values, three counters inline, one sibling inline.
#[derive(Default)]
pub(super) struct Fast {
    keys: HashMap<Box<str>, SmallVec<[FastVersion; 1]>, foldhash::fast::RandomState>,
    counter: u64,
    incoming: VecDeque<(Box<str>, FastVersion)>,
    heard: u64,
    /// What the peers are to be told; only of one that tells them.
    outbox: Option<Vec<FastMessage>>,
}

impl Fast {
    /// One that leaves a message for its peers with each write, as the node does: what it has in hand, shared.
    pub(super) fn telling() -> Self {
        Self { outbox: Some(Vec::new()), ..Self::default() }
    }

    fn tell(&mut self, key: &str, version: FastVersion) {
        if let Some(outbox) = &mut self.outbox {
            outbox.push(Arc::new((key.into(), version)));
        }
    }
}

fn is_below(left: &[u64; 3], right: &[u64; 3]) -> bool {
    left != right && left.iter().zip(right).all(|(left, right)| left <= right)
}

impl Subject for Fast {
    fn put(&mut self, key: &str, value: &[u8]) {
        self.counter += 1;
        let value: Arc<[u8]> = value.into();
        let Some(siblings) = self.keys.get_mut(key) else {
            self.keys.insert(key.into(), SmallVec::from_elem(([self.counter, 0, 0], value.clone()), 1));
            self.tell(key, ([self.counter, 0, 0], value));
            return;
        };
        let mut clock = [0; 3];
        for (theirs, _) in siblings.iter() {
            clock = std::array::from_fn(|slot| clock[slot].max(theirs[slot]));
        }
        clock[0] = self.counter;
        siblings.clear();
        siblings.push((clock, value.clone()));
        self.tell(key, (clock, value));
    }

    fn get(&self, key: &str) -> u64 {
        let siblings = self.keys.get(key).map_or(&[][..], |siblings| siblings.as_slice());
        siblings.iter().flat_map(|(_, value)| value.iter()).map(|byte| u64::from(*byte)).sum()
    }

    fn prepare(&mut self, keys: &[&str], value: &[u8]) {
        for key in keys {
            self.heard += 1;
            let mut clock = self.keys[*key][0].0;
            clock[1] = self.heard;
            self.incoming.push_back(((*key).into(), (clock, value.into())));
        }
    }

    fn merge(&mut self, count: usize) -> usize {
        let mut stored = 0;
        for (key, (clock, value)) in self.incoming.drain(..count.min(self.incoming.len())) {
            let siblings = self.keys.entry(key).or_default();
            if !siblings.iter().any(|(mine, _)| is_below(&clock, mine) || *mine == clock) {
                siblings.retain(|(mine, _)| !is_below(mine, &clock));
                siblings.push((clock, value));
                stored += 1;
            }
        }
        stored
    }

    fn rest(&mut self) {
        self.outbox.iter_mut().for_each(Vec::clear);
    }
}

/// What one writes first: everything owned, and copied to be read.
#[derive(Default)]
pub(super) struct Plain {
    keys: HashMap<String, Vec<PlainVersion>>,
    counter: usize,
    incoming: VecDeque<(String, PlainVersion)>,
    heard: usize,
}

impl Subject for Plain {
    fn put(&mut self, key: &str, value: &[u8]) {
        self.counter += 1;
        let siblings = self.keys.entry(key.to_string()).or_default();
        let mut clock = vec![0; 3];
        for (_, theirs) in siblings.iter() {
            clock.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
        }
        clock[0] = self.counter;
        *siblings = vec![(value.to_vec(), clock)];
    }

    fn get(&self, key: &str) -> u64 {
        let siblings = black_box(self.keys.get(key).cloned().unwrap_or_default());
        siblings.iter().flat_map(|(value, _)| value).map(|byte| u64::from(*byte)).sum()
    }

    fn prepare(&mut self, keys: &[&str], value: &[u8]) {
        for key in keys {
            self.heard += 1;
            let mut clock = self.keys[*key][0].1.clone();
            clock[1] = self.heard;
            self.incoming.push_back((key.to_string(), (value.to_vec(), clock)));
        }
    }

    fn merge(&mut self, count: usize) -> usize {
        let mut stored = 0;
        let is_below = |left: &[usize], right: &[usize]| {
            left != right && left.iter().zip(right).all(|(left, right)| left <= right)
        };
        for (key, (value, clock)) in self.incoming.drain(..count.min(self.incoming.len())) {
            let siblings = self.keys.entry(key).or_default();
            if !siblings.iter().any(|(_, mine)| is_below(&clock, mine) || *mine == clock) {
                siblings.retain(|(_, mine)| !is_below(mine, &clock));
                siblings.push((value, clock));
                stored += 1;
            }
        }
        stored
    }
}

/// The crate's map of registers that keep concurrent values.
#[derive(Default)]
pub(super) struct Crdts {
    map: Map<String, MVReg<Vec<u8>, u8>, u8>,
    incoming: VecDeque<crdts::map::Op<String, MVReg<Vec<u8>, u8>, u8>>,
}

impl Subject for Crdts {
    fn put(&mut self, key: &str, value: &[u8]) {
        let context = self.map.read_ctx().derive_add_ctx(0);
        let op = self.map.update(key, context, |register, context| register.write(value.to_vec(), context));
        self.map.apply(op);
    }

    fn get(&self, key: &str) -> u64 {
        let read = self.map.get(&key.to_string());
        let values = read.val.map(|register| register.read().val).unwrap_or_default();
        values.iter().flatten().map(|byte| u64::from(*byte)).sum()
    }

    fn prepare(&mut self, keys: &[&str], value: &[u8]) {
        let AddCtx { mut clock, mut dot } = self.map.read_ctx().derive_add_ctx(1);
        for key in keys {
            let context = AddCtx { clock: clock.clone(), dot };
            let op = self.map.update(*key, context, |register, context| register.write(value.to_vec(), context));
            self.incoming.push_back(op);
            dot = dot.inc();
            clock.apply(dot);
        }
    }

    fn merge(&mut self, count: usize) -> usize {
        let taken = count.min(self.incoming.len());
        self.incoming.drain(..taken).for_each(|op| self.map.apply(op));
        taken
    }
}
