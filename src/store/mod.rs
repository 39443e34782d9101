//! The store: a node that keeps every concurrent write as a sibling, and converges whatever the network does.
//!
//! ```
//! use distributed_data_consistency::Node;
//!
//! let mut nodes = [Node::new(0, 2), Node::new(1, 2)];
//! nodes[0].put("cart", b"bread".to_vec());
//! nodes[1].put("cart", b"milk".to_vec());
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

mod answer;
mod codec;
mod config;
mod context;
mod covered;
mod entry;
mod error;
mod hints;
mod keys;
mod log;
mod machine;
mod mailbox;
mod marks;
mod message;
mod node;
mod packed;
mod resolve;
mod sync;
mod typed;
mod validate;
mod version;
mod wire;
mod write;

#[cfg(feature = "json")]
pub use codec::Json;
#[cfg(feature = "protobuf")]
pub use codec::Protobuf;
pub use codec::{Bincode, Codec, CodecError};
pub use config::Config;
pub use context::Context;
pub use error::{Outcome, StoreError};
pub use machine::{Durable, SyncTimer};
pub use message::{Envelope, KeyState, Message, Pull, Reply, Update};
pub use node::{Leftovers, Node, Processed};
pub use resolve::{Candidate, LastWriter, Resolver, Through, Union};
pub use typed::{Typed, TypedError, TypedRead};
pub use version::{Change, Version, Write};
pub use write::{Read, Written};
