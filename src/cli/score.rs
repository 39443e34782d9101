//! `ddc score`

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::thread;

use super::ablation::Off;
use super::args::ScoreArguments;
use super::interrupt::stop_on_interrupt;
use super::output::print_json;
use super::progress::Progress;
use super::score_table::{Cell, Column, Row, Table};
use super::{Exit, Registry, Wrong, print, tell};
use crate::score::ScoreOptions;
use crate::strategy::Strategy;

pub(super) fn run(registry: &mut dyn Registry, arguments: &ScoreArguments) -> Result<Exit, Wrong> {
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let (campaigns, worlds_max, stop) = (arguments.campaigns, arguments.worlds, stop_on_interrupt());
    let options = ScoreOptions { campaigns, first: arguments.from, worlds_max, jobs, stop };
    let columns = columns(registry, arguments);
    let systems = registry.scored(arguments.system.as_deref(), arguments.bug.as_deref());
    let total = options.campaigns.saturating_mul((systems.len() * columns.len()) as u64);
    let progress = Progress::up_to(total, "campaigns", arguments.json);
    let mut rows = Vec::new();
    for name in systems {
        if options.stop.load(Ordering::Relaxed) {
            break;
        }
        let mut cells = Vec::new();
        for Column { strategy, feedback, off } in &columns {
            registry.switch_off(*off);
            let system = registry.find(&name)?;
            system.set_strategy(*strategy);
            system.set_feedback(*feedback);
            // A system of the user's own is the same one in each column: it gets back what was struck out.
            let whole = system.profile().clone();
            if *off != Off::Nothing {
                system.set_profile(off.strike_out(whole.clone()));
            }
            // A clock of its own, which nobody sees.
            let clock = Progress::up_to(options.campaigns, "campaigns", true);
            let score = system.score(&options, &|campaigns| progress.add(campaigns));
            system.set_profile(whole);
            let busy = clock.finish() * u32::try_from(jobs.get()).unwrap_or(u32::MAX);
            cells.push(Cell { seconds: busy.as_secs_f64() / score.campaigns.len().max(1) as f64, score });
        }
        rows.push(Row { name, cells });
    }
    progress.finish();
    if options.stop.load(Ordering::Relaxed) {
        tell(
            "stopped: of the last row only the campaigns that had ended by then are in the table, and later rows are missing",
        );
    }
    let table = Table { heads: columns, rows, by_strategy: !arguments.ablation, worlds_max: options.worlds_max };
    if arguments.json {
        print_json(&table.to_json());
    } else {
        print(&table);
    }
    Ok(Exit::Clean)
}

fn columns(registry: &mut dyn Registry, arguments: &ScoreArguments) -> Vec<Column> {
    let feedback = arguments.feedback;
    if arguments.ablation {
        let strategy = arguments.strategy.first().copied().unwrap_or_default();
        let offs = Off::ALL.into_iter().filter(|off| registry.switch_off(*off));
        return offs.map(|off| Column { strategy, feedback, off }).collect();
    }
    let off = Off::Nothing;
    let named = &arguments.strategy;
    let alone = Strategy::ALL
        .into_iter()
        .filter(|strategy| named.is_empty() || named.contains(strategy))
        .map(|strategy| Column { strategy, feedback, off });
    let learning = Column { strategy: Strategy::default(), feedback: true, off };
    alone.chain((named.is_empty() && !feedback).then_some(learning)).collect()
}
