//! Clients that ask again less often, or not at all; and that ask one thing after the other only where they must.

use crate::harness::Recorded;
use crate::shrink::trial::{Edits, edit};
use crate::sim::Plan;

/// Nobody asks again; one client does not; one does so once less.
pub(crate) fn fewer(best: &Recorded) -> Edits<'_> {
    let plan = &best.plan;
    let any = plan.requests.iter().any(|request| !request.retries.is_empty());
    let none = any.then(|| {
        edit(move || {
            let mut plan = plan.clone();
            plan.requests.iter_mut().for_each(|request| request.retries.clear());
            plan
        })
    });
    let none_of = retried(plan).filter(|place| plan.requests[*place].retries.len() > 1).map(move |place| {
        edit(move || {
            let mut plan = plan.clone();
            plan.requests[place].retries.clear();
            plan
        })
    });
    let each = retried(plan).flat_map(move |place| {
        (0..plan.requests[place].retries.len()).map(move |gone| {
            edit(move || {
                let mut plan = plan.clone();
                let retries = &mut plan.requests[place].retries;
                let before = retries.remove(gone).after;
                // The one behind it comes when it came.
                if let Some(next) = retries.get_mut(gone) {
                    next.after = next.after.saturating_add(before);
                }
                plan
            })
        })
    });
    let open = plan.closed_loop.map(|_| edit(move || Plan { closed_loop: None, ..plan.clone() }));
    Box::new(none.into_iter().chain(none_of).chain(each).chain(open))
}

fn retried(plan: &Plan) -> impl Iterator<Item = usize> {
    (0..plan.requests.len()).filter(|place| !plan.requests[*place].retries.is_empty())
}
