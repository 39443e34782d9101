//! What a command runs is watched: a step that does not end is told of, and all that was found is told when it must be given up.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Value, json};

use super::print;
use crate::report::shell_word;
use crate::running::Watch;
use crate::sweep::SoFar;
use crate::testing::{GivenUp, Watched};

/// What the watch has to know of a command.
pub(super) struct Command<'a> {
    /// What the operator types to run this command line.
    pub(super) program: &'a str,
    /// Set by an interrupt.
    pub(super) stop: &'a Arc<AtomicBool>,
    pub(super) hang_after: Option<Duration>,
    pub(super) so_far: &'a SoFar,
    /// Where plans are saved; `None` to save nothing.
    pub(super) snapshots: Option<&'a Path>,
    pub(super) as_json: bool,
}

/// Options of a sweep that say which worlds there are, or how to go about it, and nothing of the worlds; and whether a value follows.
const OF_THE_SWEEP: [(&str, bool); 9] = [
    ("--seeds", true),
    ("--seed", true),
    ("--from", true),
    ("--shard", true),
    ("--jobs", true),
    ("--json", false),
    ("--feedback", false),
    ("--verify", false),
    ("--hang-after", true),
];

impl Command<'_> {
    /// Watches it, as long as what is returned lives.
    pub(super) fn watch(self) -> Watch {
        let words = words();
        let all = again(self.program, &words, None);
        // It is asked for with each world, and only the seed differs.
        let of_seed = words.first().filter(|word| *word == "sweep").map(|_| again(self.program, &words, Some(0)));
        let of_seed = of_seed.and_then(|command| command.strip_suffix("0x0").map(str::to_owned));
        let watched = Watched {
            again: Box::new(move |seed| match (seed, &of_seed) {
                (Some(seed), Some(command)) => format!("{command}{seed:#x}"),
                _ => all.clone(),
            }),
            stop: self.stop,
            hang_after: self.hang_after,
            so_far: self.so_far,
            snapshots: self.snapshots,
            tell: if self.as_json { tell_as_json } else { |given_up| print(given_up) },
        };
        watched.begin()
    }
}

/// What stands behind the name of the program.
fn words() -> Vec<String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The command that runs the world of a seed again, of the system and with the options that the operator has given.
pub(super) fn seed_command(program: &str, seed: u64) -> String {
    again(program, &words(), Some(seed))
}

fn again(program: &str, words: &[String], seed: Option<u64>) -> String {
    let is_sweep = words.first().is_some_and(|word| word == "sweep");
    let mut kept: Vec<String> = match seed.filter(|_| is_sweep) {
        None => words.to_vec(),
        Some(seed) => {
            let mut kept = of_the_worlds(words);
            kept.extend(["--seed".to_owned(), format!("{seed:#x}")]);
            kept
        }
    };
    kept.iter_mut().for_each(|word| *word = shell_word(word));
    format!("{} {}", shell_word(program), kept.join(" "))
}

fn of_the_worlds(words: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.split('=').next().unwrap_or_default();
        match OF_THE_SWEEP.iter().find(|(option, _)| *option == name) {
            None => kept.push(word.clone()),
            Some((_, true)) if !word.contains('=') => _ = words.next(),
            Some(_) => {}
        }
    }
    kept
}

fn tell_as_json(given_up: &GivenUp) {
    let failures = given_up.found.iter().map(|(failure, hints)| {
        json!({
            "check": failure.shrunk.violation.check,
            "summary": failure.shrunk.violation.breach.summary,
            "seed": failure.seed.map(|seed| format!("{seed:#x}")),
            "hints": hints,
        })
    });
    let told = json!({
        "given_up": given_up.headline(),
        "seed": given_up.stuck.seed.map(|seed| format!("{seed:#x}")),
        "failures": failures.collect::<Vec<Value>>(),
    });
    print(format_args!("{told}\n"));
}

#[cfg(test)]
mod tests {
    use super::again;

    #[test]
    fn a_world_is_run_again_with_the_options_that_make_it() {
        let command = |line: &str, seed| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            again("ddc", &words, seed)
        };
        let line = "sweep --seeds 9 --system textbook --jobs=2 --bug blind-put --json --from 0x7 --profile harsh";
        assert_eq!(command(line, Some(5)), "ddc sweep --system textbook --bug blind-put --profile harsh --seed 0x5");
        assert_eq!(command("replay my|plan.toml", Some(5)), "ddc replay 'my|plan.toml'");
        assert_eq!(again("./my tool", &["sweep".to_owned()], Some(1)), "'./my tool' sweep --seed 0x1");
        assert_eq!(command(line, None), format!("ddc {line}"));
    }
}
