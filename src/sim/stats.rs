//! What happened in a run, counted.

use indexmap::IndexMap;

/// Declares the stats, and how two of them add up, from one list.
macro_rules! stats {
    ($($(#[$doc:meta])+ $name:ident),+ $(,)?) => {
        /// Counts of what happened in one run, or in many: stats add up, in any order, to the same sum.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Stats {
            $($(#[$doc])+ pub $name: u64,)+
            /// Marks, and what checks count, by name.
            pub marks: IndexMap<&'static str, u64, foldhash::fast::FixedState>,
            /// How often each fault of each scenario struck, by the scenario's name and the fault's place in it.
            pub scenarios: IndexMap<(&'static str, u32), u64, foldhash::fast::FixedState>,
        }

        impl Stats {
            /// Adds `other`.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)+
                for (mark, count) in &other.marks {
                    self.mark(mark, *count);
                }
                self.marks.sort_unstable_keys();
                for (fault, count) in &other.scenarios {
                    *self.scenarios.entry(*fault).or_default() += count;
                }
                self.scenarios.sort_unstable_keys();
            }
        }
    };
}

stats! {
    /// Steps: inputs that a node handled.
    steps,
    /// Requests that reached a node.
    requests,
    /// Requests that found their node down.
    requests_lost,
    /// Responses.
    responses,
    /// Timers that fired.
    timers,
    /// Timers that were set to fire late.
    timers_late,
    /// Faults that waited for a moment.
    armed,
    /// Of those, the ones that struck.
    struck,
    /// Messages handed to the network.
    sent,
    /// Messages, and copies of messages, that a node took.
    delivered,
    /// Messages whose fate was another delay than the base latency.
    delayed,
    /// Deliveries after one that was sent later over the same link.
    reordered,
    /// Messages that the network lost.
    dropped,
    /// Copies beyond the first.
    duplicated,
    /// Of those, the ones that came long after the first.
    duplicated_late,
    /// Messages and copies lost because their link was cut.
    cut,
    /// Messages and copies that found their receiver down.
    down,
    /// Partitions in which each link was cut both ways.
    partitions,
    /// Partitions with a link that was cut one way only.
    partitions_one_way,
    /// Crashes.
    crashes,
    /// Of those, the ones in the middle of a step.
    crashes_in_step,
    /// Of the crashes, the ones that took the durable state along.
    wipes,
    /// Restarts.
    restarts,
    /// Pauses.
    pauses,
    /// Nodes that were not of the core that healed.
    abandoned,
    /// Crashes that took writes that were not synced.
    disk_losses,
    /// Writes that failed.
    disk_errors,
    /// Sessions of stream links that broke.
    sessions_broken,
    /// Messages lost with their session, or sent without one.
    broken,
    /// Requests that a client made again.
    retries,
    /// Runs whose time to settle was up before they came to rest: timers kept them going.
    ended_by_time,
    /// Virtual time covered, in nanoseconds.
    virtual_nanos,
}

impl Stats {
    /// Counts `count` more of `mark`.
    pub fn mark(&mut self, mark: &'static str, count: u64) {
        *self.marks.entry(mark).or_default() += count;
    }

    /// The faults that fired, by name, in the order in which a summary shows them; those that only some profiles have stand at
    /// the end, if they fired.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        let rare = [
            ("timers_late", self.timers_late),
            ("wipes", self.wipes),
            ("pauses", self.pauses),
            ("abandoned", self.abandoned),
            ("disk_losses", self.disk_losses),
            ("disk_errors", self.disk_errors),
            ("sessions_broken", self.sessions_broken),
            ("broken", self.broken),
            ("retries", self.retries),
        ];
        let mut faults = vec![
            ("delayed", self.delayed),
            ("reordered", self.reordered),
            ("dropped", self.dropped),
            ("duplicated", self.duplicated),
            ("duplicated_late", self.duplicated_late),
            ("partitions", self.partitions),
            ("partitions_one_way", self.partitions_one_way),
            ("cut", self.cut),
            ("crashes", self.crashes),
            ("crashes_in_step", self.crashes_in_step),
            ("restarts", self.restarts),
            ("down", self.down),
        ];
        faults.extend(rare.into_iter().filter(|(_, count)| *count > 0));
        faults
    }
}
