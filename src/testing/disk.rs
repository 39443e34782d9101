//! Disk faults of plans that no seed draws: as bytes, as proptest draws them, and those that met nothing.

#[cfg(feature = "proptest")]
use proptest::collection::vec;
#[cfg(feature = "proptest")]
use proptest::prelude::*;

use crate::harness::Recorded;
use crate::protocol::NodeId;
use crate::sim::{DiskFault, Loss, Plan, What};
use crate::strategy::Disks;

/// A loss takes at most so many writes, or some of the last so many.
const WRITES_MAX: u32 = 16;

/// What the third byte of a record says.
const LAST: u8 = 0;
const EACH: u8 = 1;
const FAILS: u8 = 2;

/// The fault that a record stands for: its three small bytes, and a number; `None` if the system's disks do no such thing.
pub(crate) fn of_bytes(disks: &Disks, node: NodeId, [number, sort]: [u8; 2], first: [u8; 2]) -> Option<DiskFault> {
    let (number, bits) = (u32::from(number) + 1, u32::from(u16::from_le_bytes(first)));
    let fault = match sort % 3 {
        LAST => DiskFault::Loses { node, crash: number, loss: Loss::Last(1 + bits % WRITES_MAX) },
        EACH => {
            let places = (1..=WRITES_MAX).filter(|place| bits >> (place - 1) & 1 == 1).collect();
            DiskFault::Loses { node, crash: number, loss: Loss::Each(places) }
        }
        _ => DiskFault::Fails { node, write: number },
    };
    allowed(disks, &fault).then_some(fault)
}

/// The two small bytes and the number that stand for a fault; `None` if none do.
pub(crate) fn to_bytes(fault: &DiskFault) -> Option<([u8; 2], [u8; 2])> {
    let small = |number: u32| u8::try_from(number.checked_sub(1)?).ok();
    Some(match fault {
        DiskFault::Loses { crash, loss: Loss::Last(count), .. } => {
            let bits = (*count).clamp(1, WRITES_MAX) as u16 - 1;
            ([small(*crash)?, LAST], bits.to_le_bytes())
        }
        DiskFault::Loses { crash, loss: Loss::Each(places), .. } => {
            let places = places.iter().filter(|place| (1..=WRITES_MAX).contains(*place));
            let bits = places.fold(0_u16, |bits, place| bits | 1 << (place - 1));
            ([small(*crash)?, EACH], bits.to_le_bytes())
        }
        DiskFault::Fails { write, .. } => ([small(*write)?, FAILS], [0, 0]),
    })
}

fn allowed(disks: &Disks, fault: &DiskFault) -> bool {
    match fault {
        DiskFault::Loses { loss: Loss::Last(_), .. } => disks.loss_permille > 0,
        DiskFault::Loses { loss: Loss::Each(_), .. } => disks.loss_permille > 0 && disks.disorder_permille > 0,
        DiskFault::Fails { .. } => disks.error_permille > 0,
    }
}

/// Some disk faults that the system's disks may have, no two about the same thing.
#[cfg(feature = "proptest")]
pub(crate) fn faults(disks: Disks, node_count: usize) -> impl Strategy<Value = Vec<DiskFault>> + use<> {
    let record = (0..node_count, 0..6_u8, 0..3_u8, any::<u16>());
    let count = if disks == Disks::reliable() { 0..1 } else { 0..6 };
    vec(record, count).prop_map(move |records| {
        let mut faults = Vec::new();
        for (node, number, sort, bits) in records {
            let fault = of_bytes(&disks, NodeId::new(node), [number, sort], bits.to_le_bytes());
            add(&mut faults, fault);
        }
        faults
    })
}

/// Adds a fault, unless there is one about the same thing.
pub(crate) fn add(faults: &mut Vec<DiskFault>, fault: Option<DiskFault>) {
    if let Some(fault) = fault.filter(|fault| !faults.iter().any(|other| other.is_about_same(fault))) {
        faults.push(fault);
    }
}

/// The disk faults of `plan` that met nothing, each with why.
pub(crate) fn unmet(plan: &Plan, recorded: &Recorded, add: &mut impl FnMut(String, &str)) {
    let met = |fault: &DiskFault| recorded.plan.disk.iter().any(|other| other.is_about_same(fault));
    for fault in plan.disk.iter().filter(|fault| !met(fault)) {
        let DiskFault::Loses { node, crash, .. } = fault else {
            add(
                format!("disk: {fault}"),
                "no such write was made that its node could be told of, before the world healed",
            );
            continue;
        };
        let events = recorded.trace.events.iter();
        let crashes =
            events.filter(|event| matches!(&event.what, What::Crashed { node: of, .. } if of == node)).count();
        let why = if crashes < *crash as usize { "there was no such crash" } else { "nothing was unsynced" };
        add(format!("disk: {fault}"), why);
    }
}
