//! Runs in the forms that people and tools look at: what they say is right, whatever the system under test says.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use distributed_data_consistency::Harness;
use distributed_data_consistency::protocol::{Env, NodeId, RequestId, StateMachine};
use distributed_data_consistency::report::RunView;
use distributed_data_consistency::sim::Trace;
use distributed_data_consistency::sweep::{Failure, Seeds, SweepOptions};
use serde_json::Value;

/// Text that tools could take for markup, syntax or an end.
const HOSTILE: &str = "</script><b>&\"'`;#%{}[]\n=== x ===\r\u{202e}\u{2028} end --> n0->>n1: x \\";

#[derive(Debug)]
struct Loud {
    heard: Vec<String>,
}

impl StateMachine for Loud {
    type Message = String;
    type Timer = ();
    type Request = u8;
    type Response = String;
    type Durable = String;

    fn on_request(&mut self, id: RequestId, number: u8, env: &mut Env<'_, Self>) {
        env.persist(|durable| *durable = format!("{HOSTILE}{number}"));
        env.broadcast(&format!("{HOSTILE} {number}"));
        env.mark("asked <b>");
        env.respond(id, HOSTILE.to_owned());
    }

    fn on_message(&mut self, _from: NodeId, message: String, _env: &mut Env<'_, Self>) {
        self.heard.push(message);
    }
}

fn loud(bytes: usize) -> Harness<Loud> {
    let long = "x".repeat(bytes);
    Harness::new("loud <b>", move |_| Loud { heard: vec![long.clone()] })
        .debug_state()
        .requests(|rng| rng.between(1, 9) as u8)
        .at_rest("agreement </script>", |nodes| {
            let counts: Vec<usize> = nodes.up().map(|(_, node)| node.heard.len()).collect();
            if counts.iter().all(|count| *count < 3) { Ok(()) } else { Err(format!("{HOSTILE} {counts:?}")) }
        })
}

struct Shown {
    failure: Failure,
    twin: Option<Trace>,
}

impl Shown {
    fn of(harness: &Harness<Loud>) -> Self {
        let sweep = harness.sweep_with(&SweepOptions::new(Seeds::first(50)), &|_| {});
        let failure = sweep.failures.into_iter().next().expect("three messages are heard somewhere");
        let twin = failure.twin.as_ref().map(|twin| harness.record(&twin.plan).trace);
        Self { failure, twin }
    }

    fn view(&self) -> RunView<'_> {
        RunView {
            system: &self.failure.system,
            node_count: self.failure.shrunk.plan.node_count,
            trace: &self.failure.trace,
            failure: Some(&self.failure),
            twin: self.twin.as_ref(),
            plan: HOSTILE,
            replay: "ddc replay 'a file'",
        }
    }
}

/// The data of a page.
fn data(page: &str) -> Value {
    let (_, from) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(from.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_holds_the_run_and_nothing_gets_out_of_its_data() {
    let shown = Shown::of(&loud(0));
    let page = shown.view().page();
    assert_eq!(page.matches("</script>").count(), 2, "the page's own");
    for forbidden in ["http://", "https://", "src=", "@import", "url("] {
        let rest = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!rest.contains(forbidden), "a page loads nothing: {forbidden}");
    }
    let data = data(&page);
    assert_eq!(data["events"].as_array().unwrap().len(), shown.failure.trace.events.len());
    assert_eq!(data["plan"], HOSTILE);
    assert_eq!(data["violating"], shown.failure.shrunk.violation.step);
    let is_decisive = |event: &Value| event["weight"] == "decisive";
    assert!(data["events"].as_array().unwrap().iter().any(is_decisive));
    let note = data["notes"].as_object().unwrap().values().find(|note| note["memory"].is_string()).unwrap();
    assert!(note["memory"].as_str().unwrap().starts_with("Loud { heard: ["));
}

#[test]
fn shiviz_reads_what_its_rules_ask_for() {
    let shown = Shown::of(&loud(0));
    let log = shown.view().shiviz();
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some(r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})"));
    assert_eq!(lines.next(), Some("=== (?<trace>.*) ==="));
    let (mut executions, mut own) = (Vec::new(), BTreeMap::<String, u64>::new());
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("=== ").and_then(|line| line.strip_suffix(" ===")) {
            assert!(!executions.contains(&name.to_owned()), "names of executions are unique");
            executions.push(name.to_owned());
            own.clear();
            continue;
        }
        let (host, clock) = lines.next().expect("an event has a host").split_once(' ').unwrap();
        let clock: BTreeMap<String, u64> = serde_json::from_str(clock).unwrap();
        let count = own.entry(host.to_owned()).or_default();
        *count += 1;
        assert_eq!(clock.get(host), Some(&*count), "a host's own component rises by one: {line}");
        for (other, known) in &clock {
            let there = own.get(other).copied().unwrap_or(0);
            assert!(*known <= there && there > 0, "{host} knows {known} of {other}, which has {there}");
        }
    }
    assert_eq!(executions, if shown.twin.is_some() { vec!["fail", "pass"] } else { vec!["fail"] });
}

#[test]
fn mermaid_stays_within_the_limits_of_a_forge() {
    let shown = Shown::of(&loud(0));
    let text = shown.view().mermaid();
    assert!(text.starts_with("sequenceDiagram\n") && text.contains("Note over clients,n") && text.contains("VIOLATED"));
    let rest: Vec<&str> = text.lines().skip(1).collect();
    let is_known = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("participant ") || line.starts_with("Note over ") || line.contains(": ")
    };
    assert!(rest.iter().all(is_known), "{text}");
    assert!(
        !text.contains("</script>") && !text.contains(';') || text.matches(';').count() == text.matches('#').count()
    );
    // A run of thousands of messages.
    let plan = loud(0).record_seed(1).plan;
    let long = distributed_data_consistency::sim::Plan {
        node_count: 40,
        requests: (0..60).flat_map(|_| plan.requests.clone()).take(300).collect(),
        ..plan
    };
    let recorded = loud(0).record(&long);
    let view = RunView { node_count: 40, trace: &recorded.trace, failure: None, twin: None, ..shown.view() };
    let text = view.mermaid();
    assert!(text.len() < 50_000 * 4 && text.chars().count() <= 50_000 && text.lines().count() < 1_000);
    assert!(text.contains("not the first "), "it says what is left out");
}

#[test]
fn perfetto_and_json_lines_are_json_and_tell_each_event() {
    let shown = Shown::of(&loud(0));
    let trace: Value = serde_json::from_str(&shown.view().perfetto()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let mut ends: BTreeMap<u64, f64> = BTreeMap::new();
    for slice in events.iter().filter(|event| event["ph"] == "X") {
        let (node, begin) = (slice["tid"].as_u64().unwrap(), slice["ts"].as_f64().unwrap());
        let end = ends.insert(node, begin + slice["dur"].as_f64().unwrap()).unwrap_or(0.0);
        assert!(begin >= end, "slices of a node do not overlap");
    }
    let of = |phase: &str| {
        events.iter().filter(|event| event["ph"] == phase).map(|event| event["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("s"), of("f"), "each arrow has both ends");
    assert!(!of("s").is_empty());
    let lines = shown.view().json_lines();
    let values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(values[0]["record"], "run");
    assert_eq!(values[0]["version"], 1);
    assert_eq!(values.len(), shown.failure.trace.events.len() + 1);
}

#[test]
fn a_value_of_a_mebibyte_harms_nothing() {
    let shown = Shown::of(&loud(1 << 20));
    let view = shown.view();
    assert!(data(&view.page())["notes"].is_object());
    assert!(view.text().len() < 1 << 20 && view.mermaid().len() < 1 << 18);
}
