//! A failure, told: on one screen, as a page for a browser, and in the forms that other tools read.

mod diagram;
#[cfg(feature = "cli")]
mod exports;
#[cfg(feature = "cli")]
mod page;
mod screen;
mod shell;
mod text;
#[cfg(feature = "cli")]
mod view;

pub use diagram::diagram;
pub use screen::Screen;
pub use shell::shell_word;
pub use text::grouped;
#[cfg(feature = "cli")]
pub use view::RunView;
