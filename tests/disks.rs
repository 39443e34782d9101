//! Disks that lose what was not synced, and that refuse writes: each kind of fault has a planted bug that is not found without it.
#![cfg(feature = "proptest")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Breach, Check, Liveness};
use distributed_data_consistency::explain::Changed;
use distributed_data_consistency::protocol::{Boot, Effect, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::replay::{Expect, PlanFile};
use distributed_data_consistency::report::Screen;
use distributed_data_consistency::sim::{
    Action, DiskFault, Event, Fault, Loss, Nodes, Plan, PlannedFault, PlannedRequest,
};
use distributed_data_consistency::strategy::{Disks, Strategy};
use distributed_data_consistency::sweep::{Failure, Seeds, Sweep, SweepOptions};
use distributed_data_consistency::testing::plans_config;
use proptest::prelude::*;

/// What a log forgets to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    /// To sync before it answers.
    NoSync,
    /// To sync the entry before it writes that the entry is there.
    NoBarrier,
    /// To look whether the write has failed.
    ErrorIgnored,
}

/// A log on one node: the length says how many of the entries count.
#[derive(Clone, Debug, Default)]
struct Kept {
    entries: Vec<Option<u8>>,
    length: usize,
}

struct Log {
    kept: Kept,
    bug: Option<Bug>,
}

impl Log {
    fn append(&mut self, entry: u8, env: &mut Env<'_, Self>) -> bool {
        let place = env.durable().length;
        let put = move |kept: &mut Kept| {
            kept.entries.resize(place + 1, None);
            kept.entries[place] = Some(entry);
        };
        let is_written = env.try_write(put).is_ok();
        if !is_written && self.bug != Some(Bug::ErrorIgnored) {
            return false;
        }
        if self.bug != Some(Bug::NoBarrier) {
            env.sync();
        }
        env.write(move |kept| kept.length = place + 1);
        if self.bug != Some(Bug::NoSync) {
            env.sync();
        }
        true
    }
}

impl StateMachine for Log {
    type Message = ();
    type Timer = ();
    type Request = u8;
    type Response = Result<u8, ()>;
    type Durable = Kept;

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, id: RequestId, entry: u8, env: &mut Env<'_, Self>) {
        let is_kept = self.append(entry, env);
        self.kept = env.durable().clone();
        env.respond(id, if is_kept { Ok(entry) } else { Err(()) });
    }
}

/// What was acknowledged is in the log for ever, and what counts in the log is there.
#[derive(Clone, Default)]
struct Durability(Vec<(NodeId, u8)>);

impl Check<Log> for Durability {
    fn name(&self) -> &'static str {
        "durability"
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Log>, nodes: Nodes<'_, Log>) -> Result<(), Breach> {
        match event {
            Event::Ends { node, effects, .. } => {
                for effect in *effects {
                    if let Effect::Respond { response: Ok(entry), .. } = effect {
                        self.0.push((*node, *entry));
                    }
                }
            }
            Event::Rest { .. } => {
                for (node, log) in nodes.up() {
                    let Some(counted) = log.kept.entries.get(..log.kept.length).filter(|kept| !kept.contains(&None))
                    else {
                        return Err(Breach::new("hole", format!("node {node} counts an entry that is not there")));
                    };
                    let lost = self.0.iter().find(|(of, entry)| *of == node && !counted.contains(&Some(*entry)));
                    if let Some((_, entry)) = lost {
                        return Err(Breach::new("lost", format!("node {node} lost entry {entry}")));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn log(bug: Option<Bug>, disks: Disks) -> Harness<Log> {
    Harness::new("log", move |boot: Boot<Kept>| Log { kept: boot.durable, bug })
        .nodes(1..=3)
        .requests(|rng| rng.below(250) as u8)
        .check(Liveness::new())
        .check(Durability::default())
        .disks(disks)
}

fn sweep(harness: &Harness<Log>, worlds: u64) -> Sweep {
    let jobs = NonZeroUsize::new(2).unwrap();
    harness.sweep_with(&SweepOptions { jobs, ..SweepOptions::new(Seeds::first(worlds)) }, &|_| {})
}

fn found(bug: Bug, disks: Disks) -> Failure {
    let mut sweep = sweep(&log(Some(bug), disks), 1_000);
    assert!(!sweep.failures.is_empty(), "{bug:?} is not found");
    sweep.failures.swap_remove(0)
}

#[test]
fn each_bug_is_found_with_the_disks_that_it_needs_and_with_no_others() {
    let reliable = Disks::reliable();
    let orderly = Disks { disorder_permille: 0, ..Disks::harsh() };
    let errors = Disks { loss_permille: 0, ..Disks::harsh() };
    let losses = Disks::unsynced();
    for (bug, needed, not) in [
        (Bug::NoSync, losses, [reliable, errors]),
        (Bug::NoBarrier, Disks::harsh(), [reliable, orderly]),
        (Bug::ErrorIgnored, errors, [reliable, losses]),
    ] {
        found(bug, needed);
        for without in not {
            assert_eq!(sweep(&log(Some(bug), without), 1_000).violation_count(), 0, "{bug:?} with {without:?}");
        }
    }
}

#[test]
fn the_right_log_is_clean_on_any_disk() {
    for strategy in [Strategy::Swarm, Strategy::Portfolio] {
        let sweep = sweep(&log(None, Disks::harsh()).strategy(strategy), 2_000);
        assert!(sweep.violations.is_empty(), "{:?}", sweep.violations);
        assert!(sweep.stats.disk_losses > 0 && sweep.stats.disk_errors > 0);
    }
}

#[test]
fn a_system_with_reliable_disks_draws_the_worlds_it_always_drew() {
    let plans = |disks| (0..50).map(move |seed| Plan { disk: Vec::new(), ..log(None, disks).record_seed(seed).plan });
    assert!(plans(Disks::harsh()).eq(plans(Disks::reliable())));
}

#[test]
fn the_decisions_that_matter_are_left() {
    let node = NodeId::new(0);
    let failure = found(Bug::NoSync, Disks::harsh());
    let plan = &failure.shrunk.plan;
    assert_eq!((plan.requests.len(), plan.faults.len(), plan.decision_count()), (1, 1, 3), "{plan:#?}");
    assert_eq!(plan.disk, [DiskFault::Loses { node, crash: 1, loss: Loss::Last(1) }]);
    let screen = Screen { failure: &failure, hints: &[] }.to_string();
    assert!(screen.contains("LOSES a write"), "{screen}");

    let plan = found(Bug::NoBarrier, Disks::harsh()).shrunk.plan;
    assert_eq!((plan.requests.len(), plan.faults.len(), plan.decision_count()), (1, 1, 3), "{plan:#?}");
    assert_eq!(plan.disk, [DiskFault::Loses { node, crash: 1, loss: Loss::Each(vec![2]) }]);

    let failure = found(Bug::ErrorIgnored, Disks::harsh());
    let plan = &failure.shrunk.plan;
    assert_eq!((plan.requests.len(), plan.faults.len(), plan.decision_count()), (1, 0, 2), "{plan:#?}");
    assert_eq!(plan.disk, [DiskFault::Fails { node, write: 1 }]);
    let twin = failure.twin.expect("expect: without the error it is clean");
    assert_eq!((&*twin.change, twin.changed), ("without \"node 0 fails in its write #1\"", Changed::Disk));
}

#[test]
fn a_seed_and_the_plan_of_its_run_are_the_same_run() {
    for bug in [None, Some(Bug::NoSync), Some(Bug::NoBarrier), Some(Bug::ErrorIgnored)] {
        let harness = log(bug, Disks::harsh());
        for seed in 0..100 {
            let recorded = harness.record_seed(seed);
            let again = harness.record(&recorded.plan);
            assert_eq!(harness.run_seed(seed).digest, recorded.outcome.digest, "{seed}");
            assert_eq!((again.outcome.digest, &again.plan), (recorded.outcome.digest, &recorded.plan), "{seed}");
        }
    }
}

fn request(at_ms: u64, node: usize) -> PlannedRequest {
    PlannedRequest::new(Time::from_millis(at_ms), NodeId::new(node), Action::new(at_ms as u8))
}

fn crash(at_ms: u64, node: usize) -> PlannedFault {
    let restart = Some(Duration::from_millis(1));
    let fault = Fault::Crash { node: NodeId::new(node), effects: None, restart, wipe: false };
    PlannedFault { at: Time::from_millis(at_ms), fault }
}

/// Two requests of node 1, whose second write fails, and that loses something in its second crash.
fn planned() -> Plan {
    let node = NodeId::new(1);
    let mut plan = Plan::new(2);
    plan.requests = vec![request(1, 1), request(2, 1), request(5, 1)];
    plan.faults = vec![crash(3, 1), crash(6, 1)];
    plan.disk = vec![
        DiskFault::Loses { node, crash: 2, loss: Loss::Last(2) },
        DiskFault::Loses { node, crash: 1, loss: Loss::Each(vec![1, 3]) },
        DiskFault::Fails { node, write: 3 },
    ];
    plan
}

const WRITTEN: &str = "
[[disk]]
node = 1
crash = 2
lost = 2

[[disk]]
node = 1
crash = 1
lost = [1, 3]

[[disk]]
node = 1
write = 3
fails = true
";

fn file(plan: Plan) -> PlanFile {
    PlanFile { system: "log".to_owned(), plan, expect: Expect::Clean, digest: None, trace: Vec::new() }
}

fn read(text: &str) -> Result<PlanFile, String> {
    log(None, Disks::reliable()).parse_plan(Path::new("x.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn disk_faults_are_written_and_read_back() {
    let file = file(planned());
    let text = file.to_toml().unwrap();
    assert!(text.ends_with(WRITTEN), "{text}");
    assert_eq!(read(&text), Ok(file));
    for (from, to, wrong) in [
        (
            "lost = 2",
            "lost = \"2\"",
            "expected how many of the last unsynced writes are lost, like 2, or which of them",
        ),
        ("crash = 2", "crash = 0", "expected a number from 1 to 4294967295, found 0"),
        ("[1, 3]", "[0]", "expected a number from 1 to 4294967295, found 0"),
        ("crash = 2", "crash = 1", "expected one table [[disk]] for each crash and each write of a node"),
        ("fails = true", "fails = false", "expected fails = true, found false"),
        ("fails = true", "lost = 1", "expected one of node, write, fails, found a field \"lost\""),
        ("crash = 2", "write = 2", "expected one of node, write, fails, found a field \"lost\""),
        ("crash = 2\n", "", "expected crash = 1, the first of the node, or write = 1, its first, found none"),
        ("node = 1\ncrash = 2", "node = 65536\ncrash = 2", "expected a node number from 0 to 65535, found 65536"),
        (
            "crash = 2",
            "crash = 2\nrestart = 1",
            "expected one of node, crash, lost, write, fails, found a field \"restart\"",
        ),
    ] {
        let error = read(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(wrong) && error.starts_with("x.toml:"), "{error}");
    }
    let zero = Plan { disk: vec![DiskFault::Fails { node: NodeId::new(0), write: 0 }], ..Plan::new(1) };
    assert!(self::file(zero).to_toml().unwrap_err().to_string().ends_with("found 0"));
}

#[test]
fn what_meets_nothing_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut plan = planned();
    plan.disk.push(DiskFault::Fails { node: NodeId::new(0), write: 7 });
    plan.disk.push(DiskFault::Loses { node: NodeId::new(0), crash: 1, loss: Loss::Last(1) });
    let harness = log(Some(Bug::NoSync), Disks::reliable());
    let recorded = harness.record(&plan);
    // The second request fails, the others leave their last write unsynced, and each crash takes that.
    let met: Vec<String> = recorded.plan.disk.iter().map(ToString::to_string).collect();
    let expected = [
        "node 1 fails in its write #3",
        "node 1 loses its last unsynced write in its crash #1",
        "node 1 loses its last unsynced write in its crash #2",
    ];
    assert_eq!(met, expected);
    let replayed = harness.replay_file(&file(plan).write_new(directory.path()).unwrap()).unwrap();
    let unmet: Vec<String> = replayed.unmet.iter().map(ToString::to_string).collect();
    let expected = [
        "disk: node 0 fails in its write #7: no such write was made that its node could be told of, before the world healed",
        "disk: node 0 loses its last unsynced write in its crash #1: there was no such crash",
    ];
    assert_eq!(unmet, expected);
}

#[test]
fn bytes_hold_the_faults_that_the_disks_may_have() {
    let fuzzer = log(None, Disks::harsh()).fuzzer();
    let plan = planned();
    assert_eq!(fuzzer.plan(&fuzzer.bytes(&plan)).disk, plan.disk);
    assert!(log(None, Disks::reliable()).fuzzer().plan(&fuzzer.bytes(&plan)).disk.is_empty());
    let orderly = log(None, Disks::unsynced()).fuzzer().plan(&fuzzer.bytes(&plan)).disk;
    assert_eq!(orderly, plan.disk[..1]);
}

proptest! {
    #![proptest_config(plans_config(64))]

    #[test]
    fn any_plan_is_right_on_any_disk(plan in log(None, Disks::harsh()).plans()) {
        log(None, Disks::harsh()).prop_assert_clean(&plan)?;
        let text = file(plan.clone()).to_toml().unwrap();
        prop_assert_eq!(read(&text).unwrap().plan.disk, plan.disk);
    }
}

#[test]
#[should_panic(expected = "disks: loss_permille: expected at most 1000, found 1001")]
fn more_worlds_than_there_are_is_refused() {
    let _ = log(None, Disks { loss_permille: 1_001, ..Disks::reliable() });
}
