//! Limits of the machine that worlds may shake, as a harness declares them.

use std::ops::RangeInclusive;

use super::Harness;
use crate::protocol::{KNOB_COUNT_MAX, KNOB_NAME_BYTES_MAX, KNOB_VALUE_MAX, StateMachine};
use crate::strategy::Knob;

impl<M: StateMachine> Harness<M> {
    /// A limit of the machine that worlds may shake: the machine asks for it with [`Boot::knob`](crate::protocol::Boot::knob), and in some worlds
    /// ([`Profile::knob_permille`](crate::strategy::Profile::knob_permille)) it gets a value of this range, mostly one of the smallest. So a batch, a log or a queue that
    /// would never be full in a world of twenty requests is full all the time, and what goes wrong then is found; a plan that
    /// fails names the knobs that it needs, and no others. [`Strategy::Uniform`](crate::strategy::Strategy::Uniform) shakes nothing.
    ///
    /// The range should hold whatever the machine promises to work with. A name that is declared again has the new range.
    ///
    /// Here what fills a batch is lost; but no world fills one of 64:
    ///
    /// ```
    /// use distributed_data_consistency::{Harness, protocol::{Boot, Env, NodeId, RequestId, StateMachine}};
    ///
    /// /// Every number that a client tells anybody should come to be known to all. A batch is told when it is full, or after 5 ms.
    /// struct Batching { batch_max: usize, batch: Vec<u32>, known: Vec<u32> }
    ///
    /// impl StateMachine for Batching {
    ///     type Message = Vec<u32>;
    ///     type Timer = ();
    ///     type Request = u32;
    ///     type Response = ();
    ///     type Durable = ();
    ///
    ///     fn on_request(&mut self, id: RequestId, number: u32, env: &mut Env<'_, Self>) {
    ///         self.known.push(number);
    ///         if self.batch.len() == self.batch_max {
    ///             env.broadcast(&std::mem::take(&mut self.batch)); // and `number` is in none
    ///         } else {
    ///             self.batch.push(number);
    ///             env.set_timer((), std::time::Duration::from_millis(5));
    ///         }
    ///         env.respond(id, ());
    ///     }
    ///
    ///     fn on_timer(&mut self, (): (), env: &mut Env<'_, Self>) {
    ///         env.broadcast(&std::mem::take(&mut self.batch));
    ///     }
    ///
    ///     fn on_message(&mut self, _from: NodeId, batch: Vec<u32>, _env: &mut Env<'_, Self>) {
    ///         self.known.extend(batch);
    ///     }
    /// }
    ///
    /// fn harness() -> Harness<Batching> {
    ///     let boot = |boot: Boot<()>| {
    ///         let batch_max = boot.knob("batch_max", 64).max(1) as usize;
    ///         Batching { batch_max, batch: Vec::new(), known: Vec::new() }
    ///     };
    ///     Harness::new("batching", boot)
    ///         .requests(|rng| rng.bits())
    ///         .profile(Profile { crash_permille: 0, partition_permille: 0, drop_permille: 0, ..Profile::hostile() })
    ///         .at_rest("all known", |nodes| {
    ///             let counts: Vec<usize> = nodes.up().map(|(_, node)| node.known.iter().collect::<BTreeSet<_>>().len()).collect();
    ///             if counts.iter().all(|count| *count == counts[0]) { Ok(()) } else { Err(format!("nodes know {counts:?}")) }
    ///         })
    /// }
    ///
    /// # use std::collections::BTreeSet;
    /// # use distributed_data_consistency::{strategy::Profile, sweep::{Seeds, SweepOptions}};
    /// let options = SweepOptions::new(Seeds::first(200));
    /// assert_eq!(harness().sweep_with(&options, &|_| {}).violation_count(), 0);
    /// let sweep = harness().knob("batch_max", 1..=64).sweep_with(&options, &|_| {});
    /// let plan = &sweep.failures[0].shrunk.plan;
    /// assert_eq!((plan.requests.len(), plan.knobs.get("batch_max")), (2, Some(1)));
    /// ```
    ///
    /// # Panics
    /// If the range is empty, or if a plan file could not hold the knob: a name of no or more than [`KNOB_NAME_BYTES_MAX`] bytes,
    /// or more than [`KNOB_COUNT_MAX`] knobs.
    ///
    /// [`KNOB_NAME_BYTES_MAX`]: crate::protocol::KNOB_NAME_BYTES_MAX
    /// [`KNOB_COUNT_MAX`]: crate::protocol::KNOB_COUNT_MAX
    #[must_use]
    #[track_caller]
    pub fn knob(mut self, name: impl Into<String>, range: RangeInclusive<u64>) -> Self {
        let name = name.into();
        let (low, high) = (*range.start(), (*range.end()).min(KNOB_VALUE_MAX));
        assert!(
            low <= high,
            "knob {name:?}: expected a range up to {KNOB_VALUE_MAX} that is not empty, found {range:?}"
        );
        let bytes = 1..=KNOB_NAME_BYTES_MAX;
        assert!(
            bytes.contains(&name.len()),
            "expected a name of 1 to {KNOB_NAME_BYTES_MAX} bytes, found knob {name:?}"
        );
        let knobs = &mut self.worlds_mut().knobs;
        knobs.retain(|knob| knob.name != name);
        knobs.push(Knob { name, range: low..=high });
        assert!(knobs.len() <= KNOB_COUNT_MAX, "expected at most {KNOB_COUNT_MAX} knobs");
        self
    }
}
