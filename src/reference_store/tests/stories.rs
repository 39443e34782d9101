//! Each bug by its shortest story, told with and without it; and the setting in which it stays invisible.

use super::hostile::{HOSTILE, Hostility, run};
use super::world::World;
use crate::kv::ClientContext;
use crate::reference_store::{Bug, Timer};

/// What nodes show of a key at the end of a story.
pub(super) type Shown = Vec<String>;

/// Tells the story with and without the bug.
pub(super) fn told(story: fn(&mut World) -> Shown, bug: Bug) -> (Shown, Shown) {
    (story(&mut World::new(2, None)), story(&mut World::new(2, Some(bug))))
}

pub(super) fn shown_everywhere(world: &mut World, key: &str) -> Shown {
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
pub(super) fn in_order(shown: String) -> String {
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
    assert_eq!(wrong, ["{}", "{}"]);
}

#[test]
fn server_context_drops_what_nobody_has_seen() {
    fn story(world: &mut World) -> Shown {
        world.put_over(0, "cart", "a", &ClientContext::empty());
        world.put_over(0, "cart", "b", &ClientContext::empty());
        vec![world.get(0, "cart")]
    }
    let (right, wrong) = told(story, Bug::ServerContext);
    assert_eq!((right, wrong), (vec!["{a b}".to_owned()], vec!["{b}".to_owned()]));
}

#[test]
fn no_dots_keeps_what_was_read_and_replaced() {
    fn story(world: &mut World) -> Shown {
        let seen = world.put_over(0, "cart", "a", &ClientContext::empty());
        world.put_over(0, "cart", "b", &ClientContext::empty());
        world.put_over(0, "cart", "c", &seen);
        vec![world.get(0, "cart")]
    }
    let (right, wrong) = told(story, Bug::NoDots);
    assert_eq!((right, wrong), (vec!["{b c}".to_owned()], vec!["{a b c}".to_owned()]));
}

#[test]
fn value_not_context_takes_back_what_a_faster_client_replaced() {
    fn story(world: &mut World) -> Shown {
        let seen = world.put_over(0, "cart", "x", &ClientContext::empty());
        let late = world.take(1);
        world.put_over(1, "cart", "y", &seen);
        world.deliver(&late);
        vec![world.get(1, "cart")]
    }
    let (right, wrong) = told(story, Bug::ValueNotContext);
    assert_eq!((right, wrong), (vec!["{y}".to_owned()], vec!["{y x}".to_owned()]));
}

#[test]
fn delete_drops_siblings_that_its_client_never_saw() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "x");
        let seen = world.read(0, "cart");
        world.put(1, "cart", "y");
        let update = world.take(0);
        world.deliver(&update);
        world.write(0, "cart", None, Some(seen));
        world.rest();
        shown_everywhere(world, "cart")
    }
    let (right, wrong) = told(story, Bug::DeleteDropsSiblings);
    assert_eq!(right, ["{y}", "{y}"]);
    assert_eq!(wrong, ["{}", "{}"]);
}

#[test]
fn early_forget_brings_back_what_was_deleted() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "x");
        let update = world.take(1);
        world.deliver(&update);
        world.delete(0, "cart");
        let _cut_off = world.take(1);
        world.fire(0, Timer::Forget);
        world.rest();
        shown_everywhere(world, "cart")
    }
    let (right, wrong) = told(story, Bug::EarlyForget);
    assert_eq!(right, ["{}", "{}"]);
    assert!(wrong.contains(&"{x}".to_owned()), "{wrong:?}");
}

#[test]
fn sync_replaces_what_was_written_meanwhile() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "x");
        let _lost = world.take(1);
        world.put(0, "user", "z");
        let user = world.take(1);
        world.deliver(&user);
        world.wake(1);
        let pull = world.take(0);
        world.put(1, "cart", "y");
        let _lost = world.take(0);
        world.deliver(&pull);
        let reply = world.take(1);
        world.deliver(&reply);
        vec![world.get(1, "cart")]
    }
    let (right, wrong) = told(story, Bug::SyncReplaces);
    assert_eq!((right, wrong), (vec!["{y x}".to_owned()], vec!["{x}".to_owned()]));
}

#[test]
fn stuck_sync_never_asks_again() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "x");
        let _lost = world.take(1);
        world.put(0, "user", "z");
        let user = world.take(1);
        world.deliver(&user);
        world.wake(1);
        let pull = world.take(0);
        world.deliver(&pull);
        let _lost = world.take(1);
        // A asks for ever, as B never catches up.
        world.rest_watched(|_, _| ());
        shown_everywhere(world, "cart")
    }
    let (right, wrong) = told(story, Bug::StuckSync);
    assert_eq!(right, ["{x}", "{x}"]);
    assert_eq!(wrong, ["{x}", "{}"]);
}

#[test]
fn pruned_clock_leaves_a_false_sibling() {
    fn story(bug: Option<Bug>) -> Shown {
        let world = &mut World::new(3, bug);
        world.put(0, "cart", "x");
        world.rest();
        world.put(1, "cart", "y");
        let _lost = world.take(0);
        let update = world.take(2);
        world.deliver(&update);
        world.put(2, "cart", "z");
        let update = world.take(0);
        world.deliver(&update);
        vec![world.get(0, "cart")]
    }
    assert_eq!((story(None), story(Some(Bug::PrunedClock))), (vec!["{z}".to_owned()], vec!["{x z}".to_owned()]));
}

#[test]
fn seen_too_early_never_asks_for_the_rest_of_an_answer() {
    fn story(world: &mut World) -> Shown {
        for key in ["cart", "page", "user"] {
            world.put(0, key, "x");
        }
        world.letters.clear();
        world.wake(0);
        let pull = world.take(1);
        world.deliver(&pull);
        world.letters.clear();
        world.wake(1);
        let pull = world.take(0);
        world.deliver(&pull);
        let first = world.take(1);
        world.deliver(&first);
        world.letters.clear();
        world.rest();
        shown_everywhere(world, "user")
    }
    let (right, wrong) = told(story, Bug::SeenTooEarly);
    assert_eq!(right, ["{x}", "{x}"]);
    assert_eq!(wrong, ["{}", "{}"]);
}

#[test]
fn fifo_only_drops_an_update_that_was_overtaken() {
    fn story(world: &mut World) -> Shown {
        world.put(0, "cart", "a");
        world.put(0, "user", "b");
        let (first, second) = (world.take(1), world.take(1));
        world.deliver(&second);
        world.deliver(&first);
        world.rest();
        shown_everywhere(world, "cart")
    }
    let (right, wrong) = told(story, Bug::FifoOnly);
    assert_eq!(right, ["{a}", "{a}"]);
    assert_eq!(wrong, ["{}", "{}"]);
}

/// How many of `worlds` worlds show the bug.
fn found(bug: Bug, how: Hostility, worlds: u64) -> usize {
    (0..worlds).filter(|&seed| run(seed, Some(bug), how).is_err()).count()
}

/// The setting in which a bug is invisible, as its documentation tells.
fn weaker(bug: Bug) -> Hostility {
    match bug {
        Bug::NodeWideStamp | Bug::DigestMax => Hostility { key_count: 1, session: 0, ..HOSTILE },
        Bug::BlindPut | Bug::ZipCompare => Hostility { any_node_writes: false, crash: 0, session: 0, ..HOSTILE },
        Bug::EqualIsConcurrent => Hostility { drop: 0, duplicate: 0, wake: 0, crash: 0, ..HOSTILE },
        Bug::DotReuse => Hostility { crash: 0, ..HOSTILE },
        Bug::ServerContext | Bug::NoDots | Bug::ValueNotContext | Bug::DeleteDropsSiblings => {
            Hostility { session: 0, ..HOSTILE }
        }
        Bug::EarlyForget => Hostility { delete: 0, ..HOSTILE },
        Bug::SyncReplaces => Hostility { wake: 0, crash: 0, drop: 0, duplicate: 0, ..HOSTILE },
        Bug::StuckSync => Hostility { drop: 0, crash: 0, ..HOSTILE },
        Bug::PrunedClock => Hostility { node_count_max: 2, crash: 0, ..HOSTILE },
        Bug::SeenTooEarly => Hostility { drop: 0, crash: 0, wake: 0, ..HOSTILE },
        Bug::FifoOnly => Hostility { reorder: false, ..HOSTILE },
        of_faults => panic!("{of_faults} is none of the core"),
    }
}

#[test]
fn each_bug_shows_in_hostile_worlds_and_hides_in_a_weaker_one() {
    for bug in Bug::CORE {
        assert!(found(bug, HOSTILE, 500) > 0, "{bug} is never seen");
        assert_eq!(found(bug, weaker(bug), 300), 0, "{bug} is seen where it should hide");
    }
}
