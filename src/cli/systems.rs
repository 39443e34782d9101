//! Several systems in one command line, each with the bugs that are known of it.

use std::fmt;
use std::process::ExitCode;

use super::ablation::Off;
use super::any_system::AnySystem;
use super::args::{DemoArguments, ExploreArguments};
use super::{Exit, Registry, Wrong, own_program, run, system_name};
use crate::harness::Harness;
use crate::model_check::Ask;
use crate::protocol::StateMachine;

/// Several systems in one command line, each with the bugs that are known of it: `--system raft` means the right one, `--system raft
/// --bug figure-8` the one with that bug, and `score` measures how soon each bug is found.
///
/// ```no_run
/// use std::fmt;
/// use std::process::ExitCode;
/// use distributed_data_consistency::{Harness, cli::Systems, store::Node};
///
/// #[derive(Clone, Copy)]
/// struct ForgetsAll;
///
/// impl fmt::Display for ForgetsAll {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("forgets-all")
///     }
/// }
///
/// /// Right, or with a bug that the machine knows how to have.
/// fn harness(bug: Option<ForgetsAll>) -> Harness<Node> {
///     Harness::new(bug.map_or_else(|| "mine".to_owned(), |bug| format!("mine/{bug}")), Node::boot)
/// }
///
/// fn main() -> ExitCode {
///     Systems::new().with_bugs([ForgetsAll], harness).with(|| Harness::new("theirs", Node::boot)).cli()
/// }
/// ```
#[derive(Default)]
pub struct Systems {
    systems: Vec<Named>,
    /// The one that was asked for last.
    found: Option<Box<dyn AnySystem>>,
}

/// A system, and the names of its bugs.
struct Named {
    name: String,
    bugs: Vec<String>,
    /// Makes it right, or with the bug at this place.
    make: Box<dyn Fn(Option<usize>) -> Box<dyn AnySystem>>,
}

impl fmt::Debug for Systems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Systems {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a system. The first one is what is meant where none is named.
    ///
    /// # Panics
    /// If there is one of this name already.
    #[must_use]
    #[track_caller]
    pub fn with<M: StateMachine + 'static>(self, make: impl Fn() -> Harness<M> + 'static) -> Self {
        let name = make().name().to_owned();
        self.add(Named { name, bugs: Vec::new(), make: Box::new(move |_| Box::new(make())) })
    }

    /// Adds a system with the bugs that are known of it, by the names under which they are shown.
    ///
    /// # Panics
    /// If there is a system of this name already, or the system with a bug is not named `system/bug`: it is by this name that a plan file
    /// is replayed with the right one.
    #[must_use]
    #[track_caller]
    pub fn with_bugs<M, B>(
        self,
        bugs: impl IntoIterator<Item = B>,
        make: impl Fn(Option<B>) -> Harness<M> + 'static,
    ) -> Self
    where
        M: StateMachine + 'static,
        B: Copy + fmt::Display + 'static,
    {
        let name = make(None).name().to_owned();
        let bugs: Vec<B> = bugs.into_iter().collect();
        for bug in &bugs {
            let (expected, found) = (format!("{name}/{bug}"), make(Some(*bug)));
            assert_eq!(found.name(), expected, "the system \"{name}\" with the bug \"{bug}\" has another name");
        }
        let names = bugs.iter().map(B::to_string).collect();
        let make = move |place: Option<usize>| Box::new(make(place.map(|place| bugs[place]))) as Box<dyn AnySystem>;
        self.add(Named { name, bugs: names, make: Box::new(make) })
    }

    #[track_caller]
    fn add(mut self, named: Named) -> Self {
        let is_new = self.systems.iter().all(|other| other.name != named.name);
        assert!(is_new, "two systems are named \"{}\": expected a name of its own for each", named.name);
        self.systems.push(named);
        self
    }

    /// The names of all systems, each followed by those with one of its bugs: `raft`, `raft/figure-8`, …
    pub fn names(&self) -> impl Iterator<Item = String> {
        let of = |system: &Named| system.bugs.iter().map(|bug| format!("{}/{bug}", system.name)).collect::<Vec<_>>();
        self.systems.iter().flat_map(move |system| [system.name.clone()].into_iter().chain(of(system)))
    }

    /// Runs the command line: sweep, explore, replay, shrink and score, as `ddc` has them. `score` without `--bug` is of all bugs of a
    /// system, and without `--system` of all systems.
    pub fn cli(mut self) -> ExitCode {
        run(&mut self)
    }

    fn names_where(&self, wanted: impl Fn(&Named) -> bool) -> Vec<&str> {
        self.systems.iter().filter(|system| wanted(system)).map(|system| system.name.as_str()).collect()
    }

    fn find_named(&self, name: &str) -> Result<(&Named, Option<usize>), Wrong> {
        let (system, bug) = name.split_once('/').map_or((name, None), |(system, bug)| (system, Some(bug)));
        let planted = self.names_where(|system| !system.bugs.is_empty());
        let Some(system) = self.systems.iter().find(|other| other.name == system) else {
            let names = self.names_where(|_| true).join(", ");
            let with_bugs = match planted.as_slice() {
                [] => String::new(),
                [only] => format!(", or {only} with a --bug"),
                _ => ", or one of them with a --bug".to_owned(),
            };
            return wrong(format!("there is no system \"{}\": expected {names}{with_bugs}", name.escape_default()));
        };
        let Some(bug) = bug else { return Ok((system, None)) };
        if system.bugs.is_empty() {
            let planted = planted.join(", ");
            return wrong(format!(
                "the {} has no bug \"{}\" to switch on: bugs are planted in --system {planted}",
                system.name,
                bug.escape_default()
            ));
        }
        match system.bugs.iter().position(|other| other == bug) {
            Some(place) => Ok((system, Some(place))),
            None => wrong(format!("unknown bug {bug:?}: expected one of {}", system.bugs.join(", "))),
        }
    }
}

fn wrong<T>(what: String) -> Result<T, Wrong> {
    Err(Wrong::Usage(what))
}

impl Registry for Systems {
    fn find(&mut self, name: &str) -> Result<&mut dyn AnySystem, Wrong> {
        let (system, bug) = self.find_named(name)?;
        let made = (system.make)(bug);
        Ok(&mut **self.found.insert(made))
    }

    fn default_name(&self) -> String {
        self.systems.first().map_or_else(String::new, |system| system.name.clone())
    }

    fn program(&self) -> String {
        own_program(&self.default_name())
    }

    fn scored(&self, system: Option<&str>, bug: Option<&str>) -> Vec<String> {
        let with_bug = |name: &String| name.contains('/') && system.is_none_or(|of| name.split('/').next() == Some(of));
        let all: Vec<String> = self.names().filter(with_bug).collect();
        if bug.is_none() && !all.is_empty() { all } else { vec![system_name(self, system, bug)] }
    }

    fn switch_off(&mut self, off: Off) -> bool {
        // What clients do is the workload's, and nobody here knows it.
        !off.is_of_clients()
    }

    fn demo(&self, _arguments: &DemoArguments) -> Result<Exit, Wrong> {
        let names = self.names_where(|_| true).join(", ");
        wrong(format!("demo: it is of the store of ddc, and there is only {names} here"))
    }

    fn placements(&self, arguments: &ExploreArguments) -> Result<Option<Vec<Vec<Ask>>>, Wrong> {
        match arguments {
            ExploreArguments { keys: None, puts: None, sessions: None, .. } => Ok(None),
            _ => wrong(
                "--keys, --puts and --sessions: the systems draw their own requests, so expected --requests and --seed"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Registry, Systems, Wrong};
    use crate::harness::Harness;
    use crate::protocol::{Env, NodeId, RequestId, StateMachine};

    struct Idle;

    impl StateMachine for Idle {
        type Message = ();
        type Timer = ();
        type Request = ();
        type Response = ();
        type Durable = ();

        fn on_message(&mut self, _from: NodeId, (): (), _env: &mut Env<'_, Self>) {}

        fn on_request(&mut self, _id: RequestId, (): (), _env: &mut Env<'_, Self>) {}
    }

    fn idle(system: &str, bug: Option<&str>) -> Harness<Idle> {
        Harness::new(bug.map_or_else(|| system.to_owned(), |bug| format!("{system}/{bug}")), |_| Idle)
    }

    fn systems() -> Systems {
        Systems::new()
            .with(|| idle("plain", None))
            .with_bugs(["slow", "lossy"], |bug| idle("one", bug))
            .with_bugs(["slow"], |bug| idle("other", bug))
    }

    fn wrong(name: &str) -> String {
        match systems().find(name) {
            Err(Wrong::Usage(what)) => what,
            _ => panic!("{name} is found"),
        }
    }

    #[test]
    fn systems_are_found_by_the_names_of_plan_files() {
        let names = ["plain", "one", "one/slow", "one/lossy", "other", "other/slow"];
        assert_eq!(systems().names().collect::<Vec<_>>(), names);
        assert!(names.iter().all(|name| systems().find(name).is_ok()));
        assert!(wrong("none").ends_with("expected plain, one, other, or one of them with a --bug"));
        assert!(wrong("plain/slow").ends_with("bugs are planted in --system one, other"), "{}", wrong("plain/slow"));
        assert_eq!(wrong("one/fast"), "unknown bug \"fast\": expected one of slow, lossy");
    }

    #[test]
    fn all_bugs_are_scored_that_are_not_left_out() {
        let scored = |system, bug| systems().scored(system, bug);
        assert_eq!(scored(None, None), ["one/slow", "one/lossy", "other/slow"]);
        assert_eq!(scored(Some("one"), None), ["one/slow", "one/lossy"]);
        assert_eq!(scored(Some("one"), Some("lossy")), ["one/lossy"]);
        assert_eq!(scored(Some("plain"), None), ["plain"]);
    }

    #[test]
    #[should_panic(expected = "the system \"mine\" with the bug \"slow\" has another name")]
    fn a_plan_must_find_its_system_again() {
        let _ = Systems::new().with_bugs(["slow"], |_| idle("mine", None));
    }

    #[test]
    #[should_panic(expected = "two systems are named \"plain\"")]
    fn a_name_is_of_one_system() {
        let _ = systems().with(|| idle("plain", None));
    }
}
