//! What changed in a state, told from its `Debug` text alone: `term 1 → 2, voted_for None → Some(0)`.

use std::fmt;

/// A value in a sentence is cut after so many characters.
const VALUE_CHARS: usize = 48;
/// Of a list that grew at most so many new items are told one by one.
const ITEMS_MAX: usize = 3;

/// One difference between two states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: the names of fields, from the outside in, such as `log[2].term`; empty if the state has no fields.
    pub place: String,
    /// What was there; `None` if it is new.
    pub before: Option<String>,
    /// What is there now; `None` if it is no longer there.
    pub after: Option<String>,
}

/// `term 1 → 2`, `log + Entry { term: 2 }`, `votes − 1`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.place.is_empty() { "state" } else { &self.place };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{place} {} → {}", short(before), short(after)),
            (None, Some(after)) => write!(f, "{place} + {}", short(after)),
            (Some(before), None) => write!(f, "{place} − {}", short(before)),
            (None, None) => f.write_str(place),
        }
    }
}

fn short(value: &str) -> String {
    if value.chars().count() <= VALUE_CHARS {
        return value.to_owned();
    }
    value.chars().take(VALUE_CHARS - 1).chain(['…']).collect()
}

/// What differs between two states, in the order of their fields. Costs the length of the texts, and for sets and maps a look at each
/// pair of their items.
#[must_use]
pub fn differences(before: &str, after: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), before.trim(), after.trim(), &mut found);
    found
}

fn compare(place: String, before: &str, after: &str, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    match (Shape::of(before), Shape::of(after)) {
        (Shape::Fields(name, one), Shape::Fields(other, two)) if name == other && same_keys(&one, &two) => {
            for ((key, before), (_, after)) in one.into_iter().zip(two) {
                compare(join(&place, key), before, after, found);
            }
        }
        (Shape::Items("", '[', one), Shape::Items("", '[', two)) => compare_lists(place, &one, &two, found),
        (Shape::Items("", '{', one), Shape::Items("", '{', two)) => compare_sets(&place, &one, &two, found),
        (Shape::Items(name, '(', one), Shape::Items(other, '(', two)) if name == other && one.len() == two.len() => {
            let only = one.len() == 1;
            for (index, (before, after)) in one.iter().zip(&two).enumerate() {
                // `Some(Entry { term: 1 })`: the wrapping says nothing.
                let is_plain = matches!(Shape::of(before), Shape::Atom);
                match (only, is_plain) {
                    (true, true) => {
                        found.push(changed(place.clone(), &format!("{name}({before})"), &format!("{name}({after})")))
                    }
                    (true, false) => compare(place.clone(), before, after, found),
                    (false, _) => compare(join(&place, &index.to_string()), before, after, found),
                }
            }
        }
        _ => found.push(changed(place, before, after)),
    }
}

/// Lists change at their end most often.
fn compare_lists(place: String, before: &[&str], after: &[&str], found: &mut Vec<Difference>) {
    let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    if same == before.len() || same == after.len() {
        let (longer, is_new) = if before.len() < after.len() { (after, true) } else { (before, false) };
        tell_items(&place, &longer[same..], is_new, found);
    } else if before.len() == after.len() {
        for (index, (before, after)) in before.iter().zip(after).enumerate() {
            compare(format!("{place}[{index}]"), before, after, found);
        }
    } else {
        found.push(changed(place, &format!("[{}]", before.join(", ")), &format!("[{}]", after.join(", "))));
    }
}

/// Sets, and maps from keys to values.
fn compare_sets(place: &str, before: &[&str], after: &[&str], found: &mut Vec<Difference>) {
    let key_of = |item: &str| split_key(item).map(|(key, _)| key.to_owned());
    let (mut lost, mut new) = (Vec::new(), Vec::new());
    for item in before.iter().filter(|item| !after.contains(item)) {
        match key_of(item).and_then(|key| after.iter().find(|other| key_of(other).as_ref() == Some(&key))) {
            Some(other) => {
                let (key, value) = split_key(item).expect("expect: it has a key");
                let (_, now) = split_key(other).expect("expect: it has the same key");
                compare(format!("{place}[{key}]"), value, now, found);
            }
            None => lost.push(*item),
        }
    }
    let was_there = |item: &str| {
        before.contains(&item)
            || key_of(item).is_some_and(|key| before.iter().any(|other| key_of(other).as_ref() == Some(&key)))
    };
    new.extend(after.iter().copied().filter(|item| !was_there(item)));
    tell_items(place, &lost, false, found);
    tell_items(place, &new, true, found);
}

fn tell_items(place: &str, items: &[&str], is_new: bool, found: &mut Vec<Difference>) {
    let tell = |text: String| match is_new {
        true => Difference { place: place.to_owned(), before: None, after: Some(text) },
        false => Difference { place: place.to_owned(), before: Some(text), after: None },
    };
    if items.len() > ITEMS_MAX {
        found.push(tell(format!("{} items", items.len())));
    } else {
        found.extend(items.iter().map(|item| tell((*item).to_owned())));
    }
}

fn changed(place: String, before: &str, after: &str) -> Difference {
    Difference { place, before: Some(before.to_owned()), after: Some(after.to_owned()) }
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn same_keys(one: &[(&str, &str)], two: &[(&str, &str)]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|((one, _), (two, _))| one == two)
}

/// One level of a `Debug` text.
enum Shape<'a> {
    /// `Name { key: value }`.
    Fields(&'a str, Vec<(&'a str, &'a str)>),
    /// `[a, b]`, `{a, b}` or `Name(a, b)`: the name, the bracket, the items.
    Items(&'a str, char, Vec<&'a str>),
    /// Anything else, whatever it is.
    Atom,
}

impl<'a> Shape<'a> {
    fn of(text: &'a str) -> Self {
        let Some(open) = text.find(['{', '[', '(']) else { return Self::Atom };
        let name = text[..open].trim_end();
        let is_name = name.chars().all(|char| char.is_alphanumeric() || char == '_' || char == ':');
        let bracket = text[open..].chars().next().expect("expect: it was found");
        if !is_name || !text.ends_with(closing(bracket)) {
            return Self::Atom;
        }
        let Some(items) = split(&text[open + 1..text.len() - 1]) else { return Self::Atom };
        match bracket {
            '{' if !name.is_empty() => {
                let fields: Option<Vec<_>> = items.iter().map(|item| split_key(item)).collect();
                fields.map_or(Self::Atom, |fields| Self::Fields(name, fields))
            }
            bracket => Self::Items(name, bracket, items),
        }
    }
}

const fn closing(bracket: char) -> char {
    match bracket {
        '{' => '}',
        '[' => ']',
        _ => ')',
    }
}

/// `key: value`, where the colon is not within brackets or quotes.
fn split_key(item: &str) -> Option<(&str, &str)> {
    let place = at_top(item).find(|(place, _)| item[*place..].starts_with(": "))?.0;
    Some((item[..place].trim(), item[place + 2..].trim()))
}

/// The items between commas that are not within brackets or quotes; `None` if brackets do not match.
fn split(inner: &str) -> Option<Vec<&str>> {
    let (mut items, mut begin, mut top) = (Vec::new(), 0, at_top(inner));
    for (place, char) in top.by_ref() {
        if char == ',' {
            items.push(inner[begin..place].trim());
            begin = place + 1;
        }
    }
    if top.depth != 0 {
        return None;
    }
    items.push(inner[begin..].trim());
    items.retain(|item| !item.is_empty());
    Some(items)
}

/// The characters of a text that stand in no bracket and no quotes.
struct AtTop<'a> {
    chars: std::str::CharIndices<'a>,
    depth: i32,
    quoted: bool,
}

fn at_top(text: &str) -> AtTop<'_> {
    AtTop { chars: text.char_indices(), depth: 0, quoted: false }
}

impl Iterator for AtTop<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<(usize, char)> {
        loop {
            let (place, char) = self.chars.next()?;
            match char {
                '\\' if self.quoted => _ = self.chars.next(),
                '"' => self.quoted = !self.quoted,
                _ if self.quoted => {}
                '{' | '[' | '(' => self.depth += 1,
                '}' | ']' | ')' => {
                    self.depth -= 1;
                    if self.depth < 0 {
                        return None;
                    }
                }
                char if self.depth == 0 => return Some((place, char)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::differences;

    fn told(before: &str, after: &str) -> String {
        differences(before, after).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn fields_lists_maps_and_values_that_are_wrapped() {
        assert_eq!(
            told("Raft { term: 1, vote: None, log: [] }", "Raft { term: 2, vote: Some(1), log: [] }"),
            "term 1 → 2, vote None → Some(1)"
        );
        assert_eq!(told("R { log: [E { t: 1 }] }", "R { log: [E { t: 1 }, E { t: 2 }] }"), "log + E { t: 2 }");
        assert_eq!(told("R { log: [1, 2, 3] }", "R { log: [1] }"), "log − 2, log − 3");
        assert_eq!(told("R { next: {0: 1, 2: 5} }", "R { next: {0: 3, 2: 5, 1: 9} }"), "next[0] 1 → 3, next + 1: 9");
        assert_eq!(told("R { acks: {1} }", "R { acks: {1, 2} }"), "acks + 2");
        assert_eq!(told("R { lead: Some(L { n: 1, m: 0 }) }", "R { lead: Some(L { n: 2, m: 0 }) }"), "lead.n 1 → 2");
        assert_eq!(told("Follower", "Candidate"), "state Follower → Candidate");
        assert_eq!(told("R { role: F }", "R { role: L { n: 1 } }"), "role F → L { n: 1 }");
        assert_eq!(told("W(1, 2)", "W(1, 3)"), "1 2 → 3");
        assert_eq!(told("R { s: \"a, b: {\" }", "R { s: \"c]\" }"), "s \"a, b: {\" → \"c]\"");
        assert_eq!(told("same", "same"), "");
    }

    #[test]
    fn texts_that_are_no_debug_texts_are_told_as_they_are() {
        for (before, after) in [("{[(", ")]}"), ("a{b}c", "a{b}d"), ("", "x"), ("R { a: [1 }", "R { a: 2 }")] {
            assert_eq!(differences(before, after).len(), 1, "{before} {after}");
        }
        assert!(told("a", &"ü".repeat(1_000)).chars().count() < 80);
    }
}
