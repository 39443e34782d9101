//! Strategies: ways to draw worlds.
//!
//! All draw the same sort of thing, a plan and the fates of its messages, from nothing but a seed; they differ in what they
//! think likely to break a system. `ddc score` measures how soon each finds what.

mod aimed;
mod calibration;
mod clients;
mod clocks;
mod delay_bounded;
mod disks;
mod draw;
mod fates;
mod knobs;
mod late_timers;
mod moments;
mod pct;
mod portfolio;
mod pos;
mod profile;
mod scenario;
mod scheduler;
mod swarm;
mod uniform;
mod worlds;

use std::fmt;
use std::str::FromStr;

pub use calibration::{Calibration, TimerSpans};
pub use clients::Retries;
pub use clocks::ClockBounds;
use clocks::set_clocks;
pub use disks::Disks;
pub(crate) use draw::{any_node, draw_asks, draw_links, draw_pause, micros, until};
pub(crate) use fates::LinkFaults;
pub use fates::SeededFates;
pub use knobs::Knob;
use knobs::draw_knobs;
pub(crate) use moments::Sayings;
use moments::arm;
pub use profile::{Profile, UnknownProfile};
pub use scenario::Scenario;
use scenario::add_scenario;
use scheduler::Scheduler;
pub(crate) use worlds::Fitted;
pub use worlds::Worlds;

/// Declares the strategies from one table: the variant, its name on the command line, and who draws.
macro_rules! strategies {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal by $scheduler:expr;)+) => {
        /// A way to draw worlds from seeds.
        ///
        /// A world is a function of system, strategy and seed: to see one again, name all three, or save its plan.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Strategy {
            $($(#[$doc])+ $variant,)+
        }

        impl Strategy {
            /// All of them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        /// Who draws the worlds of a strategy.
        fn scheduler_of(strategy: Strategy) -> &'static dyn Scheduler {
            match strategy {
                $(Strategy::$variant => &$scheduler,)+
            }
        }
    };
}

strategies! {
    /// Every world has a little of everything: the baseline that the others are measured against.
    Uniform = "uniform" by uniform::Uniform;
    /// Each world first draws which kinds of fault it has, and how strong (Groce et al., ISSTA 2012).
    Swarm = "swarm" by swarm::Swarm;
    /// Each chain of messages that answer one another has a priority, and a few messages fall behind all others: probabilistic
    /// concurrency testing for message passing (after Ozkan et al., OOPSLA 2018). A priority is a delay.
    Pct = "pct" by pct::Chains;
    /// Each message takes any place among those under way to the same receiver, all equally likely: partial-order sampling
    /// (after Yuan et al., CAV 2018).
    Pos = "pos" by pos::AnyPlace;
    /// All is boring but for a few messages, which are late, lost or doubled: delay-bounded scheduling (after Emmi et al., POPL
    /// 2011).
    Delays = "delays" by delay_bounded::Delays;
    /// Each seed draws which of the others draws its world, in fixed shares: no bug is far from one that finds it.
    #[default]
    Portfolio = "portfolio" by portfolio::Portfolio;
}

impl Strategy {
    /// The strategy that draws the world of `seed`: of the portfolio the one whose turn it is, else the same.
    #[must_use]
    pub fn of(self, seed: u64) -> Self {
        scheduler_of(self).turn(seed).unwrap_or(self)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no strategy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStrategy(String);

impl fmt::Display for UnknownStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Strategy::ALL.map(Strategy::name).join(", ");
        write!(f, "strategy \"{}\": expected one of {names}", self.0.escape_default())
    }
}

impl std::error::Error for UnknownStrategy {}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, UnknownStrategy> {
        let strategy = Self::ALL.into_iter().find(|strategy| strategy.name() == name);
        strategy.ok_or_else(|| UnknownStrategy(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Strategy;

    #[test]
    fn names_are_read_back() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        let unknown = "swarms".parse::<Strategy>().expect_err("expect: no strategy has this name").to_string();
        assert!(unknown.starts_with("strategy \"swarms\": expected one of uniform, swarm, "), "{unknown}");
    }

    #[test]
    fn the_portfolio_shares_its_worlds() {
        let drawn = |strategy| (0..800).filter(|seed| Strategy::Portfolio.of(*seed) == strategy).count();
        let counts = Strategy::ALL.map(drawn);
        assert_eq!(counts.iter().sum::<usize>(), 800);
        let [uniform, shares @ .., portfolio] = counts;
        assert!(shares.iter().all(|count| *count > 50) && (uniform, portfolio) == (0, 0), "{counts:?}");
    }
}
