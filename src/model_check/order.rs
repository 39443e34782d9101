//! A run as a partial order: which step must come before which, and when timers must fire.

use std::time::Duration;

use smallvec::SmallVec;

use super::fates::{Mishap, Mishaps};
use super::level::Taken;
use super::local_states::{Cause, Input, LocalStates, MessageId, StepId};
use crate::protocol::StateMachine;

/// One step of a run.
pub(crate) struct Happening {
    pub(crate) node: u32,
    pub(crate) step: StepId,
    pub(crate) cause: Cause,
}

/// A message of a run.
pub(crate) struct Posted {
    pub(crate) message: MessageId,
    /// The step that sends it.
    pub(crate) sent_in: usize,
    /// The steps that take it, or a copy of it.
    pub(crate) taken_in: SmallVec<[usize; 2]>,
    /// How many copies never arrive because the run is cut off.
    pub(crate) under_way: u32,
}

/// `to` is at least `ticks` ticks and `span` later than `from`; a span may be negative.
#[derive(Clone, Copy)]
pub(crate) struct Constraint {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) ticks: i64,
    pub(crate) span: i64,
}

/// What a run consists of, and what must come before what; the order in which it was found is only one of many.
#[derive(Default)]
pub(crate) struct Order {
    pub(crate) happenings: Vec<Happening>,
    pub(crate) posted: Vec<Posted>,
    /// What must come before what because a node, a message or a session says so.
    pub(crate) needs: Vec<(usize, usize)>,
    /// What timers ask for. The moment at which the world heals stands behind all steps.
    pub(crate) clocks: Vec<Constraint>,
    /// A timer fires so late that no clock shows it.
    pub(crate) beyond_time: bool,
}

/// What a node was last seen to do.
#[derive(Clone, Default)]
struct Track {
    last: Option<usize>,
    /// For each of its armed timers the step that has set it.
    timers_set_in: Vec<usize>,
}

impl Order {
    /// The order of the run that takes `path`.
    pub(crate) fn of<M: StateMachine>(
        local_states: &LocalStates<'_, M>,
        node_count: usize,
        waits: &[Option<u32>],
        path: &[Taken],
    ) -> Self {
        let mut order = Self::default();
        let mut tracks = vec![Track::default(); node_count];
        let mut sessions: Vec<Option<usize>> = vec![None; local_states.session_count];
        let mut asked = vec![None; waits.len()];
        for (index, taken) in path.iter().enumerate() {
            let step = &local_states.steps[taken.step as usize];
            let node = local_states.locals[step.from as usize].node;
            order.happenings.push(Happening { node, step: taken.step, cause: step.cause });
            let track = &mut tracks[node as usize];
            order.needs.extend(track.last.replace(index).map(|last| (last, index)));
            match step.cause.input {
                Input::Message(message) => order.take(message, index),
                Input::Request { index: request, .. } => {
                    asked[request as usize] = Some(index);
                    let after = waits[request as usize].and_then(|after| asked[after as usize]);
                    order.needs.extend(after.map(|after| (after, index)));
                }
                _ => {}
            }
            for session in &step.sessions {
                let last = sessions[*session as usize].replace(index);
                order.needs.extend(last.map(|last| (last, index)));
            }
            order.post(step.sends.clone(), local_states.mishaps.get(taken.mishaps), index);
            order.wind(local_states, taken.step, index, track);
        }
        order.leave_timers(local_states, &tracks);
        order
    }

    fn take(&mut self, message: MessageId, index: usize) {
        let posted = self.posted.iter_mut().find(|posted| posted.message == message && posted.under_way > 0);
        let posted = posted.expect("expect: what is taken was sent");
        posted.under_way -= 1;
        posted.taken_in.push(index);
        self.needs.push((posted.sent_in, index));
    }

    fn post(&mut self, sends: std::ops::Range<MessageId>, mishaps: &Mishaps, index: usize) {
        let first = self.posted.len();
        let whole = |message| Posted { message, sent_in: index, taken_in: SmallVec::new(), under_way: 1 };
        self.posted.extend(sends.map(whole));
        for mishap in mishaps {
            match mishap {
                Mishap::Dropped(place) => self.posted[first + *place as usize].under_way = 0,
                Mishap::Doubled(place) => self.posted[first + *place as usize].under_way = 2,
            }
        }
    }

    /// What the timers of a node ask of one step of it: one fires exactly when it is due, the others later.
    fn wind<M: StateMachine>(
        &mut self,
        local_states: &LocalStates<'_, M>,
        id: StepId,
        index: usize,
        track: &mut Track,
    ) {
        let step = &local_states.steps[id as usize];
        for (place, set_in) in track.timers_set_in.iter().enumerate() {
            let after = nanos(local_states.timer_after(step.from, place));
            if step.cause.input == Input::Timer(place as u32) {
                self.beyond_time |= after == NANOS_MAX;
                self.clocks.push(Constraint { from: *set_in, to: index, ticks: 0, span: after });
                self.clocks.push(Constraint { from: index, to: *set_in, ticks: 0, span: -after });
            } else {
                self.clocks.push(Constraint { from: index, to: *set_in, ticks: 1, span: -after });
            }
        }
        let set_in = |origin: &Option<u32>| origin.map_or(index, |place| track.timers_set_in[place as usize]);
        track.timers_set_in = step.timer_origins.iter().map(set_in).collect();
    }

    /// Timers that did not fire wait until the world has healed.
    fn leave_timers<M: StateMachine>(&mut self, local_states: &LocalStates<'_, M>, tracks: &[Track]) {
        let healed = self.happenings.len();
        for track in tracks {
            let Some(last) = track.last else { continue };
            let local = local_states.steps[self.happenings[last].step as usize].to;
            for (place, set_in) in track.timers_set_in.iter().enumerate() {
                let span = -nanos(local_states.timer_after(local, place));
                self.clocks.push(Constraint { from: healed, to: *set_in, ticks: 0, span });
            }
        }
    }

    /// In how many ways the steps can be put into a row; `None` if it is too much work to count them, or no number holds it.
    pub(crate) fn interleavings(&self, node_count: usize) -> Option<u128> {
        /// More sets of steps than this are not looked at.
        const WORK_MAX: usize = 1 << 18;
        // All first incarnations begin before all else, in one order.
        let mut of_node: Vec<Vec<usize>> = vec![Vec::new(); node_count];
        for (index, happening) in self.happenings.iter().enumerate().skip(node_count) {
            of_node[happening.node as usize].push(index);
        }
        let mut strides = Vec::with_capacity(node_count);
        let mut size = 1_usize;
        for steps in &of_node {
            strides.push(size);
            size = size.checked_mul(steps.len() + 1).filter(|size| *size <= WORK_MAX)?;
        }
        // For each step how many steps of each node come before it in any case.
        let place_of = |index: usize| {
            let node = self.happenings[index].node as usize;
            (node, of_node[node].iter().position(|step| *step == index))
        };
        let mut needs: Vec<SmallVec<[(usize, usize); 2]>> = vec![SmallVec::new(); self.happenings.len()];
        for (before, after) in &self.needs {
            if let (node, Some(place)) = place_of(*before) {
                needs[*after].push((node, place + 1));
            }
        }
        let mut ways = vec![0_u128; size];
        ways[0] = 1;
        for set in 0..size {
            if ways[set] == 0 {
                continue;
            }
            let count = |node: usize| set / strides[node] % (of_node[node].len() + 1);
            for node in 0..node_count {
                let Some(step) = of_node[node].get(count(node)) else { continue };
                if needs[*step].iter().all(|(other, least)| count(*other) >= *least) {
                    ways[set + strides[node]] = ways[set + strides[node]].checked_add(ways[set])?;
                }
            }
        }
        ways.last().copied()
    }
}

/// The longest that a timer may wait and still fire: 73 years.
const NANOS_MAX: i64 = i64::MAX / 4;

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(NANOS_MAX).min(NANOS_MAX)
}
