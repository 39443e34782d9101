//! Removes decisions: in ever smaller chunks, from all of them down to single ones, and in the end two at a time.

use std::rc::Rc;
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};

use crate::harness::Recorded;
use crate::protocol::Time;
use crate::shrink::late_timers;
use crate::shrink::trial::{Candidate, Edit, Edits, Trials, edit, none};
use crate::sim::{Fate, Link, MessageName, Plan, What};

/// Plans of more decisions than this are not searched for pairs: there are too many.
const PAIRS_DECISIONS_MAX: usize = 16;

/// So many moments of a run are tried for a request.
const MOMENTS_MAX: usize = 32;
/// Less than any latency.
const JUST_AFTER: Duration = Duration::from_micros(500);

/// Requests take their messages with them: later messages of the same link move up by as many numbers, and so must
/// their fates. Where that fails, the fates stay as they are.
pub(crate) fn requests(trials: &mut Trials<'_>) {
    in_chunks(
        trials,
        |plan| plan.requests.len(),
        |best| {
            let (sends, set_at) = (messages_of_requests(best), late_timers::set_at(best));
            move |plan: &Plan, from, to| {
                let mut plain = plan.clone();
                plain.requests.drain(from..to);
                let mut moved = plain.clone();
                moved.fates = moved_up(&plain.fates, sends[from..to].iter().flatten());
                moved.timers = late_timers::moved_up(plan, &set_at, from..to);
                [moved, plain]
            }
        },
    );
}

pub(crate) fn fates(trials: &mut Trials<'_>) {
    in_chunks(
        trials,
        |plan| plan.fates.len(),
        |_| {
            |plan: &Plan, from, to| {
                let mut plan = plan.clone();
                plan.fates.drain(from..to);
                [plan]
            }
        },
    );
}

pub(crate) fn faults(trials: &mut Trials<'_>) {
    in_chunks(
        trials,
        |plan| plan.faults.len(),
        |_| {
            |plan: &Plan, from, to| {
                let mut plan = plan.clone();
                plan.faults.drain(from..to);
                [plan]
            }
        },
    );
}

pub(crate) fn timers(trials: &mut Trials<'_>) {
    in_chunks(trials, |plan| plan.timers.len(), |_| chunk_drained(|plan, from, to| drop(plan.timers.drain(from..to))));
}

pub(crate) fn armed(trials: &mut Trials<'_>) {
    in_chunks(trials, |plan| plan.armed.len(), |_| chunk_drained(|plan, from, to| drop(plan.armed.drain(from..to))));
}

pub(crate) fn clocks(trials: &mut Trials<'_>) {
    in_chunks(trials, |plan| plan.clocks.len(), |_| chunk_drained(|plan, from, to| drop(plan.clocks.drain(from..to))));
}

/// The plan without a chunk of one of its lists.
fn chunk_drained(drain: fn(&mut Plan, usize, usize)) -> impl Fn(&Plan, usize, usize) -> [Plan; 1] {
    move |plan, from, to| {
        let mut plan = plan.clone();
        drain(&mut plan, from, to);
        [plan]
    }
}

/// Tries to remove chunks of a list from its end to its beginning; `without` makes, for a best plan, what makes the ways
/// in which a plan can do without a chunk.
fn in_chunks<W, const WAYS: usize>(
    trials: &mut Trials<'_>,
    length: fn(&Plan) -> usize,
    without: impl Fn(&Recorded) -> W,
) where
    W: Fn(&Plan, usize, usize) -> [Plan; WAYS],
{
    let mut size = length(&trials.best().plan);
    while size > 0 {
        let mut end = length(&trials.best().plan);
        while end > 0 {
            let plan = trials.best().plan.clone();
            let without = without(trials.best());
            let chunks =
                (0..end.div_ceil(size)).map(|chunk| (end.saturating_sub((chunk + 1) * size), end - chunk * size));
            let candidates = chunks.flat_map(|(from, to)| without(&plan, from, to)).map(Candidate::from);
            match trials.take_first(candidates) {
                // What is taken may have lost more than was removed.
                Some(place) => {
                    end = end.saturating_sub((place / WAYS + 1) * size).min(length(&trials.best().plan));
                }
                None => break,
            }
        }
        size /= 2;
    }
}

/// Two decisions at a time: those that make up for each other.
pub(crate) fn pairs(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    let count = plan.decision_count();
    if count > PAIRS_DECISIONS_MAX {
        return none();
    }
    let pairs = (0..count).flat_map(|second| (0..second).map(move |first| [first, second]));
    let sends = Rc::new(messages_of_requests(best));
    Box::new(pairs.map(move |pair| {
        let sends = Rc::clone(&sends);
        edit(move || without_decisions(plan, &pair, &sends))
    }))
}

/// One decision less, and one request at another time: just when something else happens, or just after.
pub(crate) fn retimed(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    let count = plan.decision_count();
    if count > PAIRS_DECISIONS_MAX {
        return none();
    }
    let (moments, sends) = (moments(best), messages_of_requests(best));
    Box::new((0..count).flat_map(move |gone| {
        let smaller = Rc::new(without_decisions(plan, &[gone], &sends));
        let places = (0..smaller.requests.len()).flat_map(|place| moments.iter().map(move |at| (place, *at)));
        let edits = places.map(|(place, at)| {
            let smaller = Rc::clone(&smaller);
            edit(move || {
                let mut candidate = (*smaller).clone();
                candidate.requests[place].at = at;
                candidate
            })
        });
        edits.collect::<Vec<Edit<'_>>>()
    }))
}

/// The times at which something happens, and just after; not all of a long run.
pub(crate) fn moments(best: &Recorded) -> Vec<Time> {
    let times: IndexSet<Time> = best.trace.events.iter().map(|event| event.at).collect();
    times.into_iter().take(MOMENTS_MAX).flat_map(|at| [at, at + JUST_AFTER]).collect()
}

/// The plan without some of its decisions, numbered as requests, faults, fates, knobs, disk faults, late timers, clocks, armed faults.
fn without_decisions(plan: &Plan, gone: &[usize], sends: &[Vec<MessageName>]) -> Plan {
    let (requests, faults) = (plan.requests.len(), plan.faults.len());
    fn kept<T: Clone>(items: impl Iterator<Item = T>, first: usize, gone: &[usize]) -> Vec<T> {
        items.enumerate().filter(|(place, _)| !gone.contains(&(first + place))).map(|(_, item)| item).collect()
    }
    let fates = plan.fates.iter().map(|(name, fate)| (name.clone(), fate.clone()));
    let fates = kept(fates, requests + faults, gone).into_iter().collect();
    let knobs = plan.knobs.iter().map(|(name, value)| (name.to_owned(), value));
    let knobs = kept(knobs, requests + faults + plan.fates.len(), gone);
    let disk = requests + faults + plan.fates.len() + plan.knobs.len();
    let knob_count = disk + plan.disk.len();
    let timers = plan.timers.iter().map(|(name, late)| (name.clone(), *late));
    let timers = kept(timers, knob_count, gone).into_iter().collect();
    let clocks = plan.clocks.iter().map(|(node, clock)| (*node, *clock));
    let clocks = kept(clocks, knob_count + plan.timers.len(), gone).into_iter().collect();
    let armed = kept(plan.armed.iter().cloned(), knob_count + plan.timers.len() + plan.clocks.len(), gone);
    let gone_messages = gone.iter().filter_map(|place| sends.get(*place)).flatten();
    Plan {
        requests: kept(plan.requests.iter().cloned(), 0, gone),
        faults: kept(plan.faults.iter().cloned(), requests, gone),
        fates: moved_up(&fates, gone_messages),
        knobs: knobs.into_iter().collect(),
        disk: kept(plan.disk.iter().cloned(), disk, gone),
        timers,
        clocks,
        armed,
        ..plan.clone()
    }
}

/// For each request the messages that were sent in the step that handled it.
fn messages_of_requests(best: &Recorded) -> Vec<Vec<MessageName>> {
    let mut sends = vec![Vec::new(); best.plan.requests.len()];
    let mut request = None;
    for event in &best.trace.events {
        match &event.what {
            What::Asked { id, .. } => request = Some((event.step, id.0 as usize)),
            What::Sent { name, .. } => match request {
                Some((step, id)) if step == event.step => sends[id].push(name.clone()),
                _ => {}
            },
            _ => {}
        }
    }
    sends
}

/// The fates as they are named once the messages `gone` are never sent.
fn moved_up<'a>(
    fates: &IndexMap<MessageName, Fate>,
    gone: impl Iterator<Item = &'a MessageName>,
) -> IndexMap<MessageName, Fate> {
    // Of each link and kind the numbers of those that are gone.
    let mut numbers: IndexMap<(Link, &str), Vec<u32>> = IndexMap::new();
    for name in gone {
        numbers.entry((name.link, &name.kind)).or_default().push(name.number);
    }
    numbers.values_mut().for_each(|numbers| numbers.sort_unstable());
    let renamed = fates.iter().filter_map(|(name, fate)| {
        let gone = numbers.get(&(name.link, &*name.kind)).map_or(&[][..], Vec::as_slice);
        let before = gone.partition_point(|number| *number < name.number);
        let is_gone = gone.get(before) == Some(&name.number);
        (!is_gone).then(|| (MessageName { number: name.number - before as u32, ..name.clone() }, fate.clone()))
    });
    renamed.collect()
}
