//! All nodes show the same in the end.

use super::{Breach, Check, QUIET, TIME_UP};
use crate::protocol::{Observe, Time};
use crate::running::shown;
use crate::sim::{Event, EventKind, Nodes};

/// At rest, or when the time to settle is up, every node shows what every other node shows. Where only a [core](crate::sim::Plan::core) has healed, so does every node
/// of the core, as far as that does not hang on the others ([`Observe::view_without_the_gone`]).
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

    fn looks_at(&self) -> &'static [EventKind] {
        &[EventKind::Rest]
    }

    fn see(&mut self, _at: Time, event: &Event<'_, M>, nodes: Nodes<'_, M>) -> Result<(), Breach> {
        let Event::Rest { quiet } = event else { return Ok(()) };
        let mut up = nodes.up();
        let Some((first, machine)) = up.next() else { return Ok(()) };
        let all = nodes.up().count() == nodes.count();
        let view_of = |machine: &M| if all { machine.view() } else { machine.view_without_the_gone() };
        let view = view_of(machine);
        for (other, machine) in up {
            let theirs = view_of(machine);
            if theirs != view {
                let rest = match quiet {
                    true => format!("{QUIET}, so they will not come to agree"),
                    false => format!("{TIME_UP}: they have not come to agree in time"),
                };
                return Err(Breach::new("differ", format!("node {first} and node {other} differ at rest"))
                    .because(shown(format_args!("node {first} shows {view:?}")))
                    .because(shown(format_args!("node {other} shows {theirs:?}")))
                    .because(rest));
            }
        }
        Ok(())
    }
}
