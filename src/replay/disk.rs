//! Disk faults in plan files.

use super::entries::{node, push_entry};
use super::error::Wrong;
use super::fields::{Field, Table};
use super::values::{NODE, node_number};
use crate::sim::{DiskFault, Loss};

const NUMBER: &str = "a number from 1 to 4294967295";
const LOST: &str =
    "how many of the last unsynced writes are lost, like 2, or which of them, counted from the last, like [1, 3]";

/// All of them; no two about the same thing.
pub(super) fn read(fields: Vec<Field<'_>>) -> Result<Vec<DiskFault>, Wrong> {
    let mut faults: Vec<DiskFault> = Vec::new();
    for field in fields {
        let fault = fault(field)?;
        if faults.iter().any(|other| other.is_about_same(&fault)) {
            return Err(Wrong::new(field.at(), "expected one table [[disk]] for each crash and each write of a node"));
        }
        faults.push(fault);
    }
    Ok(faults)
}

fn fault(field: Field<'_>) -> Result<DiskFault, Wrong> {
    let table = field.table("a table like [[disk]]")?;
    table.only(&["node", "crash", "lost", "write", "fails"])?;
    let node = node_number(table.need("node", NODE)?)?;
    let (key, field) =
        table.one_of(&["crash", "write"], "crash = 1, the first of the node, or write = 1, its first")?;
    if key == "crash" {
        table.only(&["node", "crash", "lost"])?;
        return Ok(DiskFault::Loses { node, crash: number(field)?, loss: loss(table)? });
    }
    table.only(&["node", "write", "fails"])?;
    let fails = table.need("fails", "fails = true")?;
    if !fails.is_true() {
        return Err(fails.wrong("fails = true"));
    }
    Ok(DiskFault::Fails { node, write: number(field)? })
}

fn loss(table: Table<'_>) -> Result<Loss, Wrong> {
    let lost = table.need("lost", LOST)?;
    if let Ok(places) = lost.items(LOST) {
        return Ok(Loss::Each(places.map(number).collect::<Result<_, _>>()?));
    }
    Ok(Loss::Last(lost.whole(0, u32::MAX.into(), LOST)? as u32))
}

fn number(field: Field<'_>) -> Result<u32, Wrong> {
    Ok(field.whole(1, u32::MAX.into(), NUMBER)? as u32)
}

pub(super) fn push(out: &mut String, faults: &[DiskFault]) -> Result<(), String> {
    for (place, fault) in faults.iter().enumerate() {
        if faults[..place].iter().any(|other| other.is_about_same(fault)) {
            // The first of them is the one that counts.
            continue;
        }
        out.push_str("\n[[disk]]\n");
        push_entry(out, "node", &node(fault.node())?);
        match fault {
            DiskFault::Loses { crash, loss, .. } => {
                push_entry(out, "crash", &counted(*crash)?);
                let lost = match loss {
                    Loss::Last(count) => count.to_string(),
                    Loss::Each(places) => {
                        let places: Vec<String> =
                            places.iter().map(|place| counted(*place)).collect::<Result<_, _>>()?;
                        format!("[{}]", places.join(", "))
                    }
                };
                push_entry(out, "lost", &lost);
            }
            DiskFault::Fails { write, .. } => {
                push_entry(out, "write", &counted(*write)?);
                push_entry(out, "fails", "true");
            }
        }
    }
    Ok(())
}

/// What is counted from 1.
fn counted(number: u32) -> Result<String, String> {
    if number == 0 { Err(format!("expected {NUMBER}, found 0")) } else { Ok(number.to_string()) }
}
