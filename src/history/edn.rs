//! Histories as Jepsen writes them, for Knossos and Elle.

use std::fmt::Write as _;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::{History, OperationId, Outcome};

/// An operation in Jepsen's words.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Jepsen {
    /// What function: `read`, `write`, `cas`, `txn`. Without the colon.
    pub f: &'static str,
    /// Of what, or with which result.
    pub value: Edn,
    /// False if the answer says that it did not happen, such as of a compare-and-set that found another value.
    pub happened: bool,
}

/// A value of EDN.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Edn {
    /// `nil`
    Nil,
    /// `:append`; without the colon.
    Keyword(&'static str),
    /// `[1 2]`
    Vector(Vec<Edn>),
    /// What serde makes of a value.
    Json(Value),
}

impl Edn {
    /// A value as serde has it; `nil` for what serde cannot say.
    pub fn of(value: &impl Serialize) -> Self {
        serde_json::to_value(value).map_or(Self::Nil, Self::Json)
    }
}

impl Jepsen {
    /// An operation that happened.
    #[must_use]
    pub fn new(f: &'static str, value: Edn) -> Self {
        Self { f, value, happened: true }
    }

    /// Whether it happened.
    #[must_use]
    pub fn happened(mut self, happened: bool) -> Self {
        self.happened = happened;
        self
    }
}

impl<I, O> History<I, O> {
    /// The history in EDN, a line for each call and each return, as Jepsen writes it:
    ///
    /// ```text
    /// {:index 0, :time 1000000, :type :invoke, :process 0, :f :write, :value 7}
    /// {:index 1, :time 2000000, :type :ok, :process 0, :f :write, :value 7}
    /// ```
    ///
    /// `form` says an input, and its output if there is one, in Jepsen's words; for the models that come along
    /// [`jepsen`](crate::check::linearizability::jepsen) does. A process has one operation at a time, and none after one of unknown
    /// outcome: where a session goes on then, it is another process. What never returned ends with `:info`, at the end of the history.
    pub fn to_edn(&self, form: impl Fn(&I, Option<&O>) -> Jepsen) -> String {
        let mut out = String::new();
        let mut processes = Processes::default();
        let mut index = 0_u64;
        let mut write = |time: u64, kind: &str, process: u64, Jepsen { f, value, .. }: &Jepsen| {
            _ = write!(out, "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f :{f}, :value ");
            push(&mut out, value);
            out.push_str("}\n");
            index += 1;
        };
        let mut last = 0;
        for (id, is_return) in self.events() {
            let Some(operation) = self.get(id) else { continue };
            if !is_return {
                last = operation.called.at.as_nanos();
                let process = processes.begin(id, operation.session);
                write(last, "invoke", process, &form(&operation.input, None));
                continue;
            }
            last = operation.ended.map_or(last, |ended| ended.at.as_nanos());
            let (kind, said) = match &operation.outcome {
                Outcome::Known(output) => {
                    let said = form(&operation.input, Some(output));
                    (if said.happened { "ok" } else { "fail" }, said)
                }
                Outcome::Failed => ("fail", form(&operation.input, None)),
                Outcome::Unknown(_) => ("info", form(&operation.input, None)),
            };
            write(last, kind, processes.end(id, kind == "info"), &said);
        }
        for (id, operation) in (0..).map(OperationId).zip(&self.operations) {
            if operation.ended.is_none() {
                write(last, "info", processes.end(id, true), &form(&operation.input, None));
            }
        }
        out
    }
}

/// Which process does what.
#[derive(Default)]
struct Processes {
    count: u64,
    /// Of each session, those that have nothing to do.
    idle: IndexMap<u64, Vec<u64>, foldhash::fast::FixedState>,
    /// Of each operation that goes on.
    busy: IndexMap<OperationId, (u64, u64), foldhash::fast::FixedState>,
}

impl Processes {
    fn begin(&mut self, id: OperationId, session: u64) -> u64 {
        let process = self.idle.entry(session).or_default().pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.busy.insert(id, (session, process));
        process
    }

    fn end(&mut self, id: OperationId, is_for_good: bool) -> u64 {
        let (session, process) = self.busy.swap_remove(&id).unwrap_or_default();
        if !is_for_good {
            self.idle.entry(session).or_default().push(process);
        }
        process
    }
}

fn push(out: &mut String, value: &Edn) {
    match value {
        Edn::Nil => out.push_str("nil"),
        Edn::Keyword(word) => _ = write!(out, ":{word}"),
        Edn::Vector(values) => push_all(out, values, push),
        Edn::Json(value) => push_json(out, value),
    }
}

fn push_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("nil"),
        Value::Bool(value) => _ = write!(out, "{value}"),
        Value::Number(value) => _ = write!(out, "{value}"),
        Value::String(text) => push_text(out, text),
        Value::Array(values) => push_all(out, values, push_json),
        Value::Object(fields) => {
            out.push('{');
            for (place, (name, value)) in fields.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { ", " });
                push_text(out, name);
                out.push(' ');
                push_json(out, value);
            }
            out.push('}');
        }
    }
}

fn push_all<T>(out: &mut String, values: &[T], push: impl Fn(&mut String, &T)) {
    out.push('[');
    for (place, value) in values.iter().enumerate() {
        out.push_str(if place == 0 { "" } else { " " });
        push(out, value);
    }
    out.push(']');
}

fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}
