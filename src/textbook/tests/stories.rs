//! Each bug by its shortest story, told with and without it; and the setting in which it stays invisible.

use super::hostile::{HOSTILE, Hostility, run};
use super::world::World;
use crate::textbook::Bug;

/// What nodes show of a key at the end of a story.
type Shown = Vec<String>;

/// Tells the story with and without the bug.
fn told(story: fn(&mut World) -> Shown, bug: Bug) -> (Shown, Shown) {
    (story(&mut World::new(2, None)), story(&mut World::new(2, Some(bug))))
}

fn shown_everywhere(world: &mut World, key: &str) -> Shown {
    (0..world.nodes.len()).map(|node| world.get(node, key)).collect()
}

#[test]
fn node_wide_stamp_destroys_a_write_that_nobody_saw() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "a");
        let _lost = world.take(1);
        world.put(0, "user", "b");
        let user = world.take(1);
        world.deliver(&user);
        world.put(1, "cart", "c");
        world.rest();
        shown_everywhere(world, "cart").into_iter().map(in_order).collect()
    }
    let (right, wrong) = told(story, Bug::NodeWideStamp);
    assert_eq!(right, ["{a c}", "{a c}"]);
    assert_eq!(wrong, ["{c}", "{c}"]);
}

/// Siblings in the order of their values, for stories in which nodes hear of them in different orders.
fn in_order(shown: String) -> String {
    let mut values: Vec<&str> = shown.trim_matches(['{', '}']).split(' ').collect();
    values.sort_unstable();
    format!("{{{}}}", values.join(" "))
}

#[test]
fn blind_put_leaves_the_old_value() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "a");
        world.rest();
        world.put(1, "cart", "b");
        world.rest();
        shown_everywhere(world, "cart")
    }
    let (right, wrong) = told(story, Bug::BlindPut);
    assert_eq!(right, ["{b}", "{b}"]);
    assert_eq!(wrong, ["{a b}", "{a b}"]);
}

#[test]
fn equal_is_concurrent_shows_a_duplicate_twice() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "a");
        let update = world.take(1);
        world.deliver(&update);
        world.deliver(&update);
        world.rest();
        shown_everywhere(world, "cart")
    }
    let (right, wrong) = told(story, Bug::EqualIsConcurrent);
    assert_eq!(right, ["{a}", "{a}"]);
    assert_eq!(wrong, ["{a}", "{a a}"]);
}

#[test]
fn zip_compare_brings_an_old_value_back() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "x");
        let update = world.take(1);
        world.deliver(&update);
        world.put(1, "cart", "y");
        world.deliver(&update);
        vec![world.get(1, "cart")]
    }
    let (right, wrong) = told(story, Bug::ZipCompare);
    assert_eq!(right, ["{y}"]);
    assert_eq!(wrong, ["{x}"]);
}

#[test]
fn dot_reuse_writes_a_second_time_under_the_same_name() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "x");
        let update = world.take(1);
        world.deliver(&update);
        world.restart(0);
        world.put(0, "cart", "y");
        world.rest();
        shown_everywhere(world, "cart").into_iter().map(in_order).collect()
    }
    let (right, wrong) = told(story, Bug::DotReuse);
    assert_eq!(right, ["{x y}", "{x y}"]);
    assert_eq!(wrong, ["{y}", "{x}"]);
}

#[test]
fn digest_max_never_asks_for_a_hole() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "a");
        let _lost = world.take(1);
        world.put(0, "user", "b");
        world.rest();
        shown_everywhere(world, "cart")
    }
    let (right, wrong) = told(story, Bug::DigestMax);
    assert_eq!(right, ["{a}", "{a}"]);
    assert_eq!(wrong, ["{a}", "{}"]);
}

/// How many of 300 worlds show the bug.
fn found(bug: Bug, how: Hostility) -> usize {
    (0..300).filter(|&seed| run(seed, Some(bug), how).is_err()).count()
}

/// The setting in which a bug is invisible, as its documentation tells.
fn weaker(bug: Bug) -> Hostility {
    match bug {
        Bug::NodeWideStamp | Bug::DigestMax => Hostility { key_count: 1, ..HOSTILE },
        Bug::BlindPut | Bug::ZipCompare => Hostility { any_node_writes: false, crash: 0, ..HOSTILE },
        Bug::EqualIsConcurrent => Hostility { drop: 0, duplicate: 0, wake: 0, crash: 0, ..HOSTILE },
        Bug::DotReuse => Hostility { crash: 0, ..HOSTILE },
    }
}

#[test]
fn each_bug_shows_in_hostile_worlds_and_hides_in_a_weaker_one() {
    for bug in Bug::ALL {
        assert!(found(bug, HOSTILE) > 0, "{bug} is never seen");
        assert_eq!(found(bug, weaker(bug)), 0, "{bug} is seen where it should hide");
    }
}
