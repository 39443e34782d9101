//! JSON, for people and for other languages.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BYTES_MAX, Codec, CodecError, check_length};

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
}

impl Default for Json {
    fn default() -> Self {
        Self { bytes_max: BYTES_MAX }
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
        let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<T>();
        let value = match values.next() {
            Some(value) => value.map_err(|error| CodecError::malformed(NAME, error))?,
            None => return Err(CodecError::malformed(NAME, "no bytes: expected a value")),
        };
        match bytes[values.byte_offset()..].trim_ascii().len() {
            0 => Ok(value),
            bytes => Err(CodecError::Leftover { codec: NAME, bytes }),
        }
    }
}
