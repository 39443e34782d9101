//! Models that come along.

mod counter;
mod lock;
mod map;
mod queue;
mod register;

pub use counter::{Counter, CounterAnswer, CounterOp};
pub use lock::{Lock, LockOp};
pub use map::Map;
pub use queue::{Queue, QueueAnswer, QueueOp};
pub use register::{Register, RegisterAnswer, RegisterOp};
