//! Small machines, each with a mistake that shows only with one kind of decision.

use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::check::{Breach, Check};
use distributed_data_consistency::protocol::{Boot, Effect, Env, NodeId, RequestId, StateMachine, Time};
use distributed_data_consistency::sim::{Event, EventKind, Nodes};
use distributed_data_consistency::strategy::ClockBounds;

/// Takes for granted that of two timers the one that is due first fires first.
pub(crate) struct Hasty {
    is_done: bool,
    broken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Work,
    GiveUp,
}

impl StateMachine for Hasty {
    type Message = ();
    type Timer = Step;
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, id: RequestId, _request: u8, env: &mut Env<'_, Self>) {
        self.is_done = false;
        env.set_timer(Step::Work, Duration::from_millis(60));
        env.set_timer(Step::GiveUp, Duration::from_millis(100));
        env.respond(id, ());
    }

    fn on_timer(&mut self, timer: Step, _env: &mut Env<'_, Self>) {
        match timer {
            Step::Work => self.is_done = true,
            Step::GiveUp => self.broken |= !self.is_done,
        }
    }
}

pub(crate) fn hasty() -> Harness<Hasty> {
    Harness::new("hasty", |_| Hasty { is_done: false, broken: false }).nodes(1..=2).requests(|_| 0).always(
        "in order",
        |nodes| match nodes.up().find(|(_, machine)| machine.broken) {
            Some((node, _)) => Err(format!("node {node} gave up before it had worked")),
            None => Ok(()),
        },
    )
}

/// Every so often it writes a new file in two steps, and does not know a file that is half there.
pub(crate) struct Compacting {
    asked: u32,
    broken: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    begun: u32,
    done: u32,
}

impl StateMachine for Compacting {
    type Message = u8;
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = File;

    fn on_message(&mut self, _from: NodeId, _message: u8, _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, id: RequestId, request: u8, env: &mut Env<'_, Self>) {
        self.asked += 1;
        // Long enough a step that whoever crashes nodes after some of its effects hardly ever gets there.
        (0..3).for_each(|_| env.broadcast(&request));
        if self.asked.is_multiple_of(4) {
            env.persist(|file| file.begun += 1);
            env.mark("compacting");
            env.persist(|file| file.done += 1);
        }
        env.respond(id, ());
    }
}

pub(crate) fn compacting() -> Harness<Compacting> {
    let boot = |boot: Boot<File>| Compacting { asked: 0, broken: boot.durable.begun != boot.durable.done };
    Harness::new("compacting", boot).nodes(3..=5).requests(|rng| rng.below(9) as u8).always("whole file", |nodes| {
        match nodes.up().find(|(_, machine)| machine.broken) {
            Some((node, _)) => Err(format!("node {node} finds a file that is half there")),
            None => Ok(()),
        }
    })
}

/// How long a lease is good for, and how much longer the server waits before it gives it to another.
const LEASE: Duration = Duration::from_millis(40);
const MARGIN: Duration = Duration::from_millis(1);

/// Node 0 leases one thing to the others. Who has it uses it without asking, as long as its own clock says that it may.
pub(crate) struct Lease {
    /// On the server: which lease this is, and until when nobody else gets it.
    number: u64,
    busy_until: Time,
    /// On a client: how often it asked and when it did last, and the lease that it has.
    asked: (u64, Time),
    holds: Option<(u64, Time)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Said {
    MayI(u64),
    YouMay { question: u64, number: u64 },
}

impl StateMachine for Lease {
    type Message = Said;
    type Timer = ();
    type Request = bool;
    type Response = Option<u64>;
    type Durable = (u64, Time);

    fn on_message(&mut self, from: NodeId, message: Said, env: &mut Env<'_, Self>) {
        match message {
            Said::MayI(question) if env.now() >= self.busy_until => {
                self.number += 1;
                self.busy_until = env.now() + LEASE + MARGIN;
                let kept = (self.number, self.busy_until);
                env.persist(|durable| *durable = kept);
                env.send(from, Said::YouMay { question, number: self.number });
            }
            Said::YouMay { question, number } if question == self.asked.0 => {
                // From when it asked: however long the answer took, the server began to wait later than that.
                self.holds = Some((number, self.asked.1 + LEASE));
            }
            Said::MayI(_) | Said::YouMay { .. } => {}
        }
    }

    fn on_request(&mut self, id: RequestId, uses: bool, env: &mut Env<'_, Self>) {
        if uses {
            let now = env.now();
            let held = self.holds.filter(|(_, until)| now < *until);
            env.respond(id, held.map(|(number, _)| number));
        } else {
            if env.id().index() != 0 {
                self.asked = (self.asked.0 + 1, env.now());
                env.send(NodeId::new(0), Said::MayI(self.asked.0));
            }
            env.respond(id, None);
        }
    }
}

/// Nobody uses a lease that the server has given to another since.
#[derive(Clone)]
struct OneHolder;

impl Check<Lease> for OneHolder {
    fn name(&self) -> &'static str {
        "one-holder"
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Ends]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, Lease>, nodes: Nodes<'_, Lease>) -> Result<(), Breach> {
        let Event::Ends { node, effects, .. } = event else { return Ok(()) };
        let Some((latest, _)) = nodes.durable(NodeId::new(0)) else { return Ok(()) };
        for effect in *effects {
            if let Effect::Respond { response: Some(used), .. } = effect
                && used < latest
            {
                return Err(Breach::new("two", format!("node {node} uses lease {used}, but lease {latest} is given")));
            }
        }
        Ok(())
    }
}

pub(crate) fn lease(bounds: ClockBounds) -> Harness<Lease> {
    let boot = |boot: Boot<(u64, Time)>| {
        let (number, busy_until) = boot.durable;
        Lease { number, busy_until, asked: (0, Time::ZERO), holds: None }
    };
    Harness::new("lease", boot)
        .nodes(3..=3)
        .request_counts(20..=60)
        .requests(|rng| rng.chance(700))
        .clocks(bounds)
        .check(OneHolder)
}

/// Answers nobody.
pub(crate) struct Silent;

impl StateMachine for Silent {
    type Message = ();
    type Timer = ();
    type Request = u8;
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

    fn on_request(&mut self, _id: RequestId, _request: u8, _env: &mut Env<'_, Self>) {}
}
