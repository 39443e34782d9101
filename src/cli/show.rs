//! `ddc show`

use std::fs;

use super::args::ShowArguments;
use super::output::print_json_lines;
use super::replay::{exit_of, system_of};
use super::{Exit, Registry, Wrong, print, replay_command};
use crate::protocol::visible;
use crate::replay::{Error, PlanFile};
use crate::report::RunView;

/// Runs the plan, looks for what its verdict depends on, and shows it. Exits as a replay does.
pub(super) fn run(registry: &mut dyn Registry, arguments: &ShowArguments) -> Result<Exit, Wrong> {
    let path = &arguments.file;
    let plan = PlanFile::read_text(path)?;
    let replay = replay_command(&registry.program(), path);
    let system = system_of(registry, path)?;
    let replayed = system.replay_file(path)?;
    let failure = system.explain(&replayed);
    let twin = failure.as_ref().and_then(|failure| failure.twin.as_ref()).map(|twin| system.record(&twin.plan).trace);
    let view = RunView {
        system: &replayed.file.system,
        node_count: replayed.file.plan.node_count,
        trace: failure.as_ref().map_or(&replayed.trace, |failure| &failure.trace),
        failure: failure.as_ref(),
        twin: twin.as_ref(),
        plan: &plan,
        replay: &replay,
    };
    match &arguments.html {
        Some(out) => {
            let written = fs::write(out, view.page());
            written.map_err(|error| Error { path: out.clone(), line: None, message: error.to_string() })?;
            print(format_args!("wrote {}\n", visible(&out.to_string_lossy())));
        }
        None if arguments.mermaid => print(view.mermaid()),
        None if arguments.shiviz => print(view.shiviz()),
        None if arguments.perfetto => print_json_lines(&view.perfetto()),
        None if arguments.json => print_json_lines(&view.json_lines()),
        None => print(view.text()),
    }
    Ok(exit_of(&replayed))
}
