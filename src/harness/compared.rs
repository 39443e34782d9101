//! What is compared of two runs of a world.

use std::fmt;

use super::Harness;
use crate::protocol::StateMachine;

impl<M: StateMachine> Harness<M> {
    /// Where two runs of a world are compared ([`verify`](Self::verify)), what `Debug` shows of each node's state is compared as well,
    /// after each step. For a machine that tells nothing to [`StateMachine::fold`]: without either, a difference is seen only once it
    /// comes out in what a node sends, answers, sets, makes durable or marks, and a sweep says so.
    ///
    /// The text must be the same for the same state: a `HashMap` shows its entries in another order each time, and an address is
    /// another one in each run.
    ///
    /// ```
    /// use distributed_data_consistency::Harness;
    /// use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
    ///
    /// #[derive(Debug)]
    /// struct Timed { first_asked: Option<std::time::Instant> }
    ///
    /// impl StateMachine for Timed {
    ///     type Message = ();
    ///     type Timer = ();
    ///     type Request = u8;
    ///     type Response = ();
    ///     type Durable = ();
    ///
    ///     fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}
    ///
    ///     fn on_request(&mut self, id: RequestId, _request: u8, env: &mut Env<'_, Self>) {
    ///         self.first_asked.get_or_insert_with(std::time::Instant::now); // and nobody is told
    ///         env.respond(id, ());
    ///     }
    /// }
    ///
    /// let harness = || Harness::new("timed", |_| Timed { first_asked: None }).requests(|_| 1);
    /// assert!(harness().verify_seed(0).differs.is_none());
    /// assert!(harness().debug_state().verify_seed(0).differs.is_some());
    /// ```
    #[must_use]
    pub fn debug_state(mut self) -> Self
    where
        M: fmt::Debug,
    {
        self.show_state = Some(|machine, text| write!(text, "{machine:?}"));
        self
    }
}
