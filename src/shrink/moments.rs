//! Fewer and plainer words about armed faults: the first time rather than a later one, until the world heals rather than for a while.

use crate::harness::Recorded;
use crate::shrink::trial::{Edits, edit};
use crate::sim::{ArmedFault, Blow, Plan, When};

pub(crate) fn simpler(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    Box::new((0..plan.armed.len()).flat_map(move |place| plainer(plan, place)))
}

fn plainer(plan: &Plan, place: usize) -> Edits<'_> {
    let armed = &plan.armed[place];
    let with = move |armed: ArmedFault| {
        edit(move || {
            let mut plan = plan.clone();
            plan.armed[place] = armed;
            plan
        })
    };
    let mut simpler = Vec::new();
    let mut change = |alter: &dyn Fn(&mut ArmedFault)| {
        let mut changed = armed.clone();
        alter(&mut changed);
        if changed != *armed {
            simpler.push(changed);
        }
    };
    change(&|armed| (armed.lasts, armed.until) = (None, None));
    change(&|armed| armed.until = None);
    change(&|armed| armed.lasts = None);
    match &armed.blow {
        Blow::Crash { effects, wipe } => {
            change(&|armed| armed.blow = Blow::Crash { effects: None, wipe: false });
            change(&|armed| armed.blow = Blow::Crash { effects: *effects, wipe: false });
            change(&|armed| armed.blow = Blow::Crash { effects: None, wipe: *wipe });
        }
        Blow::Isolate => {
            change(&|armed| armed.blow = Blow::Deafen);
            change(&|armed| armed.blow = Blow::Mute);
        }
        Blow::Pause | Blow::Deafen | Blow::Mute | Blow::Hold { .. } => {}
    }
    if let When::Said { moment, .. } = &armed.when {
        change(&|armed| {
            if let When::Said { after, .. } = &mut armed.when {
                *after = std::time::Duration::ZERO;
            }
        });
        let counts = [1, 2, moment.count / 2, moment.count.saturating_sub(1)];
        for count in counts.into_iter().filter(|count| (1..moment.count).contains(count)) {
            change(&|armed| {
                if let When::Said { moment, .. } = &mut armed.when {
                    moment.count = count;
                }
            });
        }
    }
    Box::new(simpler.into_iter().map(with))
}
