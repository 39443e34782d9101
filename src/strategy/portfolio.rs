//! Each seed draws which of the other strategies draws its world, in fixed shares.

use super::fates::SeededFates;
use super::scheduler::{Scheduler, Sketch};
use super::{Strategy, scheduler_of};
use crate::protocol::Rng;
use crate::sim::Plan;

/// The random stream that says which strategy draws a world of the portfolio.
const PORTFOLIO_STREAM: u64 = 5;

/// The shares of the portfolio, chosen by what each strategy alone takes for each planted bug. They are fixed: shares that
/// adapt gain no more than the noise, and a seed would mean nothing without the worlds before it. `Delays` is what some bugs need
/// that hide in any noise.
const SHARES: [Strategy; 8] = [
    Strategy::Pos,
    Strategy::Pos,
    Strategy::Pos,
    Strategy::Pos,
    Strategy::Pct,
    Strategy::Pct,
    Strategy::Delays,
    Strategy::Swarm,
];

pub(super) struct Portfolio;

impl Scheduler for Portfolio {
    fn draw(&self, sketch: &mut Sketch<'_>) -> (Plan, SeededFates) {
        scheduler_of(turn(sketch.seed)).draw(sketch)
    }

    fn turn(&self, seed: u64) -> Option<Strategy> {
        Some(turn(seed))
    }
}

fn turn(seed: u64) -> Strategy {
    let drawn = Rng::new(seed, PORTFOLIO_STREAM).pick(&SHARES).copied();
    drawn.expect("expect: the portfolio has shares")
}
