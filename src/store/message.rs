//! What nodes send each other.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Version;
use crate::causality::{Actor, DotSet};
use crate::kv::{Key, Shown};
use crate::machine::NodeId;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sends it.
    pub from: NodeId,
    /// Who shall have it.
    pub to: NodeId,
    /// What it says.
    pub message: Message,
}

/// What nodes say to each other. To clone one copies no value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// "I have written this."
    Update {
        /// Where.
        #[serde(deserialize_with = "read_key")]
        key: Key,
        /// What.
        version: Version,
    },
    /// "This is what I have seen; send me what I miss."
    Pull {
        /// The life of the node that asks.
        actor: Actor,
        /// All that it has seen in this life.
        seen: DotSet,
    },
    /// "This is what you miss."
    Reply(Arc<Reply>),
}

/// The answer to [`Message::Pull`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The life of the node that answers.
    pub actor: Actor,
    /// The life that had asked. Another life must not take `seen` for its own: it may have forgotten what the one that
    /// asked still had.
    pub asked_by: Actor,
    /// All current versions that the asker had not seen.
    #[serde(deserialize_with = "read_versions")]
    pub versions: Vec<(Key, Version)>,
    /// All that the answering node had seen when it read `versions`.
    pub seen: DotSet,
}

/// Reads a key from where it lies: to make a `String` of it first would make room for as many bytes as are claimed.
fn read_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = Key;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a key")
        }

        fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
            Ok(key.into())
        }
    }

    deserializer.deserialize_str(Text)
}

fn read_versions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(Key, Version)>, D::Error> {
    #[derive(Deserialize)]
    struct Entry(#[serde(deserialize_with = "read_key")] Key, Version);

    let entries = Vec::<Entry>::deserialize(deserializer)?;
    Ok(entries.into_iter().map(|Entry(key, version)| (key, version)).collect())
}

/// `cart=b [0,1]`, `has {0:1}`, `sends cart=b [0,1]; has {0:1 1:1}`.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update { key, version } => write_version(f, key, version),
            Self::Pull { seen, .. } => write!(f, "has {seen:?}"),
            Self::Reply(reply) => reply.fmt(f),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (key, version)) in self.versions.iter().enumerate() {
            f.write_str(if place == 0 { "sends " } else { ", " })?;
            write_version(f, key, version)?;
        }
        let separator = if self.versions.is_empty() { "" } else { "; " };
        write!(f, "{separator}has {:?}", self.seen)
    }
}

fn write_version(f: &mut fmt::Formatter<'_>, key: &str, version: &Version) -> fmt::Result {
    write!(f, "{key}={} {:?}", Shown(&version.value), version.clock)
}
