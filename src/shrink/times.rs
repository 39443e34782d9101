//! Small round numbers: when requests and faults happen, how long messages and faults take, when the world heals.

use std::rc::Rc;
use std::time::Duration;

use indexmap::IndexSet;

use crate::harness::Recorded;
use crate::protocol::Time;
use crate::shrink::trial::{Edits, Trials, edit};
use crate::sim::{Fate, Fault, Plan, When};

const MILLISECOND: Duration = Duration::from_millis(1);
/// What times are made multiples of, the plainest first.
const UNITS: [Duration; 3] = [Duration::from_millis(10), Duration::from_millis(5), MILLISECOND];
/// Spans that are as good as any, the plainest first.
const SPANS_MS: [u64; 6] = [2, 5, 10, 20, 50, 100];
/// How much sooner things may come, most first.
const SOONER_MS: [u64; 10] = [200, 100, 80, 60, 40, 20, 10, 5, 2, 1];

pub(crate) fn simplify(trials: &mut Trials<'_>) {
    trials.exhaust(|best| evenly_spaced(&best.plan));
    trials.exhaust(|best| each_moment(&best.plan));
    trials.exhaust(|best| each_span(&best.plan));
    trials.exhaust(healed_soon);
    trials.exhaust(|best| closer_together(&best.plan));
}

/// Requests and faults keep their order, with the same time between each two that are not at once.
fn evenly_spaced(plan: &Plan) -> Edits<'_> {
    let mut moments: Vec<Time> = moments(plan).collect();
    moments.sort_unstable();
    let moments: Rc<IndexSet<Time>> = Rc::new(moments.into_iter().collect());
    let spaced = move |unit: Duration| {
        let moments = Rc::clone(&moments);
        edit(move || {
            let mut plan = plan.clone();
            each_time(&mut plan, &|at| {
                let place = moments.get_index_of(&at).expect("expect: it is one of the moments");
                Time::ZERO + unit * place as u32
            });
            plan
        })
    };
    Box::new(UNITS.into_iter().map(spaced))
}

/// From each moment on all comes sooner by round spans, healing too: what waits for nothing, or for timers that come again
/// and again.
fn closer_together(plan: &Plan) -> Edits<'_> {
    let mut moments: Vec<Time> = moments(plan).chain([Time::ZERO, plan.heal_at]).collect();
    moments.sort_unstable();
    moments.dedup();
    let gaps: Vec<(Time, Duration)> = moments.windows(2).map(|pair| (pair[1], pair[1] - pair[0])).collect();
    let last = self::moments(plan).max().unwrap_or_default();
    Box::new(gaps.into_iter().flat_map(move |(from, gap)| {
        let spans = SOONER_MS.map(Duration::from_millis).into_iter().filter(move |by| *by <= gap);
        spans.filter_map(move |by| {
            let moved = move |at: Time| if at >= from { Time::ZERO + (at.since_start() - by) } else { at };
            let heal_at = moved(plan.heal_at);
            let soonest = heal_after(moved(last));
            (heal_at >= plan.heal_at.min(soonest)).then(|| {
                edit(move || {
                    let mut sooner = plan.clone();
                    each_time(&mut sooner, &moved);
                    sooner.heal_at = heal_at;
                    sooner
                })
            })
        })
    }))
}

/// When all that is planned has come to pass, to the millisecond; things can go wrong until then.
fn soonest_heal(plan: &Plan) -> Time {
    heal_after(moments(plan).max().unwrap_or_default())
}

fn heal_after(last: Time) -> Time {
    round_down(last, MILLISECOND) + MILLISECOND + MILLISECOND
}

/// Each request and fault on its own: at once with the one before, or at a round time.
fn each_moment(plan: &Plan) -> Edits<'_> {
    let at: Vec<Time> = moments(plan).collect();
    let mut sorted = at.clone();
    sorted.sort_unstable();
    Box::new(at.into_iter().enumerate().flat_map(move |(place, at)| {
        let earlier = sorted[..sorted.partition_point(|other| *other < at)].last().copied();
        let round = UNITS.into_iter().map(move |unit| round_down(at, unit));
        let simpler = [Some(Time::ZERO), earlier].into_iter().flatten().chain(round).filter(move |time| *time < at);
        // Never later but for the next millisecond, where only a part of one will do.
        let next = Time::ZERO + round_up(at.since_start(), MILLISECOND);
        let next = [next].into_iter().filter(move |next| *next > at && at != Time::ZERO);
        simpler.chain(next).map(move |time| {
            edit(move || {
                let mut plan = plan.clone();
                *moments_mut(&mut plan)[place] = time;
                plan
            })
        })
    }))
}

/// Each delay of a message, each time down and each time cut: a plain one, or a round one.
fn each_span(plan: &Plan) -> Edits<'_> {
    let spans: Vec<Duration> = spans_mut(&mut plan.clone()).into_iter().map(|span| *span).collect();
    Box::new(spans.into_iter().enumerate().flat_map(move |(place, span)| {
        let plain = SPANS_MS.map(Duration::from_millis).into_iter();
        let plain = plain.filter(move |plain| *plain < span && *plain > plan.latency);
        let is_plain = SPANS_MS.map(Duration::from_millis).contains(&span);
        let round = UNITS.map(|unit| round_up(span, unit)).into_iter();
        let round = round.filter(move |round| *round != span && !is_plain);
        plain.chain(round).map(move |simpler| {
            edit(move || {
                let mut plan = plan.clone();
                *spans_mut(&mut plan)[place] = simpler;
                plan
            })
        })
    }))
}

/// The world heals as soon as all that is planned has come to pass, to the millisecond, or to the ten.
fn healed_soon(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    let soonest = soonest_heal(plan);
    let round = UNITS.map(|unit| Time::ZERO + round_up(soonest.since_start(), unit));
    let sooner = [soonest].into_iter().chain(round).filter(|heal_at| *heal_at < plan.heal_at);
    Box::new(sooner.map(move |heal_at| edit(move || Plan { heal_at, ..plan.clone() })))
}

fn moments(plan: &Plan) -> impl Iterator<Item = Time> {
    let requests = plan.requests.iter().map(|request| request.at);
    let armed = plan.armed.iter().filter_map(|armed| if let When::At(at) = armed.when { Some(at) } else { None });
    requests.chain(plan.faults.iter().map(|planned| planned.at)).chain(armed)
}

fn moments_mut(plan: &mut Plan) -> Vec<&mut Time> {
    let requests = plan.requests.iter_mut().map(|request| &mut request.at);
    let armed = plan.armed.iter_mut().filter_map(|armed| match &mut armed.when {
        When::At(at) => Some(at),
        When::Said { .. } => None,
    });
    requests.chain(plan.faults.iter_mut().map(|planned| &mut planned.at)).chain(armed).collect()
}

fn each_time(plan: &mut Plan, map: &dyn Fn(Time) -> Time) {
    moments_mut(plan).into_iter().for_each(|at| *at = map(*at));
}

fn spans_mut(plan: &mut Plan) -> Vec<&mut Duration> {
    let faults = plan.faults.iter_mut().filter_map(|planned| match &mut planned.fault {
        Fault::Crash { restart, .. } => restart.as_mut(),
        Fault::Pause { span, .. } => Some(span),
        Fault::Partition { heal, .. } => heal.as_mut(),
    });
    let delays = plan.fates.values_mut().flat_map(|fate| match fate {
        Fate::Drop => &mut [],
        Fate::Deliver(delays) => delays.as_mut_slice(),
    });
    let retries = plan.requests.iter_mut().flat_map(|request| &mut request.retries).map(|retry| &mut retry.after);
    let armed = plan.armed.iter_mut().flat_map(|armed| {
        let after = match &mut armed.when {
            When::Said { after, .. } if !after.is_zero() => Some(after),
            _ => None,
        };
        [after, armed.lasts.as_mut()].into_iter().flatten()
    });
    faults.chain(delays).chain(retries).chain(plan.timers.values_mut()).chain(armed).collect()
}

fn round_down(at: Time, unit: Duration) -> Time {
    let unit = unit.as_nanos() as u64;
    Time::from_nanos(at.as_nanos() / unit * unit)
}

/// Never to zero: a message takes some time.
fn round_up(span: Duration, unit: Duration) -> Duration {
    let (nanos, unit) = (u64::try_from(span.as_nanos()).unwrap_or(u64::MAX), unit.as_nanos() as u64);
    Duration::from_nanos(nanos.div_ceil(unit).max(1).saturating_mul(unit))
}
