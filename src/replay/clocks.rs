//! Clocks of nodes in plan files: `[[clock]]`.

use std::time::Duration;

use indexmap::IndexMap;

use super::entries::{self, push_entry};
use super::error::Wrong;
use super::fields::Field;
use super::values;
use crate::protocol::{NodeId, show_duration};
use crate::sim::{Clock, DRIFT_PPM_MAX};

const OFFSET: &str = "a duration like \"5ms\", or \"-5ms\" for a clock that is behind";

pub(super) fn read(fields: &[Field<'_>]) -> Result<IndexMap<NodeId, Clock>, Wrong> {
    let mut clocks = IndexMap::new();
    for field in fields {
        let table = field.table("a table like [[clock]]")?;
        table.only(&["node", "offset", "drift_ppm"])?;
        let node = values::node(table)?;
        if clocks.contains_key(&node) {
            return Err(Wrong::new(field.at(), "expected one clock for each node"));
        }
        let offset = table.get("offset").map(|field| field.parsed(OFFSET, parse_offset)).transpose()?;
        let expected = format!("millionths from -{DRIFT_PPM_MAX} to {DRIFT_PPM_MAX}");
        let drift = table.get("drift_ppm").map(|field| field.signed(DRIFT_PPM_MAX, &expected)).transpose()?;
        clocks.insert(node, Clock { offset_nanos: offset.unwrap_or(0), drift_ppm: drift.unwrap_or(0) });
    }
    Ok(clocks)
}

fn parse_offset(text: &str) -> Option<i64> {
    let (is_behind, span) = text.strip_prefix('-').map_or((false, text), |span| (true, span));
    let nanos = i64::try_from(super::parse_duration(span).ok()?.as_nanos()).ok()?;
    Some(if is_behind { -nanos } else { nanos })
}

pub(super) fn push(out: &mut String, clocks: &IndexMap<NodeId, Clock>) -> Result<(), String> {
    let most = DRIFT_PPM_MAX as i32;
    for (node, Clock { offset_nanos, drift_ppm }) in clocks {
        out.push_str("\n[[clock]]\n");
        push_entry(out, "node", &entries::node(*node)?);
        if *offset_nanos != 0 {
            // What is read goes from the one end to the other alike.
            let lead = show_duration(Duration::from_nanos(offset_nanos.unsigned_abs().min(i64::MAX as u64)));
            push_entry(out, "offset", &format!("\"{}{lead}\"", if *offset_nanos < 0 { "-" } else { "" }));
        }
        if *drift_ppm != 0 {
            push_entry(out, "drift_ppm", &drift_ppm.clamp(&-most, &most).to_string());
        }
    }
    Ok(())
}
