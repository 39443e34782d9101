//! Messages as bytes: a version byte, then bincode.
//!
//! bincode is unmaintained (RUSTSEC-2025-0141), so it is pinned and nothing outside this file knows it.

use bincode::config::{Configuration, Limit, standard};

use super::{Envelope, Node, StoreError};

/// The first byte of a message; another form of messages will have another one.
const FORMAT: u8 = 1;

/// No message decodes to more than this, whatever its bytes claim. The configured limit on its length comes first.
const DECODED_BYTES_MAX: usize = 256 << 20;

type Codec = Configuration<bincode::config::LittleEndian, bincode::config::Varint, Limit<DECODED_BYTES_MAX>>;
const CODEC: Codec = standard().with_limit::<DECODED_BYTES_MAX>();

impl Envelope {
    /// The message as bytes, for a transport.
    ///
    /// They may be more than [`Config::message_bytes_max`](super::Config::message_bytes_max), and are then refused by the
    /// receiver: an answer to a node that misses very much holds all of it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        let encoded = bincode::serde::encode_into_std_write(self, &mut bytes, CODEC);
        encoded.expect("expect: an envelope can be encoded, and a vector written to");
        bytes
    }

    /// The message that `bytes` hold, no less and no more.
    ///
    /// # Errors
    /// If they hold none, or anything beside it, or are more than `bytes_max`.
    pub fn from_bytes(bytes: &[u8], bytes_max: usize) -> Result<Self, StoreError> {
        let refuse = |why: String| Err(StoreError::Undecodable { why });
        if bytes.len() > bytes_max {
            return refuse(format!("{} bytes: expected at most {bytes_max}", bytes.len()));
        }
        match bytes.split_first() {
            None => refuse("no bytes: expected a version byte".to_owned()),
            Some((&FORMAT, body)) => match bincode::serde::decode_from_slice(body, CODEC) {
                Ok((envelope, length)) if length == body.len() => Ok(envelope),
                Ok((_, length)) => refuse(format!("{} bytes left over", body.len() - length)),
                Err(error) => refuse(error.to_string()),
            },
            Some((format, _)) => refuse(format!("format {format}: expected {FORMAT}")),
        }
    }
}

impl Node {
    /// Decodes a message and [`deliver`](Self::deliver)s it.
    ///
    /// # Errors
    /// If the bytes are no message, or the message is refused. Then nothing has changed.
    pub fn deliver_bytes(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let envelope = Envelope::from_bytes(bytes, self.config.message_bytes_max)?;
        self.deliver(envelope)
    }
}
