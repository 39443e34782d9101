//! Codecs: how messages and values become bytes, and what bytes are refused.

mod bincode;
mod error;
#[cfg(feature = "json")]
mod json;
mod limited;
#[cfg(feature = "protobuf")]
mod mirror;
#[cfg(feature = "protobuf")]
mod prescan;
#[cfg(feature = "protobuf")]
mod protobuf;

pub use bincode::Bincode;
pub(super) use bincode::{FORMAT, decode_as, encode_as, encode_shared};
pub use error::CodecError;
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "protobuf")]
pub use protobuf::Protobuf;

/// The longest bytes that a codec makes or takes unless it is told otherwise: as many as a message of a node may have.
const BYTES_MAX: usize = 64 << 20;

/// The most memory that what a codec decodes may take unless it is told otherwise. A few bytes of a hostile message may stand
/// for something much larger than they are.
const MEMORY_MAX: usize = 256 << 20;

/// How values of type `T` become bytes, and bytes values.
///
/// `Codec<Envelope>` is a wire form: see [`Node::deliver_with`](super::Node::deliver_with). `Codec<T>` of a type of your own
/// makes a node hold such values: see [`Typed`](super::Typed). [`Bincode`] and [`Json`] serve every type that serde knows,
/// [`Protobuf`] every `prost` message; all three serve [`Envelope`](super::Envelope).
///
/// What it decodes comes from outside: an implementation bounds how many bytes it looks at and how deep it follows them,
/// refuses bytes that are left over, and never panics. What it encodes, it decodes to the same value.
///
/// A codec of one's own, here with a checksum behind the bytes of another codec:
///
/// ```
/// use distributed_data_consistency::store::{Bincode, Codec, CodecError, Envelope};
///
/// #[derive(Default)]
/// struct Summed(Bincode);
///
/// impl<T> Codec<T> for Summed
/// where
///     Bincode: Codec<T>,
/// {
///     fn name(&self) -> &'static str {
///         "summed"
///     }
///     fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
///         let mut bytes = self.0.encode(value)?;
///         bytes.push(bytes.iter().fold(0, |sum, byte| sum ^ byte));
///         Ok(bytes)
///     }
///     fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
///         match bytes.split_last() {
///             Some((sum, body)) if body.iter().fold(0, |sum, byte| sum ^ byte) == *sum => self.0.decode(body),
///             _ => Err(CodecError::malformed("summed", "the checksum is wrong")),
///         }
///     }
/// }
///
/// let bytes = Summed::default().encode(&vec!["bread".to_owned()])?;
/// let back: Vec<String> = Summed::default().decode(&bytes)?;
/// assert_eq!(back, ["bread"]);
/// let cut: Result<Vec<String>, _> = Summed::default().decode(&bytes[..3]);
/// assert!(cut.is_err());
/// # Ok::<(), CodecError>(())
/// ```
pub trait Codec<T> {
    /// What it is called, for errors and reports.
    fn name(&self) -> &'static str;

    /// The value as bytes.
    ///
    /// # Errors
    /// If this form of bytes has none for the value, or too many.
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError>;

    /// The value that `bytes` hold, no less and no more.
    ///
    /// # Errors
    /// If they hold none, or anything beside it, or are too many, or nested too deep.
    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError>;
}

/// A codec that is borrowed is one.
impl<T, C: Codec<T> + ?Sized> Codec<T> for &C {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        (**self).encode(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        (**self).decode(bytes)
    }
}

/// Refuses more bytes than a codec makes or takes.
fn check_length(codec: &'static str, bytes: usize, bytes_max: usize) -> Result<(), CodecError> {
    if bytes > bytes_max { Err(CodecError::TooLong { codec, bytes, bytes_max }) } else { Ok(()) }
}
