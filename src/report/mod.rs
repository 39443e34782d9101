//! A failure, told: on one screen.

mod diagram;
mod screen;

pub use diagram::diagram;
pub use screen::{Screen, grouped};
