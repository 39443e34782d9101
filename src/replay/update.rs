//! Brings a plan file up to date: what it says of its run, and nothing else. The text stays as somebody has written it, with its
//! comments, its order and its spaces; only the values of `violates` or `expect`, `digest` and `run.trace` are replaced.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Wrong;
use super::read::document;
use super::{PlanFile, read, write};

/// `text` as it says what `file` says of its run. What the text does not tell, a digest or a trace, it does not tell afterwards
/// either; and what `file` does not tell is taken out.
pub(super) fn text(text: &str, file: &PlanFile) -> Result<String, Wrong> {
    let document = document(text)?;
    let top = document.get_ref();
    let mut edits = Edits { text, edits: Vec::new() };
    if let Some((key, value)) = entry(top, "violates").or_else(|| entry(top, "expect"))
        && read::expect_of(&document).ok().as_ref() != Some(&file.expect)
    {
        edits.replace(key.start..value.end, file.expect.to_string());
    }
    match (entry(top, "digest"), file.digest) {
        (Some((_, value)), Some(digest)) => edits.replace(value, format!("\"{digest:#018x}\"")),
        (Some((key, value)), None) => edits.remove(key.start..value.end),
        (None, _) => {}
    }
    if let Some((_, run)) = top.iter().find(|(key, _)| key.get_ref() == "run")
        && let DeValue::Table(table) = run.get_ref()
        && let Some((key, value)) = entry(table, "trace")
    {
        if file.trace.is_empty() {
            edits.remove(key.start..value.end);
            edits.remove_header("[run]");
        } else {
            edits.replace(value, write::trace(&file.trace));
        }
    }
    Ok(edits.apply())
}

/// Where the key and the value of an entry stand.
fn entry(table: &DeTable<'_>, name: &str) -> Option<(Range<usize>, Range<usize>)> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    Some((Spanned::span(key), value.span()))
}

struct Edits<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl Edits<'_> {
    fn replace(&mut self, place: Range<usize>, with: String) {
        if self.text[place.clone()] != *with {
            self.edits.push((place, with));
        }
    }

    /// Takes out what stands there, and the rest of the line if nothing else is on it; a comment stays.
    fn remove(&mut self, place: Range<usize>) {
        let rest = &self.text[place.end..];
        let line_length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let is_blank = rest[..line_length].trim().is_empty();
        let end = place.end + if is_blank { line_length } else { blank };
        self.edits.push((place.start..end, String::new()));
    }

    /// Takes out the line that is this header, and the empty one before it.
    fn remove_header(&mut self, header: &str) {
        let mut begin = 0;
        for line in self.text.split_inclusive('\n') {
            let end = begin + line.len();
            if line.trim_end() == header {
                let before = self.text[..begin].ends_with("\n\n");
                self.edits.push((begin - usize::from(before)..end, String::new()));
            }
            begin = end;
        }
    }

    fn apply(mut self) -> String {
        // From the back, so that no edit moves the place of another.
        self.edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
        let mut text = self.text.to_owned();
        for (place, with) in self.edits {
            text.replace_range(place, &with);
        }
        text
    }
}
