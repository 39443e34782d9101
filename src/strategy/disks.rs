//! What disks do in drawn worlds.

use crate::protocol::Rng;
use crate::sim::DrawnDisks;

/// The random stream of disks: a system that has reliable ones draws the worlds it always drew.
const DISKS_STREAM: u64 = 22;

/// What disks do in drawn worlds: whether crashes take what was [written](crate::protocol::Env::write) and not synced, and whether
/// writes that can [fail](crate::protocol::Env::try_write) do. Machines that only [persist](crate::protocol::Env::persist) see nothing of
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Disks {
    /// In how many worlds of a thousand a crash may take what was not synced: the last writes, or all of them.
    pub loss_permille: u32,
    /// In how many of those worlds, of a thousand, it may take any of the writes that were not synced, and leave later ones: a disk
    /// that writes in any order.
    pub disorder_permille: u32,
    /// In how many worlds of a thousand some writes fail, and their nodes are told.
    pub error_permille: u32,
}

impl Disks {
    /// Disks that lose nothing and never fail; the default.
    #[must_use]
    pub const fn reliable() -> Self {
        Self { loss_permille: 0, disorder_permille: 0, error_permille: 0 }
    }

    /// A crash takes the last of what was not synced, in most worlds.
    #[must_use]
    pub const fn unsynced() -> Self {
        Self { loss_permille: 700, ..Self::reliable() }
    }

    /// As unsynced; in half of those worlds a crash takes any of what was not synced, and in some worlds writes fail.
    #[must_use]
    pub const fn harsh() -> Self {
        Self { disorder_permille: 500, error_permille: 300, ..Self::unsynced() }
    }

    /// Whether worlds can be like this.
    ///
    /// # Errors
    /// The name of a field that says more than 1,000 worlds in a thousand.
    pub fn check(&self) -> Result<(), String> {
        for (field, permille) in [
            ("loss_permille", self.loss_permille),
            ("disorder_permille", self.disorder_permille),
            ("error_permille", self.error_permille),
        ] {
            if permille > 1_000 {
                return Err(format!("{field}: expected at most 1000, found {permille}"));
            }
        }
        Ok(())
    }

    /// The disks of the world of `seed`; `None` if nothing goes wrong with them.
    pub(crate) fn draw(&self, seed: u64) -> Option<DrawnDisks> {
        if *self == Self::reliable() {
            return None;
        }
        let rng = &mut Rng::new(seed, DISKS_STREAM);
        let mut happens = |permille| rng.chance(permille);
        let drawn = DrawnDisks {
            seed,
            loses: happens(self.loss_permille),
            is_disordered: happens(self.disorder_permille),
            fails: happens(self.error_permille),
        };
        (drawn.loses || drawn.fails).then_some(drawn)
    }
}
