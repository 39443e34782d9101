//! Failures as every command tells them: printed first, then saved; and what cannot be saved is printed in full.

use std::path::Path;

use serde_json::{Value, json};

use super::{print, replay_command, show_command};
use crate::report::Screen;
use crate::sweep::Failure;
use crate::testing::Saved;

/// Prints the screen of the first failure and a line of each other, saves each in `directory`, and prints how to see it again.
pub(super) fn print_and_save(failures: &[Failure], directory: &Path, program: &str) {
    let mut texts = String::new();
    for (place, failure) in failures.iter().enumerate() {
        match place {
            0 => print(Screen { failure, hints: &[] }),
            _ => print(format_args!("also     {}\n", failure.shrunk.violation)),
        }
        let saved = Saved::new(failure, directory);
        match (&saved.place, place) {
            (Ok(path), 0) => {
                print(format_args!("replay   {}\n", replay_command(program, path)));
                print(format_args!("show     {}\n", show_command(program, path)));
            }
            (Ok(path), _) => print(format_args!("         {}\n", replay_command(program, path))),
            (Err(error), _) => {
                print(format_args!("not saved {error}\n"));
                print(failure.seed.map_or_else(String::new, |seed| format!("seed     {seed:#x}\n")));
            }
        }
        texts.push_str(&saved.tell_text());
    }
    print(texts);
}

/// Saves each failure in `directory`. Whatever cannot be saved is still told.
pub(super) fn save_all(failures: &[Failure], directory: &Path) -> Vec<Saved> {
    failures.iter().map(|failure| Saved::new(failure, directory)).collect()
}

/// Where the plan of a failure lies, for programs: the path of the file, or why there is none, and what would stand in it.
pub(super) fn add_place(mut failure: Value, saved: &Saved) -> Value {
    failure["plan"] = json!(saved.place.as_ref().ok().map(|path| path.display().to_string()));
    if let Err(error) = &saved.place {
        failure["not_saved"] = json!(error.to_string());
        failure["plan_text"] = json!(saved.text);
    }
    failure
}
