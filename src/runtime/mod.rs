//! The same nodes on real threads.

mod locks;
mod shared;

pub use shared::SharedNode;
