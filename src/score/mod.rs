//! How soon a violation is found: campaigns, each over worlds of its own, up to the first that fails.

use std::mem;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use indexmap::IndexMap;

use crate::harness::bounds::Brake;
use crate::harness::{Harness, Outcome};
use crate::protocol::StateMachine;
use crate::running::spawn_scoped;
use crate::sim::Arena;
use crate::sweep::TransitionKinds;
use crate::sweep::{Feedback, Lesson, ROUND};

/// The seeds of campaigns lie this far apart, and no campaign has more worlds.
const SEEDS_APART: u64 = 1 << 32;

/// How to score.
#[derive(Clone, Debug)]
pub struct ScoreOptions {
    /// How many campaigns.
    pub campaigns: u64,
    /// The number of the first. Campaign n begins with the seed n · 2^32.
    pub first: u64,
    /// After so many worlds a campaign gives up.
    pub worlds_max: u64,
    /// On how many threads. The result does not depend on it.
    pub jobs: NonZeroUsize,
    /// Set by whoever has seen enough: the campaigns that have ended by then are the score.
    pub stop: Arc<AtomicBool>,
}

/// How one campaign ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// How many worlds it ran.
    pub worlds: u64,
    /// How many steps they took.
    pub steps: u64,
    /// Which check failed in the last one; `None` if nothing was found.
    pub check: Option<String>,
}

/// How all campaigns ended, the shortest first, those that found nothing last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// The campaigns.
    pub campaigns: Vec<Campaign>,
}

impl Score {
    /// After how many worlds `permille` of a thousand campaigns had found something; `None` if fewer ever did.
    #[must_use]
    pub fn worlds_at(&self, permille: u64) -> Option<u64> {
        let rank = (self.campaigns.len() as u64 * permille).div_ceil(1_000).max(1);
        let campaign = self.campaigns.get(rank as usize - 1)?;
        campaign.check.as_ref().map(|_| campaign.worlds)
    }

    /// How many campaigns found something.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.campaigns.iter().filter(|campaign| campaign.check.is_some()).count() as u64
    }

    /// How many worlds all campaigns ran.
    #[must_use]
    pub fn worlds(&self) -> u64 {
        self.campaigns.iter().map(|campaign| campaign.worlds).sum()
    }

    /// Which checks caught it, the most frequent first, and how often.
    #[must_use]
    pub fn checks(&self) -> IndexMap<String, u64> {
        let mut checks: IndexMap<String, u64> = IndexMap::new();
        for check in self.campaigns.iter().filter_map(|campaign| campaign.check.as_ref()) {
            *checks.entry(check.clone()).or_default() += 1;
        }
        checks.sort_by(|name, count, other_name, other| other.cmp(count).then(name.cmp(other_name)));
        checks
    }
}

/// Runs the campaigns over `system`, as its strategy draws worlds. `progress` hears of each one that has ended.
pub fn score<M: StateMachine>(system: &Harness<M>, options: &ScoreOptions, progress: &(dyn Fn(u64) + Sync)) -> Score {
    let next = AtomicU64::new(0);
    let all = Mutex::new(Vec::new());
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= options.campaigns {
            break;
        }
        let worlds_max = options.worlds_max.min(SEEDS_APART);
        let Some(campaign) = campaign(system, options.first.wrapping_add(number), worlds_max, &options.stop) else {
            break;
        };
        all.lock().expect("expect: no thread of a score panics").push(campaign);
        progress(1);
    };
    thread::scope(|scope| {
        for _ in 1..options.jobs.get() {
            spawn_scoped(scope, work);
        }
        work();
    });
    let mut campaigns = all.into_inner().expect("expect: no thread of a score panics");
    campaigns.sort_by(|left: &Campaign, right: &Campaign| {
        let key = |campaign: &Campaign| (campaign.check.is_none(), campaign.worlds, campaign.steps);
        key(left).cmp(&key(right)).then_with(|| left.check.cmp(&right.check))
    });
    Score { campaigns }
}

/// One campaign; `None` if somebody has seen enough before it has ended.
fn campaign<M: StateMachine>(system: &Harness<M>, number: u64, worlds_max: u64, stop: &AtomicBool) -> Option<Campaign> {
    let first = number.wrapping_mul(SEEDS_APART);
    let mut steps = 0;
    let mut learner = system.feedback.then(Learner::default);
    for place in 0..worlds_max {
        let seed = first.wrapping_add(place);
        let outcome = match &mut learner {
            None => system.run_seed_seen(seed, &mut Brake(stop)),
            Some(learner) => learner.run(system, seed, stop),
        };
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        steps += outcome.stats.steps;
        if let Some(violation) = outcome.violation {
            return Some(Campaign { worlds: place + 1, steps, check: Some(violation.check) });
        }
    }
    Some(Campaign { worlds: worlds_max, steps, check: None })
}

/// Runs worlds one after the other, as a sweep with feedback does.
#[derive(Default)]
struct Learner {
    feedback: Feedback,
    /// How far the round has come, and what there is to learn from it.
    place: u64,
    lessons: Vec<Lesson>,
}

impl Learner {
    fn run<M: StateMachine>(&mut self, system: &Harness<M>, seed: u64, stop: &AtomicBool) -> Outcome {
        if self.place == ROUND {
            self.feedback.learn(mem::take(&mut self.lessons));
            self.place = 0;
        }
        self.place += 1;
        let origin = self.feedback.origin(seed, &system.fitted().worlds.profile);
        let mut transitions = TransitionKinds::default();
        transitions.begin(seed);
        let outcome =
            system.run_origin(&mut Arena::default(), &origin, &mut (&mut transitions, &mut Brake(stop)), system.limits);
        self.lessons.extend(self.feedback.lesson(system, &origin, &outcome, &transitions));
        outcome
    }
}
