//! Bugs of limits by their shortest stories, with the limits as they are in production.

use super::stories::{Shown, told};
use super::world::World;
use crate::reference_store::Bug;

/// One more than the limits.
const KEYS: usize = 65;

/// Node 1 asks for what node 0 has written and nobody was told.
fn miss_all(world: &mut World) {
    (0..KEYS).for_each(|key| world.put(0, &format!("{key:02}"), "x"));
    world.letters.clear();
    world.wake(1);
    world.rest();
}

#[test]
fn full_batch_loses_what_comes_when_a_part_is_full() {
    fn story(world: &mut World) -> Shown {
        miss_all(world);
        vec![world.get(1, "63"), world.get(1, "64"), world.get(0, "64")]
    }
    let (right, wrong) = told(story, Bug::FullBatch);
    assert_eq!((right, wrong), (vec!["{x}".to_owned(); 3], ["{x}", "{}", "{}"].map(str::to_owned).to_vec()));
}

#[test]
fn short_log_forgets_what_it_has_no_room_for() {
    fn story(world: &mut World) -> Shown {
        miss_all(world);
        vec![world.get(1, "00"), world.get(1, "01"), world.get(0, "00")]
    }
    let (right, wrong) = told(story, Bug::ShortLog);
    assert_eq!((right, wrong), (vec!["{x}".to_owned(); 3], ["{}", "{x}", "{}"].map(str::to_owned).to_vec()));
}
