//! Faults that wait for a moment, drawn: aimed at what quiet worlds have shown that nodes say.

use std::sync::Arc;
use std::time::Duration;

use super::{Calibration, Profile, micros};
use crate::protocol::{NodeId, Rng};
use crate::sim::{ArmedFault, Blow, Moment, On, Plan, Said, When};

/// The random stream of armed faults: what a seed draws of all else does not depend on it.
const MOMENT_STREAM: u64 = 18;

/// A world whose faults follow one theme has up to so many of it …
const THEME_MAX: u64 = 5;
/// … and each of those is there in so many cases of a thousand.
const THEME_PERMILLE: u32 = 750;

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

    /// Something that is said, and how often it is worth to wait for it. Marks are what the machine's author thinks matters.
    fn draw(&self, rng: &mut Rng) -> Option<(Said, u64)> {
        let mark = |rng: &mut Rng| rng.pick(&self.marks).map(|(mark, count)| (Said::Mark(Arc::clone(mark)), *count));
        let kind = |rng: &mut Rng| rng.pick(&self.sent).map(|(kind, count)| (Said::Sent(Arc::clone(kind)), *count));
        let persist = || (self.persists > 0).then_some((Said::Persisted, self.persists));
        match rng.below(10) {
            0..5 => mark(rng).or_else(|| kind(rng)),
            5..8 => kind(rng),
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
    // The same blow again and again, as whoever kills each new leader does; or a few that have nothing to do with each other.
    if rng.chance(600) {
        let Some((said, often)) = sayings.draw(rng) else { return };
        let Some(theme) = draw_fault(profile, sayings, (said, often), plan.node_count, rng) else { return };
        let first = theme.moment().map_or(1, |moment| moment.count);
        let step = if often > 8 { rng.between(1, often / 4) as u32 } else { 1 };
        for place in 0..rng.between(1, THEME_MAX) as u32 {
            let mut fault = theme.clone();
            let count = first.saturating_add(place.saturating_mul(step));
            if let When::Said { moment, .. } = &mut fault.when {
                moment.count = count;
            }
            if let Some(until) = &mut fault.until {
                until.count = count.saturating_add(until.count);
            }
            fault.lasts = draw_lasts(profile, &fault.blow, rng).or(fault.lasts.filter(|_| fault.blow == Blow::Pause));
            if rng.chance(THEME_PERMILLE) {
                plan.armed.push(fault);
            }
        }
    } else {
        for _ in 0..rng.between(1, 3) {
            let fault = sayings.draw(rng).and_then(|said| draw_fault(profile, sayings, said, plan.node_count, rng));
            plan.armed.extend(fault);
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
    let after = if rng.chance(600) { Duration::ZERO } else { draw_after(profile, rng) };
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
        0..7 if may(profile.partition_permille) => Some(if rng.chance(1_000 - profile.one_way_permille.min(1_000)) {
            Blow::Isolate
        } else if rng.chance(500) {
            Blow::Deafen
        } else {
            Blow::Mute
        }),
        7 if may(profile.pause_permille) => Some(Blow::Pause),
        _ if may(profile.delay_permille) => {
            rng.pick(&sayings.sent).map(|(kind, _)| Blow::Hold { kind: Arc::clone(kind) })
        }
        _ => None,
    }
}

/// Short ways as likely as long ones.
fn draw_after(profile: &Profile, rng: &mut Rng) -> Duration {
    let reach = rng.between(1, 1_000);
    Duration::from_micros((reach * reach * micros(profile.restart_max) / 1_000_000).max(1))
}

/// Mostly for a while, sometimes until the world heals.
fn draw_lasts(profile: &Profile, blow: &Blow, rng: &mut Rng) -> Option<Duration> {
    let longest = match blow {
        Blow::Crash { .. } => micros(profile.restart_max),
        Blow::Pause => micros(profile.pause_max),
        Blow::Hold { .. } => micros(profile.delay_max).saturating_mul(2),
        Blow::Isolate | Blow::Deafen | Blow::Mute => 2 * micros(profile.partition_max),
    };
    let is_short = *blow == Blow::Pause || rng.chance(850);
    is_short.then(|| Duration::from_micros(rng.between(1_000, longest.max(1_000))))
}
