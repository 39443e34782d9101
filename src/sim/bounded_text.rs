//! What a `Debug` says, up to a bound.

use std::fmt;

/// A text that takes no more than so many bytes.
pub(crate) struct BoundedText {
    pub(crate) text: String,
    pub(crate) bytes_max: usize,
}

impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes_max - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        let fits = text.char_indices().map(|(begin, character)| begin + character.len_utf8());
        let end = fits.take_while(|end| *end <= room).last().unwrap_or(0);
        self.text.push_str(&text[..end]);
        Err(fmt::Error)
    }
}
