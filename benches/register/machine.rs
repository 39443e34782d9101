//! The register as a state machine, and its scope.

use distributed_data_consistency::Harness;
use distributed_data_consistency::model_check::{Ask, Scope};
use distributed_data_consistency::protocol::{Digest, Env, NodeId, RequestId, StateMachine};

use super::register::{Clock, NODES, Siblings, put, take};

/// A node.
pub(crate) struct Register(Siblings);

impl StateMachine for Register {
    type Message = Clock;
    type Timer = ();
    type Request = ();
    type Response = ();
    type Durable = ();

    fn on_message(&mut self, _from: NodeId, clock: Clock, _env: &mut Env<'_, Self>) {
        take(&mut self.0, clock);
    }

    fn on_request(&mut self, _id: RequestId, (): (), env: &mut Env<'_, Self>) {
        let clock = put(&mut self.0, env.id().index());
        env.broadcast(&clock);
    }

    /// The whole state, so that a search may go by it.
    fn fold(&self, digest: &mut Digest) {
        digest.fold(self.0.len() as u64);
        self.0.iter().for_each(|clock| digest.fold_bytes(clock));
    }
}

/// The register, which must converge.
pub(crate) fn registers() -> Harness<Register> {
    Harness::new("register", |_| Register(Siblings::new())).requests(|_| ()).at_rest("convergence", |nodes| {
        let mut nodes = nodes.up().map(|(_, node)| &node.0);
        let first = nodes.next();
        if nodes.all(|other| Some(other) == first) { Ok(()) } else { Err("nodes differ".to_owned()) }
    })
}

/// Each node writes once.
pub(crate) fn scope() -> Scope {
    Scope::new(NODES, (0..NODES).map(|node| Ask::new(node, ())).collect())
}
