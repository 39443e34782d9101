//! Late timers in plan files: `[[timer]]`.

use std::time::Duration;

use indexmap::IndexMap;

use super::entries::{push_entry, quoted, span};
use super::error::Wrong;
use super::error::clip;
use super::fields::Field;
use super::values::DURATION;
use crate::sim::TimerName;

const TIMER: &str = "a timer like \"1 election #3\"";

pub(super) fn read(fields: &[Field<'_>]) -> Result<IndexMap<TimerName, Duration>, Wrong> {
    let mut timers = IndexMap::new();
    for field in fields {
        let table = field.table("a table like [[timer]]")?;
        table.only(&["timer", "late"])?;
        let timer = table.need("timer", TIMER)?;
        let name: TimerName = timer.parsed(TIMER, |text| text.parse().ok())?;
        if timers.contains_key(&name) {
            return Err(timer.wrong("each timer only once"));
        }
        timers.insert(name, table.need("late", DURATION)?.duration()?);
    }
    Ok(timers)
}

pub(super) fn push(out: &mut String, timers: &IndexMap<TimerName, Duration>) -> Result<(), String> {
    for (name, late) in timers {
        let shown = name.to_string();
        if shown.parse().as_ref() != Ok(name) {
            return Err(format!("expected {TIMER}, found {}", clip(&shown)));
        }
        out.push_str("\n[[timer]]\n");
        push_entry(out, "timer", &quoted(&shown));
        push_entry(out, "late", &span(*late));
    }
    Ok(())
}
