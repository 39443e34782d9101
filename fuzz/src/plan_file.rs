//! Bytes as the text of a plan file.

use std::path::Path;
use std::sync::LazyLock;

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::store;
use distributed_data_consistency::replay::{Error, PlanFile};
use distributed_data_consistency::store::Node;

static STORE: LazyLock<Harness<Node>> = LazyLock::new(store);

/// Any text is an error, or a plan whose written form is read as that plan.
///
/// # Panics
/// If not.
pub fn plan_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let file = match parse(&text) {
        Ok(file) => file,
        Err(error) => {
            let line_count = text.lines().count().max(1) + 1;
            assert!(error.line.is_none_or(|line| (1..=line_count).contains(&line)), "there is no such line: {error}");
            return;
        }
    };
    let written = file.to_toml().expect("expect: what was read can be written");
    let again = match parse(&written) {
        Ok(again) => again,
        Err(error) => panic!("what was written is not read: {error}\n{written}"),
    };
    assert_eq!(again.to_toml().as_ref(), Ok(&written), "what was written is read as something else");
    assert_eq!(again.expect, file.expect);
    assert_eq!(again.plan.decision_count(), file.plan.decision_count());
    assert_eq!(again.plan.fates, file.plan.fates);
    assert_eq!(again.plan.requests, file.plan.requests);
}

fn parse(text: &str) -> Result<PlanFile, Error> {
    let clients = STORE.system().clients.as_ref().expect("expect: the store has clients");
    PlanFile::from_toml(Path::new("plan.toml"), text, &|value| clients.parse(value))
}
