//! Plans from bytes, for fuzzers: every byte string is a plan, and a small change of the bytes is a small change of the plan.
//!
//! The first byte says how many nodes there are. Then come records of eight bytes, one for each decision; a record that
//! is cut short ends in zeros, and one that begins with a zero decides nothing. So a fuzzer that changes a byte changes one
//! decision, and one that removes a record, or writes zeros over it, removes one decision.

use std::time::Duration;

use super::pool::{DELAY_US, HOSTILE_US, LATE_US, PARTITION_US, Pool, RESTART_US, micros};
use super::swept::plan_hint;
use super::{Harness, Settings};
use crate::check::Violation;
use crate::explore::{Outcome, ShrinkOptions, failure_of};
use crate::machine::{NodeId, StateMachine};
use crate::report::Screen;
use crate::sim::{Fate, Fault, Link, MessageName, Plan, PlannedFault, PlannedRequest};

/// Bytes of one decision.
const RECORD: usize = 8;
/// Decisions beyond this are ignored: a longer plan only takes longer.
const DECISIONS_MAX: usize = 256;

impl<M: StateMachine> Harness<M> {
    /// The plan that these bytes stand for: every byte string stands for one.
    ///
    /// This runs a few worlds first, to learn what there is to choose from; for many inputs prepare a [`Fuzzer`] once.
    #[must_use]
    pub fn plan_from_bytes(&self, data: &[u8]) -> Plan {
        plan(&self.pool(), data)
    }

    /// Runs the plan that these bytes stand for: the body of a fuzz target. For many inputs prepare a [`Fuzzer`] once.
    ///
    /// # Panics
    /// As [`Fuzzer::run`] does.
    pub fn fuzz(&self, data: &[u8]) {
        run(self, &self.pool(), Settings::expect_from_env().save, data);
    }

    /// Makes ready to run many inputs.
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    #[must_use]
    pub fn fuzzer(self) -> Fuzzer<M> {
        Fuzzer { pool: self.pool(), save: Settings::expect_from_env().save, harness: self }
    }
}

/// A harness that runs bytes as plans.
///
/// ```
/// use std::sync::LazyLock;
///
/// use distributed_data_consistency::check::Convergence;
/// use distributed_data_consistency::harness::{Fuzzer, Harness};
/// use distributed_data_consistency::kv::StoreWorkload;
/// use distributed_data_consistency::store::Node;
///
/// static FUZZER: LazyLock<Fuzzer<Node>> = LazyLock::new(|| {
///     Harness::new("store", Node::boot).workload(StoreWorkload::default()).check(Convergence::new()).fuzzer()
/// });
///
/// // In a fuzz target: fuzz_target!(|data: &[u8]| FUZZER.run(data));
/// FUZZER.run(b"any bytes are a plan");
/// ```
#[derive(Debug)]
pub struct Fuzzer<M: StateMachine> {
    harness: Harness<M>,
    pool: Pool,
    save: bool,
}

impl<M: StateMachine> Fuzzer<M> {
    /// The plan that these bytes stand for: every byte string stands for one.
    #[must_use]
    pub fn plan(&self, data: &[u8]) -> Plan {
        plan(&self.pool, data)
    }

    /// What comes of the plan that these bytes stand for.
    #[must_use]
    pub fn outcome(&self, data: &[u8]) -> Outcome {
        self.harness.run(&self.plan(data))
    }

    /// Runs the plan that these bytes stand for: the body of a fuzz target.
    ///
    /// # Panics
    /// If a check is violated: with the first screen of the shrunk plan, which is saved before, where
    /// [`Harness::snapshots`] says, unless the environment says `DDC_SNAPSHOTS=no`.
    #[track_caller]
    pub fn run(&self, data: &[u8]) {
        run(&self.harness, &self.pool, self.save, data);
    }
}

#[track_caller]
fn run<M: StateMachine>(harness: &Harness<M>, pool: &Pool, save: bool, data: &[u8]) {
    let plan = plan(pool, data);
    if let Some(violation) = harness.run(&plan).violation {
        panic!("{}", tell(harness, &plan, &violation, save));
    }
}

/// Shrinks a plan that fails, saves it, and tells it.
pub(super) fn tell<M: StateMachine>(harness: &Harness<M>, plan: &Plan, violation: &Violation, save: bool) -> String {
    let system = harness.system();
    let (recorded, verified) = (system.record(plan), system.verify(plan));
    let mut failure = failure_of(system, recorded, verified, &violation.check, &ShrinkOptions::default());
    failure.explain(system);
    let hints: Vec<_> = save.then(|| plan_hint(&failure, &harness.snapshots)).into_iter().collect();
    format!("a plan of \"{}\" violated a check\n\n{}", failure.system, Screen { failure: &failure, hints: &hints })
}

fn plan(pool: &Pool, data: &[u8]) -> Plan {
    let (first, records) = data.split_first().unwrap_or((&0, &[]));
    let (fewest, most) = (*pool.node_counts.start(), *pool.node_counts.end());
    let node_count = fewest + usize::from(*first) % (most.saturating_sub(fewest) + 1);
    let mut plan = pool.plan(node_count);
    for bytes in records.chunks(RECORD).take(DECISIONS_MAX) {
        let mut record = [0; RECORD];
        record[..bytes.len()].copy_from_slice(bytes);
        decide(&mut plan, pool, record);
    }
    // In the order in which they fall due, so that a saved plan reads as a story.
    plan.requests.sort_by_key(|planned| planned.at);
    plan.faults.sort_by_key(|planned| planned.at);
    plan
}

/// Adds what one record decides.
fn decide(plan: &mut Plan, pool: &Pool, record: [u8; RECORD]) {
    let [head, a, b, c, first_low, first_high, second_low, second_high] = record;
    let (sort, extra) = (head & 0x0f, u32::from(head >> 4));
    let (first, second) = ([first_low, first_high], [second_low, second_high]);
    let (a, b, c) = (usize::from(a), usize::from(b), usize::from(c));
    let [left, right] = [a, b].map(|byte| byte % plan.node_count);
    let at = micros(scaled(first, HOSTILE_US));
    // Zeros stand for "until the world heals".
    let lasting = |most_us| (second != [0, 0]).then(|| span(second, most_us));
    match sort {
        1..=6 if !pool.actions.is_empty() => {
            let action = pool.actions[b % pool.actions.len()].clone();
            plan.requests.push(PlannedRequest { at, node: NodeId::new(left), action });
        }
        7..=12 if !pool.kinds.is_empty() => {
            let kind = pool.kinds[c % pool.kinds.len()].clone();
            let fate = match sort {
                7..=8 => Fate::Drop,
                9..=10 => Fate::delay(span(first, DELAY_US)),
                _ => Fate::copies(&[span(first, DELAY_US), span(second, LATE_US)]),
            };
            plan.fates.insert(MessageName { link: Link::new(left, right), kind, number: extra + 1 }, fate);
        }
        13..=14 => {
            let effects = (sort == 14).then_some(extra);
            let fault = Fault::Crash { node: NodeId::new(left), effects, restart: lasting(RESTART_US), wipe: false };
            plan.faults.push(PlannedFault { at, fault });
        }
        15 => {
            let link = Link::new(left, right);
            let links = if c % 2 == 0 && left != right { vec![link, link.reversed()] } else { vec![link] };
            plan.faults.push(PlannedFault { at, fault: Fault::Partition { links, heal: lasting(PARTITION_US) } });
        }
        _ => {}
    }
}

/// Two bytes, low one first, as a number below `limit`.
fn scaled(bytes: [u8; 2], limit: u64) -> u64 {
    (u64::from(u16::from_le_bytes(bytes)) * limit) >> 16
}

fn span(bytes: [u8; 2], most_us: u64) -> Duration {
    Duration::from_micros(scaled(bytes, most_us) + 1)
}
