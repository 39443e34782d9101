//! A failure, told: on one screen.

mod diagram;
mod screen;
mod shell;
mod text;

pub use diagram::diagram;
pub use screen::Screen;
pub use shell::shell_word;
pub use text::grouped;
