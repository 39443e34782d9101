//! Bytes as worlds of the store, and of the textbook with a bug that somebody has planted in it.

use std::sync::LazyLock;

use distributed_data_consistency::cli::{store, textbook};
use distributed_data_consistency::harness::Fuzzer;
use distributed_data_consistency::store::Node;
use distributed_data_consistency::textbook::{Bug, Textbook};

use super::feedback;

static STORE: LazyLock<Fuzzer<Node>> = LazyLock::new(|| store().fuzzer());

/// The store under any requests, faults and fates of messages that bytes can spell, with every check.
pub fn message_order(data: &[u8]) {
    STORE.run_with(data, |outcome| feedback::tally(&outcome.tally));
}

/// The textbook, right or with one known bug, to see what a fuzzer finds.
pub struct TextbookOrder(Fuzzer<Textbook>);

impl TextbookOrder {
    /// Plants the bug of this name; none for the right textbook.
    ///
    /// # Panics
    /// If there is no bug of this name; the message lists them.
    #[must_use]
    pub fn new(bug: Option<&str>) -> Self {
        let bug = bug.map(|name| name.parse::<Bug>().unwrap_or_else(|unknown| panic!("DDC_BUG: {unknown}")));
        Self(textbook(bug).fuzzer())
    }

    /// Runs one input.
    pub fn run(&self, data: &[u8]) {
        self.0.run_with(data, |outcome| feedback::tally(&outcome.tally));
    }
}
