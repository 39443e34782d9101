//! The keys of an answer as they travel.
//!
//! Nearly every key of an answer has one write, which is new to the asker, and there are as many as there is to repair. Such
//! a write is told by whose it is and by its clock's entries, each as the step from the last one told of the same slot: an
//! answer goes through the log in order, so the steps are small. Whatever does not fit that form travels as it is.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::{SmallVec, smallvec};

use super::key_state::{KeyState, read_key};
use super::version::Write;
use crate::causality::{Actor, COUNTER_MAX, Dot, VectorClock};
use crate::kv::{Key, Value};

/// Clocks with later slots travel as they are.
const SLOTS_MAX: usize = 1 << 16;
/// So many writers can be told of in one byte.
const WRITERS_MAX: usize = 250;

/// Whose write it is, and which entry of its clock counts it.
type Writer = (Actor, u16);

/// The first two save a byte over the third.
#[derive(Serialize, Deserialize)]
enum PackedState {
    /// One live write, whose clock counts it and nothing else.
    Put(#[serde(deserialize_with = "read_key")] Key, Own, Value),
    /// One live write, whose clock has one other entry.
    PutOver(#[serde(deserialize_with = "read_key")] Key, Own, Entry, Value),
    /// One live write.
    PutOverMany(#[serde(deserialize_with = "read_key")] Key, Own, Vec<Entry>, Value),
    /// One delete.
    Deleted(#[serde(deserialize_with = "read_key")] Key, Own, Vec<Entry>),
    /// Anything else.
    Any(KeyState),
}

/// The place of a write's writer in the list of writers, and the step to the entry that counts it.
type Own = (u8, i64);

/// Another entry of a clock: its slot, and the step to it.
type Entry = (u16, i64);

/// The last counter told of each slot.
#[derive(Default)]
struct Steps(BTreeMap<u16, u64>);

impl Steps {
    /// The step to `counter`.
    fn to(&mut self, slot: u16, counter: u64) -> i64 {
        let last = self.0.insert(slot, counter).unwrap_or(0);
        counter.wrapping_sub(last).cast_signed()
    }

    /// The counter that is `step` away; `None` if that is none.
    fn by(&mut self, slot: u16, step: i64) -> Option<u64> {
        let last = self.0.entry(slot).or_default();
        let counter = last.checked_add_signed(step).filter(|counter| (1..=COUNTER_MAX).contains(counter))?;
        *last = counter;
        Some(counter)
    }
}

/// Packs a state whose lone writer, if it has one, has this place among the writers.
fn pack(state: &KeyState, place: Option<usize>, writers: &[Writer], steps: &mut Steps) -> PackedState {
    let Some(place) = place else { return PackedState::Any(state.clone()) };
    let (key, Write { clock, value, .. }) = (state.key.clone(), &state.writes[0]);
    let slot = writers[place].1;
    let own = (place as u8, steps.to(slot, clock.get(usize::from(slot))));
    let others = clock.entries().map(|(other, counter)| (other as u16, counter)).filter(|entry| entry.0 != slot);
    let others: Vec<Entry> = others.map(|(slot, counter)| (slot, steps.to(slot, counter))).collect();
    match (value.clone(), &others[..]) {
        (None, _) => PackedState::Deleted(key, own, others),
        (Some(value), []) => PackedState::Put(key, own, value),
        (Some(value), [other]) => PackedState::PutOver(key, own, *other, value),
        (Some(value), _) => PackedState::PutOverMany(key, own, others, value),
    }
}

/// The writer of the only write there is to tell of; `None` for any state that does not fit the packed form.
fn lone_writer(state: &KeyState) -> Option<Writer> {
    let [Write { dot: Some(dot), clock, .. }] = &state.writes[..] else { return None };
    if !state.kept.is_empty() || !state.covered.is_empty() || clock.slot_count() > SLOTS_MAX {
        return None;
    }
    // How many nodes there are is not known here, so the slot is told. Another actor's may count as much; then the slot is
    // not its own, but the clock is the same.
    let (slot, _) = clock.entries().find(|entry| entry.1 == dot.counter.get())?;
    Some((dot.actor, slot as u16))
}

/// The place of a writer in the list, at its end if it is new; `None` if there is no more room.
fn place_of(writer: Writer, writers: &mut Vec<Writer>) -> Option<usize> {
    let place = writers.iter().position(|other| *other == writer);
    if place.is_none() && writers.len() < WRITERS_MAX {
        writers.push(writer);
        return Some(writers.len() - 1);
    }
    place
}

fn unpack(packed: PackedState, writers: &[Writer], steps: &mut Steps) -> Option<KeyState> {
    let (key, (writer, step), others, value): (_, _, SmallVec<[Entry; 1]>, _) = match packed {
        PackedState::Put(key, own, value) => (key, own, SmallVec::new(), Some(value)),
        PackedState::PutOver(key, own, other, value) => (key, own, smallvec![other], Some(value)),
        PackedState::PutOverMany(key, own, others, value) => (key, own, others.into(), Some(value)),
        PackedState::Deleted(key, own, others) => (key, own, others.into(), None),
        PackedState::Any(state) => return Some(state),
    };
    let &(actor, slot) = writers.get(usize::from(writer))?;
    let mut clock = VectorClock::new();
    let counter = steps.by(slot, step)?;
    clock.raise(usize::from(slot), counter);
    for (slot, step) in others {
        clock.raise(usize::from(slot), steps.by(slot, step)?);
    }
    let write = Write { dot: Dot::new(actor, counter), clock, value };
    Some(KeyState { key, writes: vec![write], kept: Vec::new(), covered: Default::default() })
}

pub(super) fn serialize<S: Serializer>(keys: &[KeyState], serializer: S) -> Result<S::Ok, S::Error> {
    let (mut writers, mut steps) = (Vec::new(), Steps::default());
    let pack = |state| {
        let place = lone_writer(state).and_then(|writer| place_of(writer, &mut writers));
        pack(state, place, &writers, &mut steps)
    };
    let states: Vec<PackedState> = keys.iter().map(pack).collect();
    let mut packed = serializer.serialize_struct("Keys", 2)?;
    packed.serialize_field("writers", &writers)?;
    packed.serialize_field("states", &states)?;
    packed.end()
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyState>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Keys {
        writers: Vec<Writer>,
        states: Vec<PackedState>,
    }

    let Keys { writers, states } = Keys::deserialize(deserializer)?;
    let mut steps = Steps::default();
    let keys: Option<_> = states.into_iter().map(|state| unpack(state, &writers, &mut steps)).collect();
    keys.ok_or_else(|| D::Error::custom("packed write out of range"))
}
