//! What the environment says: a run can be steered without a change of code.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::replay::parse_duration;
use crate::sweep::{Seeds, SweepOptions};

/// More threads than this are asked for by mistake.
pub const JOBS_MAX: usize = 4_096;

/// What the environment says of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `DDC_SEED`: just this world.
    pub seed: Option<u64>,
    /// `DDC_SEEDS`: how many worlds.
    pub seeds: Option<u64>,
    /// `DDC_JOBS`: on how many threads.
    pub jobs: Option<NonZeroUsize>,
    /// `DDC_SHARD=i/n`: only the i-th, from 0, of n parts.
    pub shard: Option<(u64, u64)>,
    /// Not `DDC_SNAPSHOTS=no`: save what fails.
    pub save: bool,
    /// `DDC_HANG_AFTER`: after so long in one step a run counts as one that never ends.
    pub hang_after: Option<Duration>,
    /// `PROPTEST_CASES`: how many plans a property test draws.
    pub cases: Option<u32>,
}

/// A variable that says what cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    variable: &'static str,
    value: String,
    expected: &'static str,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, expected } = self;
        write!(f, "{variable}={}: expected {expected}", value.escape_default())
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// If a variable says what cannot be understood.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_variables(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// # Panics
    /// If a variable says what cannot be understood.
    #[track_caller]
    pub(crate) fn expect_from_env() -> Self {
        match Self::from_env() {
            Ok(settings) => settings,
            Err(error) => panic!("{error}"),
        }
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        fn read<T>(
            value: Option<String>,
            variable: &'static str,
            expected: &'static str,
            parse: impl FnOnce(&str) -> Option<T>,
        ) -> Result<Option<T>, SettingsError> {
            let Some(value) = value else { return Ok(None) };
            match parse(&value) {
                Some(parsed) => Ok(Some(parsed)),
                None => Err(SettingsError { variable, value, expected }),
            }
        }
        let some = "a number above 0";
        let jobs = "a number from 1 to 4096";
        let snapshots = |text: &str| ["no", "new"].contains(&text).then_some(text == "new");
        Ok(Self {
            seed: read(get("DDC_SEED"), "DDC_SEED", "a seed like 0x9f2c41", parse_seed)?,
            seeds: read(get("DDC_SEEDS"), "DDC_SEEDS", some, |text| text.parse().ok().filter(|count| *count > 0))?,
            jobs: read(get("DDC_JOBS"), "DDC_JOBS", jobs, parse_jobs)?,
            shard: read(get("DDC_SHARD"), "DDC_SHARD", "i/n with i below n", parse_shard)?,
            save: read(get("DDC_SNAPSHOTS"), "DDC_SNAPSHOTS", "no or new", snapshots)?.unwrap_or(true),
            hang_after: read(get("DDC_HANG_AFTER"), "DDC_HANG_AFTER", "a duration like 10s, above 0", parse_span)?,
            cases: read(get("PROPTEST_CASES"), "PROPTEST_CASES", some, |text| {
                text.parse().ok().filter(|count| *count > 0)
            })?,
        })
    }

    /// How to sweep `seeds`, where the environment does not say otherwise.
    #[must_use]
    pub fn options(&self, mut seeds: Seeds) -> SweepOptions {
        if let Some(count) = self.seeds {
            seeds.range.end = seeds.range.start.saturating_add(count);
        }
        if let Some((shard, shard_count)) = self.shard {
            (seeds.shard, seeds.shard_count) = (shard, shard_count);
        }
        if let Some(seed) = self.seed {
            seeds = Seeds::only(seed);
        }
        let mut options = SweepOptions::new(seeds);
        options.jobs = self.jobs.unwrap_or(options.jobs);
        options
    }
}

/// A number of threads as people write it, up to [`JOBS_MAX`].
#[must_use]
pub fn parse_jobs(text: &str) -> Option<NonZeroUsize> {
    text.parse().ok().filter(|jobs: &NonZeroUsize| jobs.get() <= JOBS_MAX)
}

/// A seed as people write it: `0x9f2c41`, or decimal.
#[must_use]
pub fn parse_seed(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// A span of real time as people write it: `10s`, `500ms`.
#[must_use]
pub fn parse_span(text: &str) -> Option<Duration> {
    parse_duration(text).ok().filter(|span| !span.is_zero())
}

/// A shard as people write it: `0/4` to `3/4`.
#[must_use]
pub fn parse_shard(text: &str) -> Option<(u64, u64)> {
    let (shard, count) = text.split_once('/')?;
    let (shard, count) = (shard.parse().ok()?, count.parse().ok()?);
    (shard < count).then_some((shard, count))
}

#[cfg(test)]
mod tests {
    use super::{Seeds, Settings};

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Settings::from_variables(get).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_steers_a_sweep() {
        let options = settings(&[("DDC_SEEDS", "40"), ("DDC_SHARD", "1/4"), ("DDC_JOBS", "3")]).unwrap();
        let options = options.options(Seeds::first(1_000));
        assert_eq!((options.seeds.count(), options.jobs.get()), (10, 3));
        let one = settings(&[("DDC_SEED", "0x2a")]).unwrap().options(Seeds::first(1_000));
        assert_eq!(one.seeds, Seeds::only(42));
        let last = settings(&[("DDC_SEED", "0xffffffffffffffff")]).unwrap().options(Seeds::first(1_000));
        assert_eq!((last.seeds.count(), last.seeds.get(0)), (1, u64::MAX));
        assert!(!settings(&[("DDC_SNAPSHOTS", "no")]).unwrap().save);
        assert_eq!(settings(&[("DDC_HANG_AFTER", "1.5s")]).unwrap().hang_after.unwrap().as_millis(), 1_500);
        assert_eq!(settings(&[("PROPTEST_CASES", "7")]).unwrap().cases, Some(7));
    }

    #[test]
    fn nonsense_is_named() {
        let error = |variable, value| settings(&[(variable, value)]).unwrap_err();
        assert_eq!(error("DDC_SEED", "0xyz"), "DDC_SEED=0xyz: expected a seed like 0x9f2c41");
        assert_eq!(error("DDC_SEEDS", "many"), "DDC_SEEDS=many: expected a number above 0");
        assert_eq!(error("DDC_JOBS", "0"), "DDC_JOBS=0: expected a number from 1 to 4096");
        assert_eq!(error("DDC_SHARD", "4/4"), "DDC_SHARD=4/4: expected i/n with i below n");
        for (variable, value) in
            [("DDC_SEEDS", "0"), ("PROPTEST_CASES", "0"), ("DDC_JOBS", "1000000000"), ("DDC_JOBS", "-1")]
        {
            assert!(error(variable, value).starts_with(&format!("{variable}={value}: expected a number ")));
        }
        assert_eq!(error("DDC_HANG_AFTER", "0s"), "DDC_HANG_AFTER=0s: expected a duration like 10s, above 0");
        assert_eq!(error("DDC_SNAPSHOTS", "maybe"), "DDC_SNAPSHOTS=maybe: expected no or new");
    }
}
