//! What was found is told, whether or not it can be saved.

use std::fs;
use std::path::{Path, PathBuf};

use distributed_data_consistency::builtin::textbook;
use distributed_data_consistency::reference_store::Bug;
use distributed_data_consistency::replay::PlanFile;
use distributed_data_consistency::testing::{Saved, save};

use crate::common::{Run, broken, ddc, nowhere, panic_of, text};

const REPLAYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/replays");

fn a_plan_of_blind_put() -> PathBuf {
    textbook(Some(Bug::BlindPut)).replay_dir(REPLAYS).replayed[0].path.clone()
}

/// The plan that stands at the end of what was printed is one that fails when it is replayed.
#[track_caller]
fn told_in_full(run: &Run, directory: &Path) {
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(run.out.contains("VIOLATED ") && run.out.contains("\nnot saved "), "{}", run.out);
    let (_, plan) = run.out.split_once("\n# the plan that was not saved").expect(&run.out);
    let (_, plan) = plan.split_once('\n').unwrap();
    // Whatever is printed behind it is no part of it.
    let plan = plan.split("\ncrash-1: ").next().unwrap();
    let path = directory.join("printed.toml");
    fs::write(&path, plan).unwrap();
    let replayed = ddc(&["replay", text(&path)]);
    assert_eq!(replayed.code, 1, "{}{}\n{plan}", replayed.out, replayed.err);
    assert!(replayed.out.contains(" again (digest 0x"), "{}", replayed.out);
}

#[test]
fn what_cannot_be_saved_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, out) = (directory.path(), nowhere(directory.path()));
    let bug = ["--system", "textbook", "--bug", "blind-put"];
    let sweep = [&["sweep", "--seeds", "60", "--out", &out][..], &bug].concat();
    told_in_full(&ddc(&sweep), path);
    assert!(ddc(&sweep).out.contains("\nseed     0x"), "the seed of the smallest is told");
    told_in_full(&ddc(&[&["explore", "--nodes", "2", "--puts", "2", "--out", &out][..], &bug].concat()), path);
    told_in_full(&ddc(&["shrink", text(&a_plan_of_blind_put()), "--out", &out]), path);
    let bytes = path.join("crash-1");
    let requests: Vec<u8> = (0..40).flat_map(|number| [1, number % 3, number, 0, 0, 6 * number, 0, 0]).collect();
    fs::write(&bytes, [&[0], requests.as_slice()].concat()).unwrap();
    let replay = ["replay", "--bytes", text(&bytes), "--save", &out];
    let run = ddc(&[&replay[..], &bug].concat());
    assert!(run.out.contains("crash-1: 40 decisions, violates "), "{}", run.out);
    let run = Run { out: run.out.replace(&*path.to_string_lossy(), "").replace("/crash-1: ", "crash-1: "), ..run };
    told_in_full(&run, path);

    let clean = ddc(&replay);
    assert_eq!(clean.code, 2, "{}", clean.out);
    assert!(clean.out.contains("decisions, clean\nformat = 1\n"), "{}", clean.out);
    assert!(clean.err.contains("expected to write a plan file"), "{}", clean.err);
}

#[test]
fn json_says_what_could_not_be_saved() {
    let directory = tempfile::tempdir().unwrap();
    let out = nowhere(directory.path());
    let bug = ["--system", "textbook", "--bug", "blind-put", "--out", &out, "--json"];
    for command in [&["sweep", "--seeds", "60"][..], &["explore", "--nodes", "2", "--puts", "2"]] {
        let run = ddc(&[command, &bug].concat());
        assert_eq!(run.code, 1, "{}", run.err);
        let summary: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        let failure = &summary["failures"][0];
        assert!(failure["plan"].is_null(), "{summary}");
        assert!(failure["not_saved"].as_str().unwrap().contains("expected to write a plan file"), "{summary}");
        let file = PlanFile::system_of(Path::new(""), failure["plan_text"].as_str().unwrap());
        assert_eq!(file.unwrap(), "textbook/blind-put");
    }
}

#[test]
fn a_test_tells_what_it_could_not_save() {
    let directory = tempfile::tempdir().unwrap();
    let harness = || broken().snapshots(nowhere(directory.path()));
    let mut told =
        vec![panic_of(|| harness().sweep(30).assert_clean()), panic_of(|| harness().fuzz(&[0, 1, 0, 0, 0, 1, 0]))];
    told.extend(harness().prop_assert_clean(&crate::common::heard()).err().map(|error| error.to_string()));
    assert_eq!(told.len(), 3);
    for told in told {
        for says in
            ["VIOLATED broken", "not saved ", "# the plan that was not saved", "\nformat = 1\nsystem = \"tells\"\n"]
        {
            assert!(told.contains(says), "{says}: {told}");
        }
    }
}

#[test]
fn a_failure_says_where_it_was_saved() {
    let directory = tempfile::tempdir().unwrap();
    let failure = broken().failure_of(&crate::common::heard()).unwrap();
    let saved = Saved::new(&failure, directory.path());
    assert_eq!(saved.place, save(&failure, directory.path()));
    assert_eq!((saved.text.as_deref(), saved.tell_text().as_str()), (None, ""));
}

/// A file has its old text or its new one, under its own name, and nothing else is left in its directory.
#[test]
#[cfg(unix)]
fn a_file_is_replaced_as_a_whole() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let directory = tempfile::tempdir().unwrap();
    let long = "x".repeat(250) + ".toml";
    for name in [OsStr::from_bytes(b"plan-\xff.toml"), OsStr::new(&long)] {
        let path = directory.path().join(name);
        fs::write(&path, "old").unwrap();
        PlanFile::write_text(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
    let link = directory.path().join("link.toml");
    std::os::unix::fs::symlink(directory.path().join(&long), &link).unwrap();
    PlanFile::write_text(&link, "newer").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(directory.path().join(&long)).unwrap(), "newer");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "nothing is left over");
}
