//! Text of a fixed width: cut, wrapped, and numbers that can be read.

use crate::protocol::visible;

/// The same, for lines of so many columns.
pub(super) fn wrapped_to(label: &str, text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![label.to_owned()];
    for word in text.split_whitespace().map(visible) {
        let line = lines.last_mut().expect("expect: there is a line from the start");
        let empty = line.chars().all(char::is_whitespace) || line == label;
        if !empty && line.chars().count() + 1 + word.chars().count() > columns {
            lines.push(format!("{}{word}", " ".repeat(label.chars().count())));
        } else {
            let space = if line.ends_with(' ') { "" } else { " " };
            line.push_str(space);
            line.push_str(&word);
        }
    }
    lines.iter().map(|line| cut(line, columns)).collect()
}

/// The first `width` characters, with an ellipsis if there are more.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A number with its thousands set apart: `1,204`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
