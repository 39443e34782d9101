//! Names of links and messages. A decision is bound to a name, not to a position, so that removing one decision, or a
//! change of the code under test, does not shift the meaning of all others.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use indexmap::Equivalent;

use crate::protocol::{NodeId, is_hidden, push_escape};

/// One direction between two nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
}

impl Link {
    /// The link from node `from` to node `to`.
    #[must_use]
    pub const fn new(from: usize, to: usize) -> Self {
        Self { from: NodeId::new(from), to: NodeId::new(to) }
    }

    /// The other direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

/// Some links, to be looked up in: by going through them if they are few, else in their order.
pub(super) struct LinkSet<'a> {
    few: &'a [Link],
    many: Vec<Link>,
}

impl<'a> LinkSet<'a> {
    const FEW_MAX: usize = 16;

    pub(super) fn new(links: &'a [Link]) -> Self {
        if links.len() <= Self::FEW_MAX {
            return Self { few: links, many: Vec::new() };
        }
        let mut many = links.to_vec();
        many.sort_unstable();
        Self { few: &[], many }
    }

    pub(super) fn contains(&self, link: Link) -> bool {
        self.few.contains(&link) || self.many.binary_search(&link).is_ok()
    }
}

/// True if some link is there in one direction only.
pub(super) fn has_one_way(links: &[Link]) -> bool {
    // As partitions are drawn, both directions of a pair stand side by side.
    if links.chunks(2).all(|pair| matches!(pair, [link, back] if *back == link.reversed())) {
        return false;
    }
    let set = LinkSet::new(links);
    links.iter().any(|link| !set.contains(link.reversed()))
}

/// `0→1`
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}→{}", self.from, self.to)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names one message of a run: the `number`-th, from 1, of its kind on its link.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageName {
    /// Which link.
    pub link: Link,
    /// What sort, as [`StateMachine::kind`](crate::protocol::StateMachine::kind) says.
    pub kind: Arc<str>,
    /// Which of those, from 1.
    pub number: u32,
}

/// A [`MessageName`] that borrows its kind: what the network looks fates up with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameRef<'a> {
    /// Which link.
    pub link: Link,
    /// What sort.
    pub kind: &'a str,
    /// Which of those, from 1; 0 when nobody counts.
    pub number: u32,
}

impl MessageName {
    /// The same name, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> NameRef<'_> {
        NameRef { link: self.link, kind: &self.kind, number: self.number }
    }
}

impl NameRef<'_> {
    /// The same name, owned.
    #[must_use]
    pub fn into_name(self) -> MessageName {
        MessageName { link: self.link, kind: self.kind.into(), number: self.number }
    }
}

impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.link, self.kind, self.number).hash(state);
    }
}

/// As its borrowed form hashes, so that one can look up the other.
impl Hash for MessageName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Equivalent<MessageName> for NameRef<'_> {
    fn equivalent(&self, name: &MessageName) -> bool {
        *self == name.borrowed()
    }
}

/// `0→1 update #3`, or `0→1 "append entries" #3`.
impl fmt::Display for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} #{}", self.link, show_kind(self.kind), self.number)
    }
}

/// One word is shown as it is, all else in quotes. [`read_kind`] reads it back, whatever it is.
pub(super) fn show_kind(kind: &str) -> Cow<'_, str> {
    let is_word = |c: char| !c.is_whitespace() && !is_hidden(c);
    if !kind.is_empty() && !kind.starts_with('"') && kind.chars().all(is_word) {
        return Cow::Borrowed(kind);
    }
    let mut shown = String::from('"');
    for c in kind.chars() {
        match c {
            '"' | '\\' => shown.extend(['\\', c]),
            c if is_hidden(c) => push_escape(&mut shown, c),
            c => shown.push(c),
        }
    }
    shown.push('"');
    Cow::Owned(shown)
}

/// The kind that `text` begins with, and what comes behind it.
pub(super) fn read_kind(text: &str) -> Option<(Cow<'_, str>, &str)> {
    if let Some((kind, rest)) = text.strip_prefix('"').and_then(read_quoted)
        && rest.starts_with(char::is_whitespace)
    {
        return Some((Cow::Owned(kind), rest));
    }
    let (kind, rest) = text.split_at(text.find(char::is_whitespace)?);
    (!kind.is_empty()).then_some((Cow::Borrowed(kind), rest))
}

/// What stands before the closing quote, and what comes behind it.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut kind = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((kind, chars.as_str())),
            '\\' => kind.push(match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (digits, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                    chars = rest.chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            c => kind.push(c),
        }
    }
}

/// `0→1 update #3`
impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.borrowed(), f)
    }
}

impl fmt::Debug for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text names no link, message or timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseNameError(pub(super) &'static str);

impl fmt::Display for ParseNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ParseNameError {}

/// Reads `0→1` or `0->1`.
impl FromStr for Link {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        const WRONG: ParseNameError = ParseNameError("expected a link like \"0→1\" or \"0->1\"");
        let (from, to) = text.split_once('→').or_else(|| text.split_once("->")).ok_or(WRONG)?;
        let node = |text: &str| text.trim().parse::<u16>().map(usize::from).map_err(|_| WRONG);
        Ok(Self::new(node(from)?, node(to)?))
    }
}

/// Reads `0→1 update #3` or `0->1 update #3`; a kind of several words in quotes.
impl FromStr for MessageName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        const WRONG: ParseNameError = ParseNameError("expected a message like \"0→1 update #3\"");
        let (link, rest) = text.trim().split_once(char::is_whitespace).ok_or(WRONG)?;
        let (kind, number) = read_kind(rest.trim_start()).ok_or(WRONG)?;
        let number = number.trim_start().strip_prefix('#').and_then(|number| number.parse().ok()).ok_or(WRONG)?;
        if number == 0 {
            return Err(ParseNameError("messages are numbered from #1"));
        }
        Ok(Self { link: link.parse()?, kind: kind.into(), number })
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, MessageName};

    #[test]
    fn any_kind_is_read_back() {
        for kind in [
            "update",
            "append entries",
            "",
            " ",
            "#1",
            "\"",
            "\"\"",
            "say \"hi\" #3",
            "a\\b",
            "a\\ b",
            "\\",
            "tab\there",
            "line\nbreak",
            "\u{1b}[31m",
            "\u{202e}abc",
            "\u{a0}",
            "\u{3000}wide",
            "日本",
            "→",
            "\\u{41} x",
        ] {
            let name = MessageName { link: Link::new(0, 12), kind: kind.into(), number: 3 };
            let shown = name.to_string();
            assert_eq!(shown.parse().as_ref(), Ok(&name), "{shown}");
            assert!(!shown.contains(crate::protocol::is_hidden), "{shown:?}");
        }
    }

    #[test]
    fn what_was_read_before_is_read_as_before() {
        let read = |text: &str| {
            text.parse::<MessageName>().map(|name| (name.link.to_string(), name.kind.to_string(), name.number))
        };
        for (text, kind) in
            [("0->1 update #3", "update"), (" 0→1\t#a  #3 ", "#a"), ("0→1 \"a #3", "\"a"), ("0→1 \u{1b} #3", "\u{1b}")]
        {
            assert_eq!(read(text), Ok(("0→1".to_owned(), kind.to_owned(), 3)), "{text}");
        }
        for wrong in [
            "",
            "0→1",
            "0→1 update",
            "0→1 update 3",
            "0→1 update #3 x",
            "0→1 append entries #3",
            "0→1 update #0",
            "0→1 \"a b #3",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
