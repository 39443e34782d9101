//! Ways to say the actions of a plan more simply: fewer keys, no sessions, plainer names.

use indexmap::IndexSet;

use super::names::{KEYS, label};
use super::{Key, StoreAction, key_subject};
use crate::protocol::Simpler;

/// The simpler forms of `actions`, those that simplify most first.
pub(super) fn simpler(actions: &[StoreAction]) -> Vec<Simpler<StoreAction>> {
    let mut simpler = with_fewer_keys(actions);
    simpler.extend(with_fewer_sessions(actions));
    simpler.extend(with_puts_for_deletes(actions));
    simpler.extend(with_plain_names(actions));
    simpler
}

/// Each key takes the name of an earlier one.
fn with_fewer_keys(actions: &[StoreAction]) -> Vec<Simpler<StoreAction>> {
    let keys: IndexSet<&str> = actions.iter().map(StoreAction::key).collect();
    let mut simpler = Vec::new();
    for (place, from) in keys.iter().enumerate() {
        for to in &keys[..place] {
            let actions =
                actions.iter().map(|action| action.with_key(|key| if key == *from { *to } else { key }.into()));
            let renamed = vec![(key_subject(from), key_subject(to))];
            simpler.push(Simpler { actions: actions.collect(), renamed });
        }
    }
    simpler
}

/// Nobody is a session, one session less, one action less that is of a session, two sessions in one.
fn with_fewer_sessions(actions: &[StoreAction]) -> Vec<Simpler<StoreAction>> {
    let sessions: IndexSet<u8> = actions.iter().filter_map(StoreAction::session).collect();
    let mapped = |map: &dyn Fn(usize, Option<u8>) -> Option<u8>| {
        let actions = actions.iter().enumerate();
        Simpler::new(actions.map(|(place, action)| action.with_session(map(place, action.session()))).collect())
    };
    let mut simpler = vec![mapped(&|_, _| None)];
    simpler.extend(sessions.iter().map(|gone| mapped(&|_, session| session.filter(|session| session != gone))));
    simpler.extend((0..actions.len()).map(|one| mapped(&|place, session| session.filter(|_| place != one))));
    for (place, from) in sessions.iter().enumerate() {
        for to in &sessions[..place] {
            simpler.push(mapped(&|_, session| session.map(|session| if session == *from { *to } else { session })));
        }
    }
    simpler
}

/// A write that leaves something to see, in the place of one that does not.
fn with_puts_for_deletes(actions: &[StoreAction]) -> Vec<Simpler<StoreAction>> {
    let written: Vec<&str> = actions.iter().filter_map(StoreAction::value).collect();
    let unused = (0..).map(label).find(|value| !written.contains(&value.as_str()));
    let value = unused.expect("expect: there are more labels than actions");
    let is_delete = |place: &usize| matches!(actions[*place], StoreAction::Delete { .. });
    let put = |place: usize| {
        let mut simpler = actions.to_vec();
        let (key, session) = (simpler[place].key().into(), simpler[place].session());
        simpler[place] = StoreAction::Put { key, value: value.clone(), session };
        Simpler::new(simpler)
    };
    (0..actions.len()).filter(is_delete).map(put).collect()
}

/// Keys, values and sessions by the first names there are, in the order in which they appear.
fn with_plain_names(actions: &[StoreAction]) -> Vec<Simpler<StoreAction>> {
    let keys: IndexSet<&str> = actions.iter().map(StoreAction::key).collect();
    let sessions: IndexSet<u8> = actions.iter().filter_map(StoreAction::session).collect();
    let plain_key = |key: &str| -> Key {
        let name = keys.get_index_of(key).and_then(|place| KEYS.get(place));
        name.map_or(key, |name| name).into()
    };
    let plain_session = |session: u8| sessions.get_index_of(&session).map_or(session, |place| place as u8);
    let named = |all: &[StoreAction], how: &dyn Fn(&StoreAction) -> StoreAction| -> Vec<StoreAction> {
        all.iter().map(how).collect()
    };
    let renamed: Vec<(String, String)> =
        keys.iter().map(|key| (key_subject(key), key_subject(&plain_key(key)))).collect();
    let by_key = named(actions, &|action| action.with_key(plain_key));
    let by_session = named(actions, &|action| action.with_session(action.session().map(plain_session)));
    let all = named(&with_plain_values(&by_key), &|action| action.with_session(action.session().map(plain_session)));
    vec![
        Simpler { actions: all, renamed: renamed.clone() },
        Simpler { actions: by_key, renamed },
        Simpler::new(with_plain_values(actions)),
        Simpler::new(by_session),
    ]
}

/// The values are `a`, `b`, `c` in the order in which they appear.
fn with_plain_values(actions: &[StoreAction]) -> Vec<StoreAction> {
    let mut plain = actions.to_vec();
    let values = plain.iter_mut().filter_map(|action| match action {
        StoreAction::Put { value, .. } => Some(value),
        _ => None,
    });
    values.enumerate().for_each(|(place, value)| *value = label(place));
    plain
}

impl StoreAction {
    fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Get { key, .. } => key,
        }
    }

    fn session(&self) -> Option<u8> {
        match self {
            Self::Put { session, .. } | Self::Delete { session, .. } | Self::Get { session, .. } => *session,
        }
    }

    fn value(&self) -> Option<&str> {
        match self {
            Self::Put { value, .. } => Some(value),
            Self::Delete { .. } | Self::Get { .. } => None,
        }
    }

    fn with_key(&self, map: impl Fn(&str) -> Key) -> Self {
        let mut action = self.clone();
        let (Self::Put { key, .. } | Self::Delete { key, .. } | Self::Get { key, .. }) = &mut action;
        *key = map(key);
        action
    }

    fn with_session(&self, of: Option<u8>) -> Self {
        let mut action = self.clone();
        let (Self::Put { session, .. } | Self::Delete { session, .. } | Self::Get { session, .. }) = &mut action;
        *session = of;
        action
    }
}

#[cfg(test)]
mod tests {
    use super::{StoreAction, simpler};

    /// One action a word: `cart=b`, `-cart`, `?cart`, with `@2` behind it for session 2.
    fn parse(text: &str) -> Vec<StoreAction> {
        let action = |word: &str| {
            let (what, session) = word.split_once('@').map_or((word, None), |(what, of)| (what, of.parse().ok()));
            match (what.split_once('='), what.strip_prefix('-'), what.strip_prefix('?')) {
                (Some((key, value)), ..) => StoreAction::Put { key: key.into(), value: value.into(), session },
                (_, Some(key), _) => StoreAction::Delete { key: key.into(), session },
                (.., key) => StoreAction::Get { key: key.unwrap_or(what).into(), session },
            }
        };
        text.split_whitespace().map(action).collect()
    }

    fn check(actions: &str, expected: &str) {
        let simpler = simpler(&parse(actions));
        assert!(simpler.iter().any(|simpler| simpler.actions == parse(expected)), "{actions} → {simpler:#?}");
        assert!(simpler.iter().all(|simpler| simpler.actions.len() == parse(actions).len()), "{actions}");
    }

    #[test]
    fn actions_get_simpler_one_way_at_a_time() {
        check("user=d@3 page=f@1 -user@3", "user=d@3 user=f@1 -user@3");
        check("user=d@3 page=f@1 -user@3", "user=d page=f -user");
        check("user=d@3 page=f@1 -user@3", "user=d page=f@1 -user");
        check("user=d@3 page=f@1 -user@3", "user=d@3 page=f -user@3");
        check("user=d@3 page=f@1 -user@3", "user=d@3 page=f@3 -user@3");
        check("user=d@3 page=f@1 -user@3", "user=d@3 page=f@1 user=a@3");
        check("user=d@3 page=f@1 -user@3", "cart=a@0 user=b@1 -cart@0");
        check("user=d ?page", "cart=a ?user");
        check("", "");
    }

    #[test]
    fn what_is_renamed_is_told() {
        let merged = simpler(&parse("cart=a user=b")).swap_remove(0);
        assert_eq!(merged.renamed, [("key \"user\"".to_owned(), "key \"cart\"".to_owned())]);
    }
}
