//! What quiet worlds show, and what becomes of it.

use std::time::Duration;

use distributed_data_consistency::Harness;
use distributed_data_consistency::builtin::{store, textbook};
use distributed_data_consistency::strategy::Profile;

use crate::machines::{Silent, hasty};
use crate::options;
use crate::raft::{Mistake, raft};

#[test]
fn a_quiet_raft_shows_its_scale() {
    let raft = raft(Mistake::None);
    let measured = raft.calibration();
    assert_eq!(measured, raft.calibration());
    let told = measured.to_string();
    assert!(told.starts_with("timers election "), "{told}");
    assert!(
        told.contains("–300ms, heartbeat 50ms; answers after ") && told.ends_with("; timers go on for ever"),
        "{told}"
    );
    let unit = measured.unit().unwrap();
    assert!((150..300).contains(&unit.as_millis()), "{unit:?}");
    assert!(measured.marks.iter().any(|(mark, _)| &**mark == "leader elected"), "{:?}", measured.marks);
    assert!(measured.sent.iter().any(|(kind, _)| &**kind == "append") && measured.persists > 0);
    assert_eq!(measured.warnings(), Vec::<String>::new());
    let fitted = measured.fit(&Profile::hostile());
    assert!(fitted.hostile_max > Duration::from_secs(1), "{fitted:?}");
    assert!(fitted.late_timers_permille > Some(0) && fitted.moments_permille > Some(0));
    // What somebody has said goes before it.
    let own = Profile { hostile_max: Duration::from_millis(77), late_timers_permille: Some(0), ..Profile::hostile() };
    let own = measured.fit(&own);
    assert_eq!((own.hostile_max, own.late_timers_permille), (Duration::from_millis(77), Some(0)));
    let fixed = Profile { calibrate: false, ..Profile::hostile() };
    assert_eq!(measured.fit(&fixed), fixed);
}

#[test]
fn short_timers_leave_worlds_as_they_are() {
    for profile in [store().calibration().fit(&store().worlds().profile), textbook_fitted()] {
        assert_eq!(profile, store().worlds().profile);
    }
    assert_eq!((store().calibration().unit(), textbook(None).calibration().unit()), (None, None));
}

fn textbook_fitted() -> Profile {
    textbook(None).calibration().fit(&textbook(None).worlds().profile)
}

#[test]
fn who_never_answers_is_told() {
    let silent = Harness::new("silent", |_| Silent).requests(|_| 1);
    let warnings = silent.sweep_with(&options(3), &|_| {}).calibration.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("none of 24 requests is answered in a quiet world"), "{warnings:?}");
    assert!(hasty().calibration().warnings().is_empty());
}
