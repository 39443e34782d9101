//! The store: a node that keeps every concurrent write as a sibling, and converges whatever the network does.
//!
//! ```
//! use distributed_data_consistency::Node;
//!
//! let mut nodes = [Node::new(0, 2), Node::new(1, 2)];
//! nodes[0].put("cart", b"bread".to_vec())?;
//! nodes[1].put("cart", b"milk".to_vec())?;
//! // The network may lose, double and reorder what is in the outboxes; here it is kind.
//! for sender in 0..2 {
//!     for envelope in nodes[sender].drain_outbox() {
//!         nodes[envelope.to.index()].deliver(envelope)?;
//!     }
//! }
//! for node in &mut nodes {
//!     node.process_messages();
//!     assert_eq!(node.get("cart").len(), 2); // neither knew of the other: both survive
//! }
//! # Ok::<(), distributed_data_consistency::store::StoreError>(())
//! ```

mod codec;
mod config;
mod context;
mod error;
mod key_state;
mod mailbox;
mod marks;
mod message;
mod node;
mod packed;
mod replica;
mod resolve;
mod results;
mod sync;
mod typed;
mod validate;
mod version;

#[cfg(feature = "json")]
pub use codec::Json;
#[cfg(feature = "protobuf")]
pub use codec::Protobuf;
pub use codec::{Bincode, Codec, CodecError};
pub use config::Config;
pub use context::Context;
pub use error::StoreError;
pub use key_state::KeyState;
pub use message::{Envelope, Message, Pull, Reply, Update};
pub use node::{Durable, Node, SyncTimer};
pub use resolve::{Candidate, LastWriter, Resolver, Through, Union};
pub use results::{Processed, Read, Retained, Written};
pub use typed::{Typed, TypedError, TypedRead};
pub use version::{Change, Version, Write};
