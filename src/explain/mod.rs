//! Why a shrunk run fails and a run beside it does not: what the verdict depends on, the nearest plan that passes, and the step that
//! decided.

mod because;
mod fork;
mod passing;
mod pivot;
mod state_diff;
mod states;
mod story;
#[cfg(all(test, feature = "builtin"))]
mod tests;
mod twin;
mod undone;

pub use passing::{Changed, Parting, Twin};
pub use pivot::{Moment, Pivot};
pub use state_diff::{Difference, differences};
pub use states::StepNote;
pub use story::{Story, Weight};

pub(crate) use because::reasons;
pub(crate) use pivot::pivot;
pub(crate) use story::story;
pub(crate) use twin::twin;

use crate::sim::What;

/// What happened, in few words: without the content of messages.
fn phrase(what: &What) -> String {
    match what {
        What::Took { name, .. } => format!("node {} takes {name}", name.link.to),
        What::Lost { name, .. } => format!("{name} is lost"),
        other => other.to_string(),
    }
}
