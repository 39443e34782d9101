//! The model that exhaustive searches are measured on: a register with siblings, told apart by vector clocks.
//!
//! Each node writes once, over all that it has, and tells everybody; messages come in any order. What a node does is
//! in [`put`] and [`take`], for whoever searches.

/// As many as there are nodes.
pub(crate) const NODES: usize = 4;

/// How many writes of each node were known.
pub(crate) type Clock = [u8; NODES];

/// The clocks of the siblings that a node has, sorted.
pub(crate) type Siblings = Vec<Clock>;

/// `node` writes over all that it has; what it tells the others.
pub(crate) fn put(siblings: &mut Siblings, node: usize) -> Clock {
    let mut clock = Clock::default();
    for sibling in siblings.iter() {
        for (mine, theirs) in clock.iter_mut().zip(sibling) {
            *mine = (*mine).max(*theirs);
        }
    }
    clock[node] += 1;
    siblings.clear();
    siblings.push(clock);
    clock
}

/// A node takes what another has written.
pub(crate) fn take(siblings: &mut Siblings, clock: Clock) {
    if siblings.iter().any(|sibling| is_covered(&clock, sibling)) {
        return;
    }
    siblings.retain(|sibling| !is_covered(sibling, &clock));
    let place = siblings.partition_point(|sibling| *sibling < clock);
    siblings.insert(place, clock);
}

fn is_covered(clock: &Clock, by: &Clock) -> bool {
    clock.iter().zip(by).all(|(one, other)| one <= other)
}
