//! `ddc demo`: a small cluster on threads, played with from the keyboard or by a script.

mod command;
mod shop;

use std::fs;
use std::io::{self, BufRead, IsTerminal};

use super::args::DemoArguments;
use super::{Exit, Wrong, print, tell};
use command::Command;
use shop::Shop;

/// What there is to see, for whoever has never seen it.
const TOUR: &str = include_str!("tour.txt");

pub(super) fn run(arguments: &DemoArguments) -> Result<Exit, Wrong> {
    let shop = Shop::new(arguments.nodes);
    if arguments.tour {
        return run_script(&shop, arguments.nodes, "tour", TOUR);
    }
    if let Some(path) = &arguments.script {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| Wrong::Usage(format!("{name}: {error}")))?;
        return run_script(&shop, arguments.nodes, &name, &text);
    }
    if io::stdin().is_terminal() {
        return run_terminal(&shop, arguments.nodes);
    }
    let text = io::read_to_string(io::stdin()).map_err(|error| Wrong::Usage(format!("standard input: {error}")))?;
    if text.trim().is_empty() {
        let expected = "standard input is empty: expected commands, or --tour for a tour, or --script FILE";
        return Err(Wrong::Usage(expected.to_owned()));
    }
    run_script(&shop, arguments.nodes, "standard input", &text)
}

/// Shows each line and what it does. The first that is wrong ends it.
fn run_script(shop: &Shop, node_count: usize, name: &str, text: &str) -> Result<Exit, Wrong> {
    let mut is_empty = true;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with('#') {
            print(format_args!("{line}\n"));
            continue;
        }
        let wrong = |error: String| Wrong::Usage(format!("{name}:{number}: {error}"));
        let Some(command) = command::parse(line, node_count).map_err(wrong)? else { continue };
        is_empty = false;
        if command == Command::Quit {
            break;
        }
        print(format_args!("> {line}\n{}", indented(&shop.carry_out(&command))));
    }
    match is_empty {
        true => Err(Wrong::Usage(format!("{name}: expected commands, found none"))),
        false => Ok(Exit::Clean),
    }
}

/// Talks with a person, who may err.
fn run_terminal(shop: &Shop, node_count: usize) -> Result<Exit, Wrong> {
    print(format_args!(
        "{node_count} nodes on threads, each with a copy of everything. \"help\" lists what you can do.\n"
    ));
    loop {
        print("> ");
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        if read.map_err(|error| Wrong::Usage(format!("standard input: {error}")))? == 0 {
            print("\n");
            return Ok(Exit::Clean);
        }
        match command::parse(&line, node_count) {
            Ok(None) => {}
            Ok(Some(Command::Quit)) => return Ok(Exit::Clean),
            Ok(Some(command)) => print(indented(&shop.carry_out(&command))),
            Err(error) => tell(format_args!("  {error}")),
        }
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
