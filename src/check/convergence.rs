//! All nodes show the same in the end.

use super::{Breach, Check};
use crate::machine::{Observe, Time};
use crate::sim::{Event, Nodes};

/// At rest, every node shows what every other node shows.
///
/// ```
/// use distributed_data_consistency::check::Convergence;
/// use distributed_data_consistency::harness::Harness;
/// use distributed_data_consistency::store::Node;
///
/// Harness::new("store", Node::boot).check(Convergence::new()).sweep(10).assert_clean();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Convergence;

impl Convergence {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl<M: Observe> Check<M> for Convergence {
    fn name(&self) -> &'static str {
        "convergence"
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        let Event::Rest { quiet } = event else { return Ok(()) };
        let mut up = nodes.up();
        let Some((first, machine)) = up.next() else { return Ok(()) };
        let view = machine.view();
        for (other, machine) in up {
            let theirs = machine.view();
            if theirs != view {
                let rest = if *quiet { "nothing is left to happen" } else { "the time to settle is up" };
                return Err(Breach::new("differ", format!("node {first} and node {other} differ at rest"))
                    .because(format!("node {first} shows {view:?}"))
                    .because(format!("node {other} shows {theirs:?}"))
                    .because(format!("{rest}, so they will not come to agree")));
            }
        }
        Ok(())
    }
}
