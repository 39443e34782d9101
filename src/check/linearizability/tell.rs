//! A history that cannot be ordered, in words.

use super::narrow::Narrowed;
use super::{Call, Model};
use crate::check::{Breach, Misfit};
use crate::history::OperationId;
use crate::protocol::Time;

/// So many operations are told of each sort.
const TOLD_MAX: usize = 3;

/// What is known of the history that is told.
pub(in crate::check) struct Told<'a, S: Model> {
    pub(in crate::check) model: &'a S,
    /// What a session is called: `node` or `session`.
    pub(in crate::check) who: &'static str,
    /// Which part of the object this is about.
    pub(in crate::check) key: Option<&'a S::Key>,
    /// Where the operations must be ordered, such as `that keeps each session's order `; empty if in real time.
    pub(in crate::check) order: &'static str,
    /// Whose an operation is, when it was called and when it ended.
    pub(in crate::check) span: &'a dyn Fn(OperationId) -> Span,
}

/// Whose an operation is, when it was called and when it ended.
#[derive(Clone, Copy)]
pub(in crate::check) struct Span {
    pub(in crate::check) session: u64,
    pub(in crate::check) called: Time,
    pub(in crate::check) ended: Option<Time>,
}

/// What does not fit.
pub(in crate::check) fn misfit<S: Model>(told: &Told<'_, S>, found: &Narrowed<'_, S>) -> Misfit {
    let Narrowed { search, order, stuck, .. } = found;
    let span = (told.span)(stuck.id);
    // What overlaps it, and is not ordered either.
    let is_ordered = |id: OperationId| order.iter().any(|step| search.call(*step).id == id);
    let beside = search.calls().filter(|call| call.id != stuck.id && call.called < stuck.returned);
    let beside: Vec<&Call<'_, S>> = beside.filter(|call| !is_ordered(call.id)).collect();
    let subject = told.key.map(|key| format!("key {key:?}")).unwrap_or_default();
    let about = if subject.is_empty() { String::new() } else { format!("{subject}: ") };
    let (which, who, session) = (told.order, told.who, span.session);
    let shown = told.model.show(stuck.input, stuck.output);
    let summary = format!("{about}no order {which}explains {shown} of {who} {session}");
    let mut breach = Breach::new("unordered", summary).about(subject);
    let ended = span.ended.unwrap_or(span.called);
    breach = breach.because(format!("it was asked at {} and answered at {ended}", span.called));
    breach = breach.because(tell_order(told, found));
    if !beside.is_empty() {
        breach = breach.because(format!("what overlaps it does not help: {}", tell_some(told, beside.iter().copied())));
    }
    let ordered = order.iter().map(|step| search.call(*step).id).collect();
    let stuck = std::iter::once(stuck.id).chain(beside.iter().map(|call| call.id)).collect();
    Misfit { stuck, ordered, breach }
}

/// `what was answered before can be ordered: write 7 (node 0, 1ms to 2ms); the state is 7 then`
fn tell_order<S: Model>(told: &Told<'_, S>, Narrowed { search, order, state, .. }: &Narrowed<'_, S>) -> String {
    if order.is_empty() {
        return format!("nothing can come before it; the state is {state:?} then");
    }
    let last = &order[order.len().saturating_sub(TOLD_MAX)..];
    let shown = tell_some(told, last.iter().map(|step| search.call(*step)));
    let all = if order.len() > TOLD_MAX { format!("{} operations, at last ", order.len()) } else { String::new() };
    format!("what was answered before can be ordered: {all}{shown}; the state is {state:?} then")
}

/// The first few of these, and how many there are more.
fn tell_some<'a, S: Model + 'a>(told: &Told<'_, S>, calls: impl ExactSizeIterator<Item = &'a Call<'a, S>>) -> String {
    let more = calls.len().saturating_sub(TOLD_MAX);
    let mut shown: Vec<String> = calls.take(TOLD_MAX).map(|call| tell_call(told, call)).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

/// `write 7 (node 0, 1ms to 2ms)`
fn tell_call<S: Model>(told: &Told<'_, S>, call: &Call<'_, S>) -> String {
    let Span { session, called, ended } = (told.span)(call.id);
    let time = match (call.output, ended) {
        (Some(_), Some(ended)) => format!("{called} to {ended}"),
        _ => format!("from {called}"),
    };
    format!("{} ({} {session}, {time})", told.model.show(call.input, call.output), told.who)
}
