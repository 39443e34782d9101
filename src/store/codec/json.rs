//! JSON, for people and for other languages.

use std::cell::Cell;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny};

use super::limited::Limited;
use super::{BYTES_MAX, Codec, CodecError, MEMORY_MAX, check_length};

const NAME: &str = "json";

/// JSON for any serde type that has some: the keys of maps must be texts or numbers.
///
/// Nesting beyond 128 levels is refused. Bytes, such as the values in an envelope, are arrays of numbers, up to four times as
/// long.
///
/// ```
/// use distributed_data_consistency::store::{Codec, Json};
///
/// let bytes = Json::default().encode(&vec!["bread", "milk"].iter().map(|s| s.to_string()).collect::<Vec<_>>())?;
/// assert_eq!(bytes, br#"["bread","milk"]"#);
/// let left_over: Result<Vec<String>, _> = Json::default().decode(br#"["bread"] milk"#);
/// assert!(left_over.is_err());
/// # Ok::<(), distributed_data_consistency::store::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json {
    /// The longest bytes that it makes or takes.
    pub bytes_max: usize,
    /// How much memory what it decodes may take, in bytes.
    pub memory_max: usize,
}

impl Default for Json {
    fn default() -> Self {
        Self { bytes_max: BYTES_MAX, memory_max: MEMORY_MAX }
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn name(&self) -> &'static str {
        NAME
    }

    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        let bytes = serde_json::to_vec(value).map_err(|error| CodecError::unencodable(NAME, error))?;
        check_length(NAME, bytes.len(), self.bytes_max)?;
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        check_length(NAME, bytes.len(), self.bytes_max)?;
        if bytes.trim_ascii().is_empty() {
            return Err(CodecError::malformed(NAME, "no bytes: expected a value"));
        }
        let room = Cell::new(self.memory_max);
        // serde_json bounds the depth by itself.
        let seed = Limited::new(PhantomData::<T>, usize::MAX, &room);
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = seed.deserialize(&mut reader).map_err(|error| CodecError::malformed(NAME, error))?;
        match reader.end() {
            Ok(()) => Ok(value),
            Err(_) => Err(CodecError::Leftover { codec: NAME, bytes: leftover(bytes) }),
        }
    }
}

/// How many bytes there are behind the first value.
fn leftover(bytes: &[u8]) -> usize {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    values.next();
    bytes[values.byte_offset()..].trim_ascii().len()
}
