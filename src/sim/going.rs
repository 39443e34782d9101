//! What keeps a world going that does not come to rest: which messages and timers, counted.

use std::fmt;

use indexmap::{IndexMap, IndexSet};

use super::Link;
use crate::protocol::{NodeId, Time};

/// A timer's text is cut off after so many characters.
const TEXT_LENGTH_MAX: usize = 40;

/// What kept a world going in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Going {
    /// From when on it was looked at.
    pub since: Time,
    /// What nodes handled from then on: the most frequent first.
    pub handled: Vec<Share>,
    /// What was pending at the end: the most frequent first. Only where [that](super::Limits::pending_count_max) was too much.
    pub pending: Vec<Share>,
    /// About how many bytes that took.
    pub pending_bytes: u64,
}

/// Things of one kind, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which kind: `message "ping"`, `timer Tick`.
    pub what: String,
    /// How many.
    pub count: u64,
    /// In how many places: links, or nodes.
    pub place_count: usize,
    /// The place with the most of them: `0→1`, `node 3`.
    pub place: String,
}

/// Four parts: how often, what, and where.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, count, place_count, place } = self;
        match place_count {
            1 => write!(f, "{count} × {what} ({place})"),
            _ => write!(f, "{count} × {what} ({place} and {} more)", place_count - 1),
        }
    }
}

/// One thing that is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Seen {
    Message(&'static str, Link),
    Timer(String, NodeId),
    Start(NodeId),
    Request(NodeId),
}

impl Seen {
    /// Its kind. Timers that differ in numbers alone, as one with a counter in it does, are of one kind.
    fn kind(&self) -> String {
        match self {
            Self::Message(kind, _) => format!("message \"{kind}\""),
            Self::Timer(text, _) => format!("timer {}", without_numbers(text)),
            Self::Start(_) => "start".to_owned(),
            Self::Request(_) => "request".to_owned(),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Message(_, link) => link.to_string(),
            Self::Timer(_, node) | Self::Start(node) | Self::Request(node) => format!("node {node}"),
        }
    }
}

/// Things of one kind, as they are counted.
#[derive(Default)]
struct Kind {
    count: u64,
    /// The text of all of them, if they have the same: numbers included.
    exact: Option<String>,
    /// In the order of how many there are.
    places: IndexSet<String>,
}

/// Counts things by kind and place.
#[derive(Debug, Default)]
pub(super) struct Census(IndexMap<Seen, u64, foldhash::fast::FixedState>);

impl Census {
    pub(super) fn note(&mut self, seen: Seen) {
        *self.0.entry(seen).or_default() += 1;
    }

    /// What there is most of comes first; of as many of two kinds, the one whose name comes first.
    pub(super) fn shares(self) -> Vec<Share> {
        let mut counted: Vec<(Seen, u64)> = self.0.into_iter().collect();
        counted.sort_unstable_by(|(seen, count), (other, more)| more.cmp(count).then_with(|| seen.cmp(other)));
        let mut kinds: IndexMap<String, Kind> = IndexMap::new();
        for (seen, count) in counted {
            let exact = if let Seen::Timer(text, _) = &seen { Some(format!("timer {text}")) } else { None };
            let kind = kinds.entry(seen.kind()).or_insert_with(|| Kind { exact: exact.clone(), ..Kind::default() });
            kind.count += count;
            kind.places.insert(seen.place());
            kind.exact = kind.exact.take().filter(|text| Some(text) == exact.as_ref());
        }
        let share = |(what, Kind { count, exact, places }): (String, Kind)| {
            let (what, place_count) = (exact.unwrap_or(what), places.len());
            Share { what, count, place_count, place: places.into_iter().next().unwrap_or_default() }
        };
        let mut shares: Vec<Share> = kinds.into_iter().map(share).collect();
        shares.sort_by(|share, other| other.count.cmp(&share.count).then_with(|| share.what.cmp(&other.what)));
        shares
    }
}

/// A timer's text, cut off if it is long.
pub(super) fn text_of(timer: &impl fmt::Debug) -> String {
    let text = format!("{timer:?}");
    match text.char_indices().nth(TEXT_LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The text with `#` for each number.
pub(super) fn without_numbers(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' if told.ends_with('#') => {}
            '0'..='9' => told.push('#'),
            other => told.push(other),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::{Census, Link, NodeId, Seen};

    #[test]
    fn what_there_is_most_of_is_told_first() {
        let mut census = Census::default();
        for number in 0..9 {
            census.note(Seen::Timer(format!("Tick({number})"), NodeId::new(1)));
            census.note(Seen::Timer("Beat(7)".to_owned(), NodeId::new(number % 2)));
            census.note(Seen::Message("ping", Link::new(number % 3, 0)));
            census.note(Seen::Message("pong", Link::new(0, 1)));
        }
        census.note(Seen::Message("pong", Link::new(0, 1)));
        census.note(Seen::Message("ping", Link::new(2, 0)));
        census.note(Seen::Message("ping", Link::new(2, 0)));
        let told: Vec<String> = census.shares().iter().map(ToString::to_string).collect();
        let expected = [
            "11 × message \"ping\" (2→0 and 2 more)",
            "10 × message \"pong\" (0→1)",
            "9 × timer Beat(7) (node 0 and 1 more)",
            "9 × timer Tick(#) (node 1)",
        ];
        assert_eq!(told, expected);
    }
}
