//! What may stand on a line of the demo.

use std::collections::BTreeSet;

/// A value of the demo: what is in a basket, say.
pub(super) type Items = BTreeSet<String>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Put { node: usize, key: String, items: Items },
    Get { node: usize, key: String },
    Delete { node: usize, key: String },
    Resolve { node: usize, key: String },
    Isolate { node: usize },
    Cut { left: usize, right: usize },
    HealAll,
    Heal { left: usize, right: usize },
    Crash { node: usize },
    Restart { node: usize },
    Show,
    Help,
    Quit,
}

/// What there is to say, and what it does.
pub(super) const HELP: [(&str, &str); 12] = [
    ("put NODE KEY ITEM...", "write a set of items, over what that node has of the key"),
    ("get NODE KEY", "read it: more than one value if nobody has settled which counts"),
    ("resolve NODE KEY", "settle it: write all items of all values, over all of them"),
    ("delete NODE KEY", "delete what that node has of it"),
    ("cut NODE NODE", "cut the link between two nodes"),
    ("cut NODE", "cut a node off from all others"),
    ("heal NODE NODE", "mend the link between two nodes"),
    ("heal", "mend all links"),
    ("crash NODE", "a node loses all that it holds"),
    ("restart NODE", "it comes back empty, and asks the others"),
    ("show", "what each node holds"),
    ("quit", "end; so does the end of input"),
];

/// Reads a line; `None` if there is nothing on it but a comment.
///
/// # Errors
/// What was expected instead.
pub(super) fn parse(line: &str, node_count: usize) -> Result<Option<Command>, String> {
    let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
    let Some((verb, rest)) = words.split_first() else { return Ok(None) };
    let node = |word: &str| {
        let node = word.parse().ok().filter(|node| *node < node_count);
        node.ok_or_else(|| format!("\"{}\": expected a node from 0 to {}", word.escape_debug(), node_count - 1))
    };
    let pair = |left: &str, right: &str| {
        let (left, right) = (node(left)?, node(right)?);
        if left == right { Err(format!("expected two nodes: {left} has no link to itself")) } else { Ok((left, right)) }
    };
    let command = match (*verb, rest) {
        ("put", [at, key, items @ ..]) if !items.is_empty() => {
            let items = items.iter().map(|item| (*item).to_owned()).collect();
            Command::Put { node: node(at)?, key: (*key).to_owned(), items }
        }
        ("get", [at, key]) => Command::Get { node: node(at)?, key: (*key).to_owned() },
        ("delete", [at, key]) => Command::Delete { node: node(at)?, key: (*key).to_owned() },
        ("resolve", [at, key]) => Command::Resolve { node: node(at)?, key: (*key).to_owned() },
        ("cut", [at]) => Command::Isolate { node: node(at)? },
        ("cut", [left, right]) => pair(left, right).map(|(left, right)| Command::Cut { left, right })?,
        ("heal", []) => Command::HealAll,
        ("heal", [left, right]) => pair(left, right).map(|(left, right)| Command::Heal { left, right })?,
        ("crash", [at]) => Command::Crash { node: node(at)? },
        ("restart", [at]) => Command::Restart { node: node(at)? },
        ("show", []) => Command::Show,
        ("help", _) => Command::Help,
        ("quit" | "exit", _) => Command::Quit,
        (verb, _) => return Err(expected(verb)),
    };
    Ok(Some(command))
}

fn expected(verb: &str) -> String {
    let forms: Vec<String> = HELP
        .iter()
        .filter(|(form, _)| form.split(' ').next() == Some(verb))
        .map(|(form, _)| format!("\"{form}\""))
        .collect();
    match forms.is_empty() {
        false => format!("expected {}", forms.join(" or ")),
        true => format!("there is no command \"{}\": \"help\" lists them", verb.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, parse};

    #[test]
    fn lines_are_read() {
        let items = ["bread".to_owned(), "milk".to_owned()].into();
        let put = Command::Put { node: 0, key: "cart".to_owned(), items };
        assert_eq!(parse("  put 0 cart milk bread # both", 3), Ok(Some(put)));
        assert_eq!(parse("cut 0 1", 3), Ok(Some(Command::Cut { left: 0, right: 1 })));
        assert_eq!(parse("heal", 3), Ok(Some(Command::HealAll)));
        assert_eq!((parse("", 3), parse("# nothing", 3)), (Ok(None), Ok(None)));
    }

    #[test]
    fn what_is_wrong_says_what_was_expected() {
        let cases = [
            ("put 0 cart", "expected \"put NODE KEY ITEM...\""),
            ("get 7 cart", "\"7\": expected a node from 0 to 2"),
            ("cut 1 1", "expected two nodes: 1 has no link to itself"),
            ("cut", "expected \"cut NODE NODE\" or \"cut NODE\""),
            ("fly", "there is no command \"fly\": \"help\" lists them"),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line, 3), Err(expected.to_owned()), "{line}");
        }
    }
}
