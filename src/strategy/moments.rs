//! Faults that wait for a moment, drawn: aimed at what quiet worlds have shown that nodes say.

use std::sync::Arc;
use std::time::Duration;

use super::{Calibration, Profile, micros};
use crate::protocol::{NodeId, Rng};
use crate::sim::{ArmedFault, Blow, Moment, On, Plan, Said, When};

/// The random stream of armed faults: what a seed draws of all else does not depend on it.
const MOMENT_STREAM: u64 = 18;

/// A world whose faults follow one theme has up to so many of it …
const THEME_MAX: u64 = 6;
/// … each of those is there in so many cases of a thousand, and is another blow in so many …
const THEME_PERMILLE: u32 = 850;
const OTHER_PERMILLE: u32 = 250;
/// … and so many of a thousand worlds with armed faults have a theme.
const THEMES_PERMILLE: u32 = 650;

/// What nodes of a system say, and how often in a quiet world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sayings {
    marks: Vec<(Arc<str>, u64)>,
    sent: Vec<(Arc<str>, u64)>,
    persists: u64,
}

impl Sayings {
    pub(crate) fn of(calibration: &Calibration) -> Self {
        let Calibration { marks, sent, persists, .. } = calibration;
        Self { marks: marks.clone(), sent: sent.clone(), persists: *persists }
    }

    /// All that a fault may wait for.
    pub(crate) fn all(&self) -> Vec<Said> {
        let marks = self.marks.iter().map(|(mark, _)| Said::Mark(Arc::clone(mark)));
        let sent = self.sent.iter().map(|(kind, _)| Said::Sent(Arc::clone(kind)));
        marks.chain(sent).chain((self.persists > 0).then_some(Said::Persisted)).collect()
    }

    /// Something that is said, and how often in a quiet world. Marks are what the machine's author thinks matters, and what is seldom
    /// said matters most.
    fn draw(&self, rng: &mut Rng) -> Option<(Said, u64)> {
        let mark = |rng: &mut Rng| {
            let picked = [rng.pick(&self.marks), rng.pick(&self.marks)].into_iter().flatten();
            picked.min_by_key(|(_, count)| *count).map(|(mark, count)| (Said::Mark(Arc::clone(mark)), *count))
        };
        let kind = |rng: &mut Rng| rng.pick(&self.sent).map(|(kind, count)| (Said::Sent(Arc::clone(kind)), *count));
        let persist = || (self.persists > 0).then_some((Said::Persisted, self.persists));
        match rng.below(10) {
            0..6 => mark(rng).or_else(|| kind(rng)),
            6..9 => kind(rng),
            _ => persist().or_else(|| kind(rng)),
        }
    }
}

/// Adds the armed faults of the world of its seed to a plan, if it has any.
pub(crate) fn arm(plan: &mut Plan, profile: &Profile, sayings: &Sayings) {
    let permille = profile.moments_permille.unwrap_or(0);
    if permille == 0 {
        return;
    }
    let rng = &mut Rng::new(plan.seed, MOMENT_STREAM);
    if !rng.chance(permille) {
        return;
    }
    let Some((said, often)) = sayings.draw(rng) else { return };
    // Again and again at the same mark, as whoever kills each new leader does; or a few that have nothing to do with each other.
    if rng.chance(THEMES_PERMILLE) {
        arm_theme(plan, profile, sayings, (said, often), rng);
    } else {
        for _ in 0..rng.between(1, 3) {
            let fault = sayings.draw(rng).and_then(|said| draw_fault(profile, sayings, said, plan.node_count, rng));
            plan.armed.extend(fault);
        }
    }
}

/// Faults at one time after the other that the same is said: mostly the same blow, each after a while of its own and for as long as
/// it likes.
fn arm_theme(plan: &mut Plan, profile: &Profile, sayings: &Sayings, what: (Said, u64), rng: &mut Rng) {
    let Some(theme) = draw_fault(profile, sayings, what.clone(), plan.node_count, rng) else { return };
    let (first, often) = (theme.moment().map_or(1, |moment| moment.count), what.1);
    let step = if often > 8 { rng.between(1, often / 4) as u32 } else { 1 };
    for place in 0..rng.between(2, THEME_MAX) as u32 {
        let other = draw_fault(profile, sayings, what.clone(), plan.node_count, rng);
        let (is_other, is_there) = (rng.chance(OTHER_PERMILLE), rng.chance(THEME_PERMILLE));
        let mut fault = other.filter(|_| is_other).unwrap_or_else(|| theme.clone());
        let count = first.saturating_add(place.saturating_mul(step));
        if let When::Said { moment, after } = &mut fault.when {
            moment.count = count;
            *after = draw_after(profile, rng);
        }
        if let Some(until) = &mut fault.until {
            until.count = count.saturating_add(1);
        }
        fault.lasts = draw_lasts(profile, &fault.blow, rng);
        if is_there {
            plan.armed.push(fault);
        }
    }
}

/// A fault that waits for one of the first times that something is said.
fn draw_fault(
    profile: &Profile,
    sayings: &Sayings,
    (said, often): (Said, u64),
    node_count: usize,
    rng: &mut Rng,
) -> Option<ArmedFault> {
    // Rare things are aimed at from the first; of common ones any may be it, the early ones more likely.
    let reach = often.clamp(4, 1_000);
    let count = 1 + rng.below(reach).min(rng.below(reach)).min(rng.below(reach)) as u32;
    let on = match rng.below(10) {
        0..8 => On::That,
        8 => On::Peers,
        _ => On::Node(NodeId::new(rng.below(node_count as u64) as usize)),
    };
    let blow = draw_blow(profile, sayings, rng)?;
    let after = draw_after(profile, rng);
    // Until it is said once more, which somebody else may do.
    let until = rng.chance(if matches!(blow, Blow::Pause) { 0 } else { 150 });
    let until = until.then(|| Moment { said: said.clone(), count: 1, by: None });
    let lasts = draw_lasts(profile, &blow, rng);
    let on = if matches!(blow, Blow::Hold { .. }) { On::That } else { on };
    Some(ArmedFault { when: When::Said { moment: Moment { said, count, by: None }, after }, on, blow, lasts, until })
}

/// What the profile has: no crashes where none are, no cuts where none are.
fn draw_blow(profile: &Profile, sayings: &Sayings, rng: &mut Rng) -> Option<Blow> {
    let may = |permille: u32| permille > 0;
    match rng.below(10) {
        0..4 if may(profile.crash_permille) => {
            let effects = rng.chance(profile.in_step_permille).then(|| rng.below(4) as u32);
            Some(Blow::Crash { effects, wipe: rng.chance(profile.wipe_permille) })
        }
        0..8 if may(profile.partition_permille) => Some(if rng.chance(1_000 - profile.one_way_permille.min(1_000)) {
            Blow::Isolate
        } else if rng.chance(500) {
            Blow::Deafen
        } else {
            Blow::Mute
        }),
        8 if may(profile.pause_permille) => Some(Blow::Pause),
        _ if may(profile.delay_permille) => {
            rng.pick(&sayings.sent).map(|(kind, _)| Blow::Hold { kind: Arc::clone(kind) })
        }
        _ => None,
    }
}

/// Right then, or after a while.
fn draw_after(profile: &Profile, rng: &mut Rng) -> Duration {
    if rng.chance(400) { Duration::ZERO } else { any_scale(micros(profile.restart_max), rng) }
}

/// A span of any scale from half a millisecond on: a few milliseconds are as likely as some hundreds.
fn any_scale(longest_us: u64, rng: &mut Rng) -> Duration {
    let scales = (longest_us / 1_000).max(1).ilog2() + 1;
    let scale = 1_000 << rng.below(scales.into());
    Duration::from_micros(rng.between(scale / 2, scale).min(longest_us))
}

/// Mostly for a while, sometimes until the world heals.
fn draw_lasts(profile: &Profile, blow: &Blow, rng: &mut Rng) -> Option<Duration> {
    let longest = match blow {
        Blow::Crash { .. } => micros(profile.restart_max),
        Blow::Pause => micros(profile.pause_max),
        Blow::Hold { .. } => micros(profile.delay_max).saturating_mul(2),
        Blow::Isolate | Blow::Deafen | Blow::Mute => 2 * micros(profile.partition_max),
    };
    if matches!(blow, Blow::Crash { .. }) && rng.chance(500) {
        return Some(any_scale(longest.max(1_000), rng));
    }
    let is_short = *blow == Blow::Pause || rng.chance(850);
    is_short.then(|| Duration::from_micros(rng.between(1_000, longest.max(1_000))))
}
