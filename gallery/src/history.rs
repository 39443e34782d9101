//! A register is atomic: a short argument in place of a search.
//!
//! Where each answer says which place it takes in the order of all writes (a version, a time stamp, an index in a log), nobody need
//! search for an order that explains a history. It is enough that the places which the protocol itself gives away agree with what
//! clients have seen (Lynch, Distributed Algorithms, lemma 13.16).

use std::collections::BTreeMap;

use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::protocol::{Effect, RequestId, Rng, StateMachine, Time};
use distributed_data_consistency::sim::{Event, EventKind, Input, Nodes};
use serde::{Deserialize, Serialize};

/// A place in the order of all writes.
pub type Stamp = (u64, u64);

/// An operation on the register that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// It wrote what stands at this place.
    Write(Stamp, u64),
    /// It read what stands at this place; (0, 0) is the beginning.
    Read(Stamp, u64),
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Write a value, which is the number of the request.
    Write,
    /// Read.
    Read,
}

impl Request {
    /// One or the other, as often.
    pub fn draw(rng: &mut Rng) -> Self {
        if rng.chance(500) { Self::Write } else { Self::Read }
    }
}

/// How many writes there have been, and the last of them.
pub type Response = (u64, Option<u32>);

/// The operation of a store that tells how many writes there have been.
pub fn versioned(id: RequestId, request: &Request, (version, value): &Response) -> Option<Op> {
    Some(match request {
        Request::Write => Op::Write((*version, 0), id.0.into()),
        Request::Read => Op::Read((*version, 0), value.map_or(u64::MAX, u64::from)),
    })
}

/// How an operation is read off a request and its answer; `None` for what is no operation on the register.
type ReadOff<Q, A> = fn(RequestId, &Q, &A) -> Option<Op>;

/// No operation takes a place before one that had ended when it began; no two writes take the same place; and what stands at a place is
/// the same for all who read or write it.
#[derive(Clone)]
pub struct Atomic<Q, A> {
    read_off: ReadOff<Q, A>,
    /// Who has not been answered, what they ask, and the latest place that anybody had been told when they asked.
    open: BTreeMap<RequestId, (Stamp, Q)>,
    latest: Stamp,
    values: BTreeMap<Stamp, u64>,
    /// Which places have been written, by whom.
    written: BTreeMap<Stamp, RequestId>,
}

impl<Q, A> Atomic<Q, A> {
    /// The check.
    pub fn new(read_off: ReadOff<Q, A>) -> Self {
        let (open, values, written) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { read_off, open, latest: Stamp::default(), values, written }
    }

    fn end(&mut self, id: RequestId, op: Op, floor: Stamp) -> Result<(), Breach> {
        let (stamp, value) = match op {
            Op::Write(stamp, value) | Op::Read(stamp, value) => (stamp, value),
        };
        let writes = matches!(op, Op::Write(..));
        if stamp < floor || writes && stamp == floor {
            let told = format!("request {id} was told of {stamp:?}, and of {floor:?} somebody before it was asked");
            return Err(Breach::new(if writes { "late write" } else { "stale read" }, told));
        }
        if writes && let Some(other) = self.written.insert(stamp, id) {
            return Err(Breach::new("one place", format!("requests {other} and {id} wrote the same place {stamp:?}")));
        }
        let first = *self.values.entry(stamp).or_insert(value);
        if first != value {
            return Err(Breach::new("two values", format!("at {stamp:?} stand both {first} and {value}")));
        }
        self.latest = self.latest.max(stamp);
        Ok(())
    }
}

impl<M, Q, A> Check<M> for Atomic<Q, A>
where
    M: StateMachine<Request = Q, Response = A>,
    Q: Clone + Send,
{
    fn name(&self) -> &'static str {
        "atomic"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Begins, EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, _nodes: Nodes<'_, M>) -> Result<(), Breach> {
        match event {
            Event::Begins { input: Input::Request { id, request }, .. } => {
                self.open.insert(*id, (self.latest, (*request).clone()));
            }
            Event::Ends { effects, .. } => {
                for effect in *effects {
                    let Effect::Respond { id, response } = effect else { continue };
                    let Some((floor, request)) = self.open.remove(id) else { continue };
                    if let Some(op) = (self.read_off)(*id, &request, response) {
                        self.end(*id, op, floor)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
