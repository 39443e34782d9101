//! What happened in a run, counted.

use indexmap::IndexMap;

/// Counts of what happened in one run, or in many: tallies add up, in any order, to the same sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps: inputs that a node handled.
    pub steps: u64,
    /// Requests that reached a node.
    pub requests: u64,
    /// Requests that found their node down.
    pub requests_lost: u64,
    /// Responses.
    pub responses: u64,
    /// Timers that fired.
    pub timers: u64,
    /// Messages handed to the network.
    pub sent: u64,
    /// Messages, and copies of messages, that a node took.
    pub delivered: u64,
    /// Messages whose fate was another delay than the base latency.
    pub delayed: u64,
    /// Deliveries after one that was sent later over the same link.
    pub reordered: u64,
    /// Messages that the network lost.
    pub dropped: u64,
    /// Copies beyond the first.
    pub duplicated: u64,
    /// Of those, the ones that came long after the first.
    pub duplicated_late: u64,
    /// Messages and copies lost because their link was cut.
    pub cut: u64,
    /// Messages and copies that found their receiver down.
    pub down: u64,
    /// Partitions in which each link was cut both ways.
    pub partitions: u64,
    /// Partitions with a link that was cut one way only.
    pub partitions_one_way: u64,
    /// Crashes.
    pub crashes: u64,
    /// Of those, the ones in the middle of a step.
    pub crashes_in_step: u64,
    /// Restarts.
    pub restarts: u64,
    /// Virtual time covered, in nanoseconds.
    pub virtual_nanos: u64,
    /// Marks, and what checks count, by name.
    pub marks: IndexMap<&'static str, u64>,
}

impl Tally {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.numbers_mut().into_iter().zip(other.clone().numbers_mut()) {
            *mine += *theirs;
        }
        for (mark, count) in &other.marks {
            self.mark(mark, *count);
        }
        self.marks.sort_unstable_keys();
    }

    /// Counts `count` more of `mark`.
    pub fn mark(&mut self, mark: &'static str, count: u64) {
        *self.marks.entry(mark).or_default() += count;
    }

    /// The faults that fired, by name, in the order in which a summary shows them.
    #[must_use]
    pub fn faults(&self) -> [(&'static str, u64); 12] {
        [
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
        ]
    }

    fn numbers_mut(&mut self) -> [&mut u64; 20] {
        let Self {
            steps,
            requests,
            requests_lost,
            responses,
            timers,
            sent,
            delivered,
            delayed,
            reordered,
            dropped,
            duplicated,
            duplicated_late,
            cut,
            down,
            partitions,
            partitions_one_way,
            crashes,
            crashes_in_step,
            restarts,
            virtual_nanos,
            marks: _,
        } = self;
        [
            steps,
            requests,
            requests_lost,
            responses,
            timers,
            sent,
            delivered,
            delayed,
            reordered,
            dropped,
            duplicated,
            duplicated_late,
            cut,
            down,
            partitions,
            partitions_one_way,
            crashes,
            crashes_in_step,
            restarts,
            virtual_nanos,
        ]
    }
}
