//! What one node tells another of one key.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::version::Write;
use crate::causality::{Dot, DotSet};
use crate::kv::Key;

/// What the answering node has of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyState {
    /// Which.
    #[serde(deserialize_with = "read_key")]
    pub key: Key,
    /// Its current writes that the asker had not seen.
    pub writes: Vec<Write>,
    /// The dots of its other current writes. Whatever else of this key was seen is overwritten.
    pub kept: Vec<Dot>,
    /// The other writes of this key that the answering node knows of, overwritten all of them, beyond what it has seen without a gap.
    pub covered: DotSet,
}

impl KeyState {
    /// About how many bytes it takes in memory, with all that it holds.
    pub(super) fn bytes(&self) -> usize {
        let writes: usize = self.writes.iter().map(|write| size_of::<Write>() + write.bytes()).sum();
        size_of::<Self>() + self.key.len() + writes + size_of_val(&self.kept[..]) + self.covered.heap_bytes()
    }

    /// The bytes of its key and its values.
    pub(super) fn payload_bytes(&self) -> usize {
        let values = self.writes.iter().filter_map(|write| write.value.as_ref()).map(|value| value.len());
        self.key.len() + values.sum::<usize>()
    }
}

/// Reads a key from where it lies: to make a `String` of it first would make room for as many bytes as are claimed.
pub(super) fn read_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
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
