//! A run as text that stays the same as long as the run does, for snapshot tests.

use std::path::PathBuf;

use crate::harness::Harness;
use crate::harness::Recorded;
use crate::protocol::{StateMachine, one_line};
use crate::replay::{Error, Expect, PlanFile};
use crate::report::shell_word;
use crate::sim::Plan;
use crate::testing::Settings;

impl<M: StateMachine> Harness<M> {
    /// How a plan runs: a line for each thing that happens, and what came of it. For snapshot tests, such as
    /// `insta::assert_snapshot!`, where a change of the protocol shows as a diff of its traces.
    ///
    /// What is told is told of the run alone: times are virtual, and there are no digests, seeds, step numbers or names of files,
    /// which would change when nothing worth a look has. That a message was sent is told by what became of it.
    ///
    /// ```
    /// use distributed_data_consistency::kv::StoreWorkload;
    /// use distributed_data_consistency::sim::Plan;
    /// use distributed_data_consistency::{Harness, Node};
    ///
    /// let harness = Harness::new("store", Node::boot).workload(StoreWorkload::default());
    /// let snapshot = harness.snapshot(&Plan::new(2));
    /// let lines: Vec<&str> = snapshot.lines().filter(|line| !line.is_empty()).collect();
    /// assert_eq!(lines, [
    ///     "\"store\" on 2 nodes: 0 requests, 0 faults, 0 fates",
    ///     "0ms node 0 starts",
    ///     "0ms node 1 starts",
    ///     "100ms the world heals",
    ///     "clean",
    /// ]);
    /// ```
    #[must_use]
    pub fn snapshot(&self, plan: &Plan) -> String {
        let Recorded { plan: _, outcome, trace } = self.record(plan);
        let counts = [(plan.requests.len(), "request"), (plan.faults.len(), "fault"), (plan.fates.len(), "fate")];
        let counts = counts.map(|(count, unit)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        let knobs = if plan.knobs.is_empty() { String::new() } else { format!("; {}", plan.knobs) };
        let mut text = format!("{:?} on {} nodes: {}{knobs}\n\n", self.name(), plan.node_count, counts.join(", "));
        for line in trace.lines() {
            text.push_str(&line);
            text.push('\n');
        }
        match &outcome.violation {
            None => text.push_str("\nclean\n"),
            Some(violation) => {
                text.push_str(&format!("\nVIOLATED {violation}\n"));
                violation
                    .breach
                    .because
                    .iter()
                    .for_each(|reason| text.push_str(&format!("  because  {}\n", one_line(reason))));
            }
        }
        text
    }

    /// The line that runs a plan again: `ddc replay snapshots/replays/siblings-9f2c41.toml`. Whoever reads a snapshot wants it,
    /// so it belongs into the snapshot's description:
    ///
    /// ```text
    /// insta::with_settings!({ description => harness.replay_line("ddc", &plan)? }, {
    ///     insta::assert_snapshot!(harness.snapshot(&plan));
    /// });
    /// ```
    ///
    /// `program` is what runs the command line of this system ([`cli`](Self::cli)), such as `cargo run --example lock --`. The plan
    /// is saved where [`snapshots`](Self::snapshots) says, unless it is there already, or the environment says
    /// `DDC_SNAPSHOTS=no`.
    ///
    /// # Errors
    /// If the plan cannot be written.
    ///
    /// # Panics
    /// If the environment says what cannot be understood.
    pub fn replay_line(&self, program: &str, plan: &Plan) -> Result<String, Error> {
        let Recorded { outcome, trace, .. } = self.record(plan);
        let expect = match &outcome.violation {
            Some(violation) => Expect::Violates { check: violation.check.clone() },
            None => Expect::Clean,
        };
        let (system, plan, digest) = (self.name().to_owned(), plan.clone(), Some(outcome.digest));
        let file = PlanFile { system, plan, expect, digest, trace: trace.lines() };
        let path: PathBuf = self.snapshots.join(file.name()?);
        if !path.exists() && Settings::expect_from_env().save {
            file.write_new(&self.snapshots)?;
        }
        Ok(format!("{program} replay {}", shell_word(&path.to_string_lossy())))
    }
}
