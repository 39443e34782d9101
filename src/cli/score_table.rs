//! How soon what is found, for people and for programs.

use std::fmt;

use serde_json::{Value, json};

use super::ablation::Off;
use crate::report::grouped;
use crate::score::Score;
use crate::strategy::Strategy;

/// Names take at least so many columns.
const NAME_WIDTH_MIN: usize = 22;

/// The campaigns of one system, drawn in one way.
pub(super) struct Cell {
    pub(super) score: Score,
    /// What a campaign took on one processor, in the mean.
    pub(super) seconds: f64,
}

impl Cell {
    fn count(&self) -> usize {
        self.score.campaigns.len()
    }

    /// Campaigns that found nothing count with all the worlds they ran.
    fn mean(&self, of: impl Fn(&Self) -> u64) -> f64 {
        of(self) as f64 / self.count().max(1) as f64
    }

    fn worlds(&self) -> f64 {
        self.mean(|cell| cell.score.worlds())
    }

    fn steps(&self) -> f64 {
        self.mean(|cell| cell.score.campaigns.iter().map(|campaign| campaign.steps).sum())
    }

    fn found_all(&self) -> bool {
        self.score.found() == self.count() as u64
    }
}

/// How worlds are drawn.
pub(super) struct Column {
    pub(super) strategy: Strategy,
    pub(super) feedback: bool,
    /// What never happens.
    pub(super) off: Off,
}

impl Column {
    fn head(&self) -> &'static str {
        if self.feedback { "with feedback" } else { self.strategy.name() }
    }
}

/// One system, drawn in all ways.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) cells: Vec<Cell>,
}

impl Row {
    /// Which check caught it in most campaigns.
    fn check(&self) -> String {
        let checks = self.cells.iter().rev().find_map(|cell| cell.score.checks().into_iter().next());
        checks.map_or_else(|| "nothing".to_owned(), |(check, _)| check)
    }

    /// The system, without the bug.
    fn system(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }
}

/// All systems, drawn in all ways.
pub(super) struct Table {
    pub(super) heads: Vec<Column>,
    pub(super) rows: Vec<Row>,
    /// The columns are strategies; else they are what never happens.
    pub(super) by_strategy: bool,
    pub(super) worlds_max: u64,
}

impl Table {
    pub(super) fn to_json(&self) -> Value {
        let cells = self.rows.iter().flat_map(|row| {
            self.heads.iter().zip(&row.cells).map(|(Column { strategy, feedback, off }, cell)| {
                json!({
                    "system": row.name,
                    "strategy": strategy.name(),
                    "feedback": feedback,
                    "without": (*off != Off::Nothing).then(|| off.name().trim_start_matches('-')),
                    "campaigns": cell.count(),
                    "found": cell.score.found(),
                    "worlds_mean": cell.worlds(),
                    "worlds_median": cell.score.worlds_at(500),
                    "worlds_90th": cell.score.worlds_at(900),
                    "steps_mean": cell.steps(),
                    "seconds_mean": cell.seconds,
                    "checks": cell.score.checks(),
                })
            })
        });
        json!({ "worlds_max": self.worlds_max, "scores": cells.collect::<Vec<Value>>() })
    }

    fn is_wide(&self) -> bool {
        self.by_strategy
    }

    /// What stands before a row: the bug, where all rows are of one system.
    fn shown<'a>(&self, row: &'a Row) -> &'a str {
        let is_one = self.rows.iter().all(|other| other.system() == row.system());
        let short = row.name.rsplit('/').next().filter(|_| is_one);
        short.unwrap_or(&row.name)
    }

    fn name_width(&self) -> usize {
        self.rows.iter().map(|row| self.shown(row).chars().count() + 1).fold(NAME_WIDTH_MIN, usize::max)
    }

    fn write_row(&self, f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
        write!(f, "{:<width$}", self.shown(row), width = self.name_width())?;
        for cell in &row.cells {
            let at = |permille| cell.score.worlds_at(permille).map_or_else(|| "–".to_owned(), grouped);
            match (self.is_wide(), cell.score.found()) {
                (true, _) => write!(f, "{:>8}{:>5}{:>6}", mean_worlds(cell), at(500), at(900))?,
                (false, 0) => write!(f, "{:>8}", "–")?,
                (false, _) => write!(f, "{:>8}", mean_worlds(cell))?,
            }
        }
        writeln!(f, "  {}", row.check())
    }

    fn write_mean(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        decimals: usize,
        of: impl Fn(&Cell) -> f64,
    ) -> fmt::Result {
        write!(f, "{name:<width$}", width = self.name_width())?;
        for column in 0..self.heads.len() {
            let logs = self.rows.iter().map(|row| of(&row.cells[column]).max(f64::MIN_POSITIVE).ln());
            let mean = (logs.sum::<f64>() / self.rows.len().max(1) as f64).exp();
            let rest = if self.is_wide() { 11 } else { 0 };
            write!(f, "{mean:>8.decimals$}{:rest$}", "")?;
        }
        writeln!(f)
    }
}

/// `2.4`, or `>950` if some campaigns found nothing.
fn mean_worlds(cell: &Cell) -> String {
    if cell.found_all() { format!("{:.1}", cell.worlds()) } else { format!(">{:.0}", cell.worlds()) }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let campaigns = self.rows.first().and_then(|row| row.cells.first()).map_or(0, Cell::count);
        let what = if self.is_wide() { "mean, median, 90th percentile" } else { "mean" };
        writeln!(
            f,
            "worlds to the first find, {what} of {} campaigns of at most {} worlds",
            grouped(campaigns as u64),
            grouped(self.worlds_max)
        )?;
        write!(f, "{:<width$}", "", width = self.name_width())?;
        for column in &self.heads {
            if self.is_wide() { write!(f, "{:>19}", column.head())? } else { write!(f, "{:>8}", column.off.name())? }
        }
        writeln!(f, "  found by")?;
        self.rows.iter().try_for_each(|row| self.write_row(f, row))?;
        self.write_mean(f, "geometric mean", 2, Cell::worlds)?;
        self.write_mean(f, "steps", 0, Cell::steps)?;
        self.write_mean(f, "milliseconds", 2, |cell| cell.seconds * 1_000.0)
    }
}
