//! Results that cannot be printed are no success.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::common::{Run, ddc, run, text};

/// What a shell makes of it.
fn shell(line: &str) -> Run {
    run(Command::new("sh").args(["-c", line]).env("DDC", env!("CARGO_BIN_EXE_ddc")))
}

#[test]
fn a_full_disk_or_a_closed_output_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (sweep, out) = ("\"$DDC\" sweep --seeds 3", text(directory.path()));
    for closed in [">/dev/full", ">&-"] {
        let run = shell(&format!("{sweep} {closed}"));
        assert_eq!(run.code, 2, "{closed}: {}", run.err);
        assert!(run.err.contains("\nerror: standard output: "), "{closed}: {}", run.err);
        // What has no other place goes where it can be seen.
        assert!(run.err.contains("3 worlds of \"store\", 0 violations"), "{closed}: {}", run.err);
        for other in
            ["--help", "--version", "sweep --help", "score --bug blind-put --campaigns 1 --worlds 9", "demo --tour"]
        {
            let run = shell(&format!("\"$DDC\" {other} {closed}"));
            assert_eq!(run.code, 2, "{other} {closed}: {}", run.err);
        }
        let found = shell(&format!("{sweep}0 --system textbook --bug blind-put --out {out} {closed}"));
        assert_eq!(found.code, 1, "{closed}: {}", found.err);
        assert!(found.err.contains("VIOLATED siblings"), "{closed}: {}", found.err);
    }
    assert!(std::fs::read_dir(out).unwrap().count() > 0, "what was found is saved");
}

#[test]
fn whoever_reads_only_the_first_lines_is_no_error() {
    let sweep = "\"$DDC\" sweep --seeds 3 2>&1";
    assert_eq!(shell(&format!("{sweep} >/dev/null")).code, 0);
    let run = shell(&format!("({sweep}; echo \"code $?\" >&2) | :"));
    assert!(run.err.contains("code 0"), "{}", run.err);
    assert!(!run.err.contains("error"), "{}", run.err);
    assert_eq!(ddc(&["--version"]).code, 0);
}
