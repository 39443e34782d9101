//! Worlds come to rest.

use super::{Breach, Check};
use crate::protocol::{StateMachine, Time};
use crate::sim::{Event, EventKind, Nodes};

/// So many timers are told.
const TIMERS_TOLD: usize = 3;

/// A world comes to rest in its time to settle: no timer is set any more, and no message is under way.
///
/// Without this check timers may keep a world going for ever, as heartbeats and elections do: what must hold at rest is then judged
/// when the time to settle is up, and a summary tells how many worlds ended so. (Messages may not: a world that messages alone keep
/// going, without any timer, breaks the promise to come to rest in any case, unless
/// [`Harness::never_rests`](crate::harness::Harness::never_rests) says so.) A protocol that promises to fall silent once all is done is
/// held to it by this check.
///
/// Where only a [core](crate::sim::Plan::core) has healed, its nodes may wait for the others for ever: that is counted, and no breach.
///
/// ```
/// use distributed_data_consistency::check::Quiescence;
/// use distributed_data_consistency::harness::Harness;
/// use distributed_data_consistency::store::Node;
///
/// Harness::new("store", Node::boot).check(Quiescence::new()).sweep(10).assert_clean();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiescence {
    waiting: bool,
}

impl Quiescence {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<M: StateMachine> Check<M> for Quiescence {
    fn name(&self) -> &'static str {
        "quiescence"
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Rest]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        let Event::Rest { quiet: false } = event else { return Ok(()) };
        if nodes.up().count() < nodes.count() {
            self.waiting = true;
            return Ok(());
        }
        let mut breach = Breach::new("restless", "the world has not come to rest when its time to settle is up");
        for (node, _) in nodes.up() {
            let mut timers: Vec<&M::Timer> = nodes.timers(node).collect();
            timers.sort_unstable();
            if !timers.is_empty() && breach.because.len() < TIMERS_TOLD {
                let (first, more) = (timers[0], timers.len() - 1);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                breach = breach.because(format!("node {node} has set timer {first:?}{more}"));
            }
        }
        Err(breach)
    }

    fn count(&self, add: &mut dyn FnMut(&'static str, u64)) {
        if self.waiting {
            add("restless, waiting for the gone", 1);
        }
    }
}
