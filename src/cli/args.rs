//! What may stand on the command line.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::model_check::SCOPE_NODES_MAX;
use crate::shrink::SHRINK_STEPS_MAX;
use crate::sim::NODE_COUNT_MAX;
use crate::strategy::{Profile, Strategy};
use crate::testing::{JOBS_MAX, parse_jobs, parse_span};
use crate::testing::{parse_seed, parse_shard};

/// Finds the interleaving that breaks a replicated system, shrinks it, explains it, and replays it from a file for ever.
///
/// Exit codes: 0 clean, 1 a check was violated, 2 bad input or usage, or nothing was run, or results could not be printed, 3 a replay
/// went another way than its file tells.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run many hostile worlds, and shrink and save what fails
    Sweep(Box<SweepArguments>),
    /// Run a small world in every possible way
    Explore(Box<ExploreArguments>),
    /// Run plan files again; exits with 3 if a run is not the one that its file tells of
    Replay(ReplayArguments),
    /// Show the run of a plan file: as a page for a browser, as text, or in a form that another tool reads
    Show(ShowArguments),
    /// Make the plan in a file smaller
    Shrink(ShrinkArguments),
    /// Measure how soon violations are found: of ddc all known bugs, by all strategies
    Score(ScoreArguments),
    /// Play with a small cluster of the store on threads: write, cut links, crash nodes, and see siblings appear
    Demo(DemoArguments),
}

#[derive(Debug, Args)]
pub(super) struct SweepArguments {
    /// How many worlds
    #[arg(long, value_name = "N", default_value_t = 1_000, conflicts_with = "seed", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seeds: u64,
    /// Just the world of this seed, such as 0x9f2c41
    #[arg(long, value_name = "S", value_parser = seed)]
    pub(super) seed: Option<u64>,
    /// The seed of the first world
    #[arg(long, value_name = "S", value_parser = seed, default_value = "0", conflicts_with = "seed")]
    pub(super) from: u64,
    /// How many nodes: a number, or a range such as 3..5 with both ends included
    #[arg(long, value_name = "A..B", value_parser = nodes)]
    pub(super) nodes: Option<RangeInclusive<usize>>,
    /// Which system: store or textbook
    #[arg(long, value_name = "NAME")]
    pub(super) system: Option<String>,
    /// The known bug to plant in the textbook, such as node-wide-stamp; a name that is none lists them all
    #[arg(long, value_name = "NAME")]
    pub(super) bug: Option<String>,
    /// How hostile: calm, lossy, hostile or harsh
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<Profile>,
    /// How worlds are drawn: uniform, swarm, pct, pos, delays or portfolio [default: what the system says, else portfolio]
    #[arg(long, value_name = "NAME")]
    pub(super) strategy: Option<Strategy>,
    /// A quarter of the worlds are made of the plans of those that showed something new; these have no seed, but a plan
    #[arg(long, conflicts_with = "seed")]
    pub(super) feedback: bool,
    /// On how many threads; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Only the i-th, from 0, of n parts of the worlds
    #[arg(long, value_name = "i/n", value_parser = shard, conflicts_with = "seed")]
    pub(super) shard: Option<(u64, u64)>,
    /// Where to save plans that fail [default: where the system says, else snapshots/replays]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Run each world twice, and compare everything that can be seen of it [default: one world in a hundred]
    #[arg(long)]
    pub(super) verify: bool,
    /// After so long in one step, such as 10s, a run counts as one that never ends: it is told with all that was found before it, and
    /// the command exits with 1 [default: what the system says, else never; such a step is told of after 5 s in any case]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(super) hang_after: Option<Duration>,
    /// Print the summary as JSON, and no progress
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExploreArguments {
    /// Which system: store or textbook
    #[arg(long, value_name = "NAME")]
    pub(super) system: Option<String>,
    /// The known bug to plant in the textbook, such as node-wide-stamp; a name that is none lists them all
    #[arg(long, value_name = "NAME")]
    pub(super) bug: Option<String>,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = explored_nodes)]
    pub(super) nodes: usize,
    /// Store and textbook: over how many keys the puts are spread, in all ways [default: 2]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(super) keys: Option<u8>,
    /// Store and textbook: how many puts, spread over the nodes in all ways [default: 3]
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(super) puts: Option<u8>,
    /// Store and textbook: over how many sessions the puts are spread, in all ways; without, there are none
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u8).range(0..=4))]
    pub(super) sessions: Option<u8>,
    /// How many requests, drawn from --seed; for store and textbook instead of puts
    #[arg(long, value_name = "R", conflicts_with_all = ["keys", "puts", "sessions"], value_parser = asked)]
    pub(super) requests: Option<usize>,
    /// The seed of the first set of requests
    #[arg(long, value_name = "S", value_parser = seed, default_value = "0")]
    pub(super) seed: u64,
    /// How many sets of requests are drawn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) seeds: u64,
    /// Requests come only in the order of their set, not in any order of different nodes
    #[arg(long)]
    pub(super) in_order: bool,
    /// How many messages may be lost in a run
    #[arg(long, value_name = "D", default_value_t = 1)]
    pub(super) drops: u8,
    /// How many messages may be doubled in a run
    #[arg(long, value_name = "D", default_value_t = 1)]
    pub(super) duplicates: u8,
    /// How many times nodes may crash in a run, between steps or in them
    #[arg(long, value_name = "C", default_value_t = 0)]
    pub(super) crashes: u8,
    /// How many timers may fire before all messages have come
    #[arg(long, value_name = "T", default_value_t = 0)]
    pub(super) timers: u8,
    /// Give up a set of requests before it has more states than this; each thread holds as many at most
    #[arg(long, value_name = "N", default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) states: u64,
    /// On how many threads; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Where to save plans that fail [default: where the system says, else snapshots/replays]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// After so long in one step, such as 10s, a run counts as one that never ends: it is told with all that was found before it, and
    /// the command exits with 1 [default: what the system says, else never; such a step is told of after 5 s in any case]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(super) hang_after: Option<Duration>,
    /// Print the summary as JSON, and no progress
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Plan files
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Let the files tell how their runs go now: review the change
    #[arg(long, conflicts_with = "bytes")]
    pub(super) update: bool,
    /// Look for the passing twin and the pivotal step of a failure as well. The nodes are run some hundred times for it, and what
    /// they print is printed as often
    #[arg(long, conflicts_with_all = ["update", "bytes"])]
    pub(super) explain: bool,
    /// The files are bytes that a fuzzer found, not plans: run the plans that they stand for, and shrink those that fail
    #[arg(long)]
    pub(super) bytes: bool,
    /// With --bytes: which system they are for: store or textbook
    #[arg(long, value_name = "NAME", requires = "bytes")]
    pub(super) system: Option<String>,
    /// With --bytes: the known bug to plant in the textbook
    #[arg(long, value_name = "NAME", requires = "bytes")]
    pub(super) bug: Option<String>,
    /// With --bytes: where to save the plans
    #[arg(long, value_name = "DIR", requires = "bytes")]
    pub(super) save: Option<PathBuf>,
    /// After so long in one step, such as 10s, a run counts as one that never ends: it is told with all that was found before it, and
    /// the command exits with 1 [default: what the system says, else never; such a step is told of after 5 s in any case]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(super) hang_after: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("form"))]
pub(super) struct ShowArguments {
    /// A plan file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Write one page for a browser that shows the run: lanes, states, what the verdict depends on. It loads nothing
    #[arg(long, value_name = "OUT", group = "form")]
    pub(super) html: Option<PathBuf>,
    /// Print each event, what steps changed, and a star before what the verdict depends on [default]
    #[arg(long, group = "form")]
    pub(super) text: bool,
    /// Print a Mermaid sequence diagram, within the limits of GitHub
    #[arg(long, group = "form")]
    pub(super) mermaid: bool,
    /// Print a log for ShiViz, with the passing twin as a second execution
    #[arg(long, group = "form")]
    pub(super) shiviz: bool,
    /// Print trace events for Perfetto
    #[arg(long, group = "form")]
    pub(super) perfetto: bool,
    /// Print JSON Lines: what the run is, then each event
    #[arg(long, group = "form")]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShrinkArguments {
    /// A plan file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Where to save the smaller plan; beside the file if not told
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// How many runs to spend
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) runs: u64,
    /// How many steps of nodes to spend
    #[arg(long, value_name = "N", default_value_t = 4 * SHRINK_STEPS_MAX)]
    pub(super) steps: u64,
    /// After so long in one step, such as 10s, a run counts as one that never ends: it is told with all that was found before it, and
    /// the command exits with 1 [default: what the system says, else never; such a step is told of after 5 s in any case]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(super) hang_after: Option<Duration>,
}

#[derive(Debug, Args)]
pub(super) struct ScoreArguments {
    /// Which system [default: the textbook with each of its bugs]
    #[arg(long, value_name = "NAME")]
    pub(super) system: Option<String>,
    /// Just this known bug
    #[arg(long, value_name = "NAME")]
    pub(super) bug: Option<String>,
    /// Just these strategies, with commas between them: uniform, swarm, pct, pos, delays or portfolio [default: all; portfolio with
    /// --ablation]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) strategy: Vec<Strategy>,
    /// Only with feedback [default: without, and portfolio with it as well]
    #[arg(long)]
    pub(super) feedback: bool,
    /// Instead of strategies compare worlds in which one kind of thing never happens
    #[arg(long)]
    pub(super) ablation: bool,
    /// How often each is searched for, each time in other worlds
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) campaigns: u64,
    /// The number of the first campaign: other campaigns, other worlds
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) from: u64,
    /// Give up after so many worlds
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) worlds: u64,
    /// On how many threads; only the times depend on it
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Print the table as JSON, and no progress
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = demo_nodes)]
    pub(super) nodes: usize,
    /// Do what stands in a file, a command a line, rather than what is typed
    #[arg(long, value_name = "FILE", conflicts_with = "tour")]
    pub(super) script: Option<PathBuf>,
    /// Show what there is to see; it takes a second
    #[arg(long, conflicts_with = "nodes")]
    pub(super) tour: bool,
}

fn demo_nodes(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=9).contains(count));
    count.ok_or_else(|| "expected a number from 1 to 9".to_owned())
}

fn seed(text: &str) -> Result<u64, String> {
    parse_seed(text).ok_or_else(|| "expected a seed such as 0x9f2c41 or 42".to_owned())
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).ok_or_else(|| "expected a duration above 0, such as 10s or 500ms".to_owned())
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    parse_shard(text).ok_or_else(|| "expected i/n with i below n, such as 0/4".to_owned())
}

fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    parse_jobs(text).ok_or_else(|| format!("expected a number from 1 to {JOBS_MAX}"))
}

/// More requests than this are for sweeps.
const ASKED_MAX: usize = 1_000;

fn asked(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=ASKED_MAX).contains(count));
    count.ok_or_else(|| format!("expected a number from 1 to {ASKED_MAX}"))
}

fn explored_nodes(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=SCOPE_NODES_MAX).contains(count));
    count.ok_or_else(|| format!("expected a number from 1 to {SCOPE_NODES_MAX}"))
}

fn nodes(text: &str) -> Result<RangeInclusive<usize>, String> {
    let expected = || format!("expected a number or a range such as 3..5, from 1 to {NODE_COUNT_MAX}");
    let (fewest, most) = text.split_once("..").unwrap_or((text, text));
    let count = |text: &str| text.strip_prefix('=').unwrap_or(text).parse::<usize>().map_err(|_| expected());
    let (fewest, most) = (count(fewest)?, count(most)?);
    if fewest == 0 || fewest > most || most > NODE_COUNT_MAX { Err(expected()) } else { Ok(fewest..=most) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Arguments, nodes};

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn node_counts_are_a_number_or_a_range() {
        assert_eq!(nodes("3"), Ok(3..=3));
        assert_eq!(nodes("3..5"), Ok(3..=5));
        assert_eq!(nodes("3..=5"), Ok(3..=5));
        for wrong in ["", "0", "5..3", "3..", "..", "a", "1..999999999"] {
            assert!(nodes(wrong).is_err(), "{wrong}");
        }
    }
}
