//! Protocol buffers, for programs in other languages.

use prost::Message;

use super::{BYTES_MAX, Codec, CodecError, MEMORY_MAX, check_length};
use super::{mirror, prescan};
use crate::store::Envelope;

const NAME: &str = "protobuf";

/// Protocol buffers for any `prost` message, and for [`Envelope`]. Needs no `protoc`.
///
/// Nesting beyond 100 levels is refused. Protocol buffers have no end of their own: bytes left over are fields that the type
/// does not know, or that come twice. They are refused, unless [`unknown_fields`](Self::unknown_fields) lets them pass: a
/// message must be as long as what it says.
///
/// Envelopes, for programs in other languages. All of it is checked when it is decoded, and unknown fields are always refused:
///
/// ```proto
/// syntax = "proto3";
/// message Envelope {
///   uint32 from = 1;
///   uint32 to = 2;
///   oneof message { Update update = 3; Pull pull = 4; Reply reply = 5; }
/// }
/// message Update { string key = 1; Write write = 2; repeated Counters past = 3; }
/// message Pull { Actor actor = 1; repeated Counters seen = 2; }
/// message Reply {
///   Actor actor = 1; Actor asked_by = 2; uint32 number = 3; uint32 batch = 4; uint32 batch_count = 5;
///   bool full = 6; repeated KeyState keys = 7; repeated Counters seen = 8;
/// }
/// message KeyState {
///   string key = 1; repeated Write writes = 2; repeated Dot kept = 3; repeated Counters covered = 4;
/// }
/// // Without a value: a delete. A clock is its counters; or, if it is long and nearly all of them are 0, 2^53 and then slots and
/// // their counters in turn.
/// message Write { Dot dot = 1; repeated uint64 clock = 2; optional bytes value = 3; }
/// message Actor { uint32 incarnation = 1; uint32 node = 2; }
/// message Dot { uint32 incarnation = 1; uint32 node = 2; uint64 counter = 3; }
/// // All writes of an actor up to the base, and the runs above it: first, last, first, last, both included. In order.
/// message Counters { uint32 incarnation = 1; uint32 node = 2; uint64 base = 3; repeated uint64 runs = 4; }
/// ```
///
/// A value of one's own:
///
/// ```
/// use distributed_data_consistency::store::{Codec, Protobuf};
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Cart {
///     #[prost(string, repeated, tag = "1")]
///     items: Vec<String>,
/// }
///
/// let cart = Cart { items: vec!["bread".to_owned()] };
/// let bytes = Protobuf::default().encode(&cart)?;
/// assert_eq!(bytes, b"\x0a\x05bread");
/// assert_eq!(Codec::<Cart>::decode(&Protobuf::default(), &bytes)?, cart);
/// let unknown = Codec::<Cart>::decode(&Protobuf::default(), b"\x0a\x05bread\x10\x01");
/// assert!(unknown.is_err());
/// # Ok::<(), distributed_data_consistency::store::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protobuf {
    /// The longest bytes that it makes or takes.
    pub bytes_max: usize,
    /// How much memory an envelope that it decodes may take, in bytes. What a value of one's own may take is bounded by its
    /// length alone, and by what the type makes of it.
    pub memory_max: usize,
    /// Takes values with fields that their type does not know, as a reader must that is older than its writer. What it does
    /// not know it forgets. Never for envelopes.
    pub unknown_fields: bool,
}

impl Default for Protobuf {
    fn default() -> Self {
        Self { bytes_max: BYTES_MAX, memory_max: MEMORY_MAX, unknown_fields: false }
    }
}

impl Protobuf {
    fn encode_message(&self, message: &impl Message) -> Result<Vec<u8>, CodecError> {
        check_length(NAME, message.encoded_len(), self.bytes_max)?;
        Ok(message.encode_to_vec())
    }

    fn decode_message<M: Message + Default>(&self, bytes: &[u8], unknown_fields: bool) -> Result<M, CodecError> {
        check_length(NAME, bytes.len(), self.bytes_max)?;
        let message = M::decode(bytes).map_err(|error| CodecError::malformed(NAME, error))?;
        let length = message.encoded_len();
        if unknown_fields || length == bytes.len() {
            Ok(message)
        } else if length < bytes.len() {
            Err(CodecError::Leftover { codec: NAME, bytes: bytes.len() - length })
        } else {
            Err(CodecError::malformed(NAME, "repeated numbers that are not packed"))
        }
    }
}

impl<T: Message + Default> Codec<T> for Protobuf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        self.encode_message(value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        self.decode_message(bytes, self.unknown_fields)
    }
}

impl Codec<Envelope> for Protobuf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn encode(&self, envelope: &Envelope) -> Result<Vec<u8>, CodecError> {
        self.encode_message(&mirror::Envelope::from(envelope))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Envelope, CodecError> {
        check_length(NAME, bytes.len(), self.bytes_max)?;
        if !prescan::fits(bytes, self.memory_max) {
            return Err(CodecError::malformed(NAME, "takes more memory than it may"));
        }
        let mirrored: mirror::Envelope = self.decode_message(bytes, false)?;
        Envelope::try_from(mirrored).map_err(|why| CodecError::malformed(NAME, why))
    }
}
