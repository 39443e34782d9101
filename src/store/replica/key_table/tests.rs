//! The keys against a plain list.

use super::KeyTable;
use crate::kv::Key;
use crate::protocol::Rng;

/// Adds, takes away and looks up keys as `name` calls them, out of `count`.
fn check(count: u64, name: impl Fn(u64) -> Key) {
    let (mut keys, mut list, mut rng) = (KeyTable::default(), Vec::<Key>::new(), Rng::new(count, 0));
    for step in 0..20_000 {
        let key = name(rng.below(count));
        let place = list.iter().position(|other| *other == key);
        assert_eq!(keys.place_of(&key), place, "place of {key} before step {step}");
        match place {
            None => {
                assert_eq!(keys.add(key.clone()), list.len());
                list.push(key);
            }
            Some(place) => {
                assert_eq!(*keys.key_at(place), key);
                keys.remove_at(place);
                list.swap_remove(place);
            }
        }
        assert_eq!(keys.iter().count(), list.len());
    }
    assert!(keys.iter().map(|(key, _)| key).eq(&list), "all keys, in their order");
}

#[test]
fn keys_are_found_where_a_list_has_them() {
    for count in [1, 4, 9, 10, 40, 400] {
        check(count, |number| number.to_string().into());
    }
}

#[test]
fn keys_of_any_length_are_told_apart() {
    // So few that there is no index; some are no longer than a head.
    check(6, |number| "k".repeat([0, 6, 7, 8, 263, 264][number as usize]).into());
    check(6, |number| format!("0123456{}", number).into());
    // One is the start of the next; they are as long as what lies in a slot, and longer.
    check(40, |number| "k".repeat(number as usize).into());
    check(40, |number| format!("0123456789abcdef{}", number).into());
    check(40, |number| format!("0123456789abc{}", "\0".repeat(number as usize)).into());
}
