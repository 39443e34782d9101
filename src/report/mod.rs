//! A failure, told: on one screen.

mod diagram;
mod screen;
mod shell;

pub use diagram::diagram;
pub use screen::{Screen, grouped};
pub use shell::shell_word;
