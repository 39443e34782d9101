//! All ways in which a few puts can be spread over nodes, keys and sessions.

use super::StoreAction;
use super::names::{KEYS, label};
use crate::protocol::NodeId;

/// All ways in which `put_count` puts can be spread over up to `node_count` nodes, `key_count` keys of the four there are,
/// and `session_count` sessions; with no sessions, every put is over what its node has. What differs only in the names
/// of nodes, keys or sessions stands here once.
#[must_use]
pub fn placements(
    node_count: usize,
    key_count: usize,
    put_count: usize,
    session_count: u8,
) -> Vec<Vec<(NodeId, StoreAction)>> {
    let keys = namings(put_count, key_count.clamp(1, KEYS.len()));
    let mut nodes = namings(put_count, node_count.max(1));
    if session_count == 0 {
        // Puts at different nodes come in any order, so only how many each node gets, and which, makes a difference.
        nodes.retain(|nodes| nodes.is_sorted() && block_lengths(nodes).is_sorted_by(|one, other| one >= other));
    }
    let sessions = namings(put_count, usize::from(session_count).max(1));
    let mut placements = Vec::new();
    for nodes in &nodes {
        for keys in &keys {
            for sessions in &sessions {
                let put = |place: usize| {
                    let session = (session_count > 0).then(|| sessions[place] as u8);
                    let put = StoreAction::Put { key: KEYS[keys[place]].into(), value: label(place), session };
                    (NodeId::new(nodes[place]), put)
                };
                placements.push((0..put_count).map(put).collect());
            }
        }
    }
    placements
}

/// All rows of `length` numbers below `count` in which each number comes first after all smaller ones have come.
fn namings(length: usize, count: usize) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new()];
    for _ in 0..length {
        let longer = |row: Vec<usize>| {
            let new = row.iter().max().map_or(0, |largest| largest + 1);
            (0..=new.min(count - 1)).map(move |next| [&*row, &[next]].concat()).collect::<Vec<_>>()
        };
        rows = rows.into_iter().flat_map(longer).collect();
    }
    rows
}

/// How often each number comes in a sorted row.
fn block_lengths(row: &[usize]) -> Vec<usize> {
    row.chunk_by(|one, other| one == other).map(<[usize]>::len).collect()
}

#[cfg(test)]
mod tests {
    use super::{StoreAction, placements};

    fn check(counts: (usize, usize, usize, u8), expected: &str) {
        let (nodes, keys, puts, sessions) = counts;
        let show = |placement: &Vec<(_, StoreAction)>| {
            let put = |(node, action): &(_, StoreAction)| match action {
                StoreAction::Put { key, value, session } => {
                    let session = session.map_or_else(String::new, |session| format!("/{session}"));
                    format!("{node}:{}={value}{session}", &key[..1])
                }
                other => format!("{other:?}"),
            };
            placement.iter().map(put).collect::<Vec<_>>().join(" ")
        };
        let shown: Vec<String> = placements(nodes, keys, puts, sessions).iter().map(show).collect();
        assert_eq!(shown.join(", "), expected);
    }

    #[test]
    fn names_make_no_difference() {
        check((2, 2, 2, 0), "0:c=a 0:c=b, 0:c=a 0:u=b, 0:c=a 1:c=b, 0:c=a 1:u=b");
        check((1, 1, 2, 2), "0:c=a/0 0:c=b/0, 0:c=a/0 0:c=b/1");
        check((3, 1, 3, 0), "0:c=a 0:c=b 0:c=c, 0:c=a 0:c=b 1:c=c, 0:c=a 1:c=b 2:c=c");
    }
}
