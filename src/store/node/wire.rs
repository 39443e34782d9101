//! Messages as bytes.

use super::Node;
use crate::store::codec::{Bincode, Codec, FORMAT, encode_as};
use crate::store::config::Config;
use crate::store::error::StoreError;
use crate::store::message::Envelope;

impl Envelope {
    /// The message as bytes, for a transport: the form of [`Bincode`], however long.
    ///
    /// They may be more than [`Config::message_bytes_max`](crate::store::Config::message_bytes_max) where a single key's siblings
    /// are, and are then refused by the receiver.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode_as(FORMAT, self).expect("expect: what this crate makes can be encoded")
    }

    /// The message that `bytes` hold in the form of [`Bincode`], no less and no more.
    ///
    /// # Errors
    /// If they hold none, or anything beside it, or are more than `bytes_max`.
    pub fn from_bytes(bytes: &[u8], bytes_max: usize) -> Result<Self, StoreError> {
        Ok(Bincode { bytes_max, ..Bincode::default() }.decode(bytes)?)
    }
}

impl Node {
    /// Decodes a message in the form of [`Bincode`] and [`deliver`](Self::deliver)s it.
    ///
    /// # Errors
    /// If the bytes are no message, or the message is refused. Then nothing has changed.
    pub fn deliver_bytes(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let Config { message_bytes_max: bytes_max, message_memory_max: memory_max, .. } = self.config;
        let envelope = Bincode { bytes_max, memory_max, ..Bincode::default() }.decode(bytes)?;
        self.deliver(envelope)
    }

    /// Decodes a message in the form of any codec and [`deliver`](Self::deliver)s it. The limit on its length is the smaller
    /// one of the node's and the codec's; how much memory it may take is the codec's alone.
    ///
    /// ```
    /// use distributed_data_consistency::Node;
    /// use distributed_data_consistency::store::{Bincode, Codec};
    ///
    /// let (codec, mut sender, mut receiver) = (Bincode::default(), Node::new(0, 2), Node::new(1, 2));
    /// sender.put("cart", b"bread".to_vec())?;
    /// for envelope in sender.drain_outbox() {
    ///     receiver.deliver_with(&codec, &codec.encode(&envelope)?)?;
    /// }
    /// receiver.process_messages();
    /// assert_eq!(receiver.get("cart"), sender.get("cart"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the bytes are no message, or the message is refused. Then nothing has changed.
    pub fn deliver_with<C: Codec<Envelope>>(&mut self, codec: &C, bytes: &[u8]) -> Result<(), StoreError> {
        let bytes_max = self.config.message_bytes_max;
        if bytes.len() > bytes_max {
            let why = format!("{} bytes: expected at most {bytes_max}", bytes.len());
            return Err(StoreError::Undecodable { why });
        }
        self.deliver(codec.decode(bytes)?)
    }
}
