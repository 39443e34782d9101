//! The table: each way to die, and what must be known afterwards.

use super::process::{Ended, Grave};

/// One way to die.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What becomes of findings.
    pub(crate) findings: &'static str,
    pub(crate) check: Box<dyn Fn()>,
}

fn row(name: &'static str, findings: &'static str, check: impl Fn() + 'static) -> Row {
    Row { name, findings, check: Box::new(check) }
}

pub(crate) fn all() -> Vec<Row> {
    let mut rows = panics();
    rows.extend(identities());
    rows.extend(ends());
    #[cfg(unix)]
    rows.extend(unix());
    rows.extend(hangs());
    rows.extend(places());
    rows
}

const SWEEP: [&str; 3] = ["sweep", "--seeds", "300"];

/// A panic that is caught: told as what it was, with its place and moment; saved; and both commands show it again.
fn panic_row(name: &'static str, of: &'static str, texts: &'static [&'static str]) -> Row {
    row(name, "kept", move || {
        let grave = Grave::of(of);
        let ended = grave.run(&SWEEP);
        ended.exits(1).has(texts).has(&["VIOLATED panic: ", "at tests/deaths/dying.rs:", "in step "]);
        grave.paste(&ended.command(" replay ")).exits(1).has(texts);
        grave.paste(&ended.command("--seed 0x")).exits(1).has(texts);
        assert_eq!(grave.file(), "", "the file is removed at a clean end");
    })
}

/// The workload panics before there is a world: there is no plan, and the seed shows it again.
fn undrawn_row(name: &'static str, of: &'static str, text: &'static str) -> Row {
    row(name, "kept", move || {
        let grave = Grave::of(of);
        let ended = grave.run(&SWEEP);
        ended.exits(1).has(&["panic: the workload panicked: ", text]);
        grave.paste(&ended.command("--seed 0x")).exits(1).has(&[text]);
    })
}

fn panics() -> Vec<Row> {
    vec![
        panic_row(
            "panic as a message is taken",
            "message",
            &[" panicked: seven is not handled", "as it took a message from"],
        ),
        panic_row(
            "panic as a request is taken",
            "request",
            &[" panicked: seven is not asked for", "as it was asked by a client"],
        ),
        panic_row("panic as a timer fires", "timer", &[" panicked: the timer is not handled", "as its timer fired"]),
        panic_row("panic as a node starts", "start", &["node 2 panicked: node 2 does not start", "as it started"]),
        panic_row("panic in boot", "boot", &["the boot of node 2 panicked: node 2 does not boot"]),
        panic_row("panic in fold", "fold", &["the fold of node ", " panicked: no fold"]),
        panic_row("panic in drop", "drop", &["the drop of node ", " panicked: dropped with "]),
        panic_row("panic in drop after a panic of the node", "state", &[" panicked: seven is not handled"]),
        panic_row("panic in a check, always", "always", &["the check \"never\" panicked: cannot look at three"]),
        panic_row("panic in a check, at rest", "at rest", &["the check \"in the end\" panicked: cannot judge three"]),
        panic_row("panic in a check as it counts", "count", &["the check \"counts\" panicked: cannot count"]),
        panic_row("panic in a workload's request", "ask", &["the workload panicked: seven is not put in words"]),
        panic_row("panic in a workload's response", "hear", &["the workload panicked: the fourth answer"]),
        panic_row("panic in a resolver", "resolver", &[" panicked: no resolution"]),
        panic_row("panic_any", "any", &[" panicked: (panic_any: a value that is no text)"]),
        panic_row("unwrap of nothing", "unwrap", &["called `Option::unwrap()` on a `None` value"]),
        undrawn_row("panic in a workload's begin", "begin", "no beginning"),
        undrawn_row("panic in a workload's draw", "draw", "seven is not drawn"),
        row("panic in a Debug", "kept", || {
            let grave = Grave::of("debug");
            let ended = grave.run(&["sweep", "--seeds", "300", "--verify"]);
            ended.exits(1).has(&["VIOLATED in the end: five were taken"]).has_not("determinism");
            grave.paste(&ended.command(" replay ")).exits(1).has(&["violates in the end again"]);
        }),
        row("panic in a workload's simpler", "kept", || {
            let ended = Grave::of("simpler").run(&SWEEP);
            ended.exits(1).has(&["VIOLATED in the end: five were taken", "--seed 0x"]);
        }),
    ]
}

/// Failures that differ only in what they say are different failures.
fn identities() -> Vec<Row> {
    let both = |name, of, texts: &'static [&'static str]| {
        row(name, "both kept", move || {
            let grave = Grave::of(of);
            let ended = grave.run(&["sweep", "--seeds", "1000"]);
            ended.exits(1).has(texts);
        })
    };
    vec![
        both("a rare panic among common ones", "slip", &["rare: third message is a nine", "common: an eight"]),
        both("a promise broken in two ways", "two words", &["five were taken", "too many were taken"]),
    ]
}

/// The process ends, and the last that it says has the seed.
fn last_words_row(name: &'static str, of: &'static str, texts: &'static [&'static str]) -> Row {
    row(name, "none before", move || {
        let grave = Grave::of(of);
        let is_bad = |ended: &Ended| {
            assert!(!ended.status.success(), "{}", ended.said);
            // It may die as early as in the quiet worlds that are measured before the first one is drawn.
            ended.has(texts).has(&["\"mortal\", ", "seed 0x", "  in       step "]);
        };
        let ended = grave.run(&SWEEP);
        is_bad(&ended);
        is_bad(&grave.paste(&ended.command("--seed 0x")));
    })
}

/// The process ends without a word, and the next one tells where.
fn silent_row(name: &'static str, of: &'static str, before: Option<&'static str>) -> Row {
    row(name, "none before", move || {
        let mut grave = Grave::of(of);
        let die = |grave: &Grave| match before {
            Some(before) => grave.run_after(before, &SWEEP),
            None => grave.run(&SWEEP),
        };
        assert!(!die(&grave).status.success());
        grave.now_of("nothing");
        let next = grave.run(&["sweep", "--seeds", "1"]);
        next.exits(0).has(&["an earlier run (process ", "died in the middle of a world", "at \"mortal\", ", "seed 0x"]);
        grave.run(&["sweep", "--seeds", "1"]).exits(0).has_not("an earlier run");
        grave.now_of(of);
        // Under the same limit: without one it would take all memory of the machine.
        let command = next.command("--seed 0x");
        let again = grave.paste(&before.map_or_else(|| command.to_string(), |before| format!("{before}; {command}")));
        assert!(!again.status.success(), "the world that was told is the one: {}", again.said);
    })
}

fn ends() -> Vec<Row> {
    vec![
        last_words_row("panic while panicking", "bomb", &["seven is not handled", "the bomb is dropped"]),
        last_words_row("panic where nothing unwinds", "extern", &["no way out"]),
        silent_row("abort", "abort", None),
        silent_row("stack overflow", "overflow", None),
        silent_row("an allocation that is too large", "too much", None),
    ]
}

#[cfg(unix)]
fn unix() -> Vec<Row> {
    let mut rows = vec![
        silent_row("out of memory", "memory", Some("ulimit -v 4000000")),
        last_words_row("process::exit(0) in a handler", "exit", &["ended by the code under test"]),
        row("SIGKILL in a sweep", "kept", || {
            let mut grave = Grave::of("findings");
            let found = |grave: &Grave| grave.file().contains("found panic: ");
            let ended = grave.start(&["sweep", "--seeds", "1000000000"]).until("found", found).signal("KILL").wait();
            ended.is_killed();
            grave.now_of("nothing");
            let next = grave.run(&["sweep", "--seeds", "1"]);
            next.exits(0).has(&["found panic: node ", "seven is not handled: seed 0x"]);
            grave.now_of("findings");
            grave.paste(&next.command("found panic: ")).exits(1).has(&["seven is not handled"]);
        }),
        row("SIGKILL while shrinking", "kept", || {
            let mut grave = Grave::of("hang in shrinking");
            let shrinks = |grave: &Grave| grave.file().contains("a plan made of seed 0x");
            let sweep = ["sweep", "--seeds", "40", "--jobs", "1"];
            grave.start(&sweep).until("it shrinks", shrinks).signal("KILL").wait().is_killed();
            grave.now_of("nothing");
            let next = grave.run(&["sweep", "--seeds", "1"]);
            next.exits(0).has(&["found in the end: five were taken: seed 0x", "a plan made of seed 0x"]);
        }),
        row("SIGTERM while shrinking hangs", "kept", || {
            let grave = Grave::of("hang in shrinking");
            let shrinks = |grave: &Grave| grave.file().contains("a plan made of seed 0x");
            let ended = grave.start(&SWEEP).until("it shrinks", shrinks).signal("TERM").wait();
            ended.exits(1).has(&["stopped  hang: the workload ", "in the end: five were taken", "saved    "]);
        }),
    ];
    rows.push(row("SIGTERM while a world goes on for ever", "none before", || {
        let grave = Grave::of("endless");
        let is_under_way = |grave: &Grave| grave.file().contains("seed 0x");
        let ended = grave.start(&SWEEP).until("it runs", is_under_way).signal("TERM").wait();
        ended.exits(2).has(&["no world was run: stopped before the first"]);
    }));
    rows.push(row("a directory that cannot be written to", "kept", || {
        let grave = Grave::of("message");
        let ended = grave.run(&["sweep", "--seeds", "300", "--out", "/dev/null/plans"]);
        ended.exits(1).has(&["seven is not handled", "the plan that was not saved", "violates = \"panic\""]);
        let plan = ended.said.split_once("# the plan that was not saved").expect("it was found just above").1;
        std::fs::write(
            grave.path("plan.toml"),
            plan.lines().skip(1).take_while(|line| !line.contains(" was found by: ")).collect::<Vec<_>>().join("\n"),
        )
        .unwrap();
        grave.run(&["replay", "plan.toml"]).exits(1).has(&["seven is not handled"]);
    }));
    for (name, before) in
        [("a clean sweep to a full disk", "exec >/dev/full"), ("a clean sweep to a closed output", "exec >&-")]
    {
        rows.push(row(name, "none", move || {
            Grave::of("nothing").run_after(before, &["sweep", "--seeds", "3"]).exits(2);
        }));
    }
    for (name, before) in [("output to a full disk", "exec >/dev/full"), ("closed output", "exec >&-")] {
        rows.push(row(name, "kept", move || {
            let grave = Grave::of("message");
            grave.run_after(before, &SWEEP).exits(1);
            let saved = std::fs::read_dir(grave.path("snapshots/replays")).unwrap();
            let plan = saved.map(|entry| entry.unwrap().path()).next().expect("a plan is saved");
            grave.run(&["replay", plan.to_str().unwrap()]).exits(1).has(&["seven is not handled"]);
        }));
    }
    for (name, signal) in [("SIGINT", "INT"), ("SIGTERM", "TERM"), ("SIGHUP", "HUP")] {
        rows.push(row(name, "kept", move || {
            let grave = Grave::of("findings");
            let found = |grave: &Grave| grave.file().contains("found panic: ");
            let ended = grave.start(&["sweep", "--seeds", "1000000000"]).until("found", found).signal(signal).wait();
            ended.exits(1).has(&["stopping with what there is so far", "seven is not handled"]);
            grave.paste(&ended.command(" replay ")).exits(1);
            assert_eq!(grave.file(), "");
        }));
        rows.push(row(Box::leak(format!("{name} while a step hangs").into_boxed_str()), "kept", move || {
            let grave = Grave::of("late hang");
            let mut hangs = grave.start(&["sweep", "--seeds", "1000000"]);
            let ended = hangs.until_it_says("and may never end").signal(signal).wait();
            ended.exits(1).has(&["stopped  hang: node ", "seven is not handled", "saved    "]);
        }));
    }
    rows
}

/// A step that never ends: told while it goes on, and given up on demand.
fn hang_row(name: &'static str, of: &'static str, who: &'static str) -> Row {
    row(name, "kept", move || {
        let grave = Grave::of(of);
        let ended = grave.run(&["sweep", "--seeds", "300", "--hang-after", "300ms"]);
        ended.exits(1).has(&["VIOLATED hang: ", who, " has not come to the end of step ", "\"mortal\", "]);
        grave.paste(&(ended.command("--seed 0x") + " --hang-after 300ms")).exits(1).has(&["VIOLATED hang: ", who]);
    })
}

fn hangs() -> Vec<Row> {
    vec![
        hang_row("a node hangs", "hang", "node "),
        hang_row("a node waits for ever", "deadlock", "node "),
        hang_row("boot hangs", "hang in boot", "the boot of node 2"),
        hang_row("a drop hangs", "hang in drop", "the drop of node "),
        hang_row("a check hangs", "hang in a check", "check "),
        hang_row("a workload hangs", "hang in the workload", "the workload"),
        row("a hang is told while it goes on", "none before", || {
            let grave = Grave::of("hang");
            let mut hangs = grave.start(&SWEEP);
            hangs.until_it_says("a step has been running for ").until_it_says("--seed 0x");
        }),
        row("a hang after findings", "kept", || {
            let grave = Grave::of("late hang");
            let ended = grave.run(&["sweep", "--seeds", "1000000", "--hang-after", "300ms"]);
            ended.exits(1).has(&["VIOLATED hang: node ", "also     panic: ", "seven is not handled", "saved    "]);
        }),
        row("a hang, as JSON", "kept", || {
            let ended = Grave::of("late hang").run(&["sweep", "--seeds", "1000000", "--hang-after", "300ms", "--json"]);
            ended.exits(1).has(&["\"given_up\":\"hang: node ", "\"seed\":\"0x", "seven is not handled"]);
        }),
        row("a hang in an exhaustive search", "none before", || {
            let search = ["explore", "--requests", "2", "--seeds", "9", "--hang-after", "300ms"];
            Grave::of("hang").run(&search).exits(1).has(&["VIOLATED hang: node ", "in an exhaustive search"]);
        }),
        row("a hang in a test", "kept", || {
            let grave = Grave::of("late hang").how("tests::it hangs").with("DDC_DIES_AFTER", "1000000");
            let ended = grave.with("DDC_HANG_AFTER", "300ms").run(&[]);
            ended.exits(1).has(&["VIOLATED hang: ", "seven is not handled", "DDC_SEED=0x", "'tests::it hangs'"]);
        }),
    ]
}

/// Who runs the test, and what it is called.
fn places() -> Vec<Row> {
    let silent = |how| Grave::of("message").how(how).with("DDC_SNAPSHOTS", "no");
    let here = |name, how: &'static str| {
        row(name, "told", move || {
            let grave = silent(how);
            let ended = grave.run(&["an argument"]);
            let line = ended.exits(101).has(&["seven is not handled"]).command("DDC_SEED=0x");
            grave.paste(&line).exits(101).has(&["1 of 1 worlds", "seven is not handled"]);
        })
    };
    vec![
        here("a test on the main thread", "main thread"),
        here("a test on a thread without a name", "thread"),
        row("a test whose name has spaces and bars", "told", move || {
            let grave = silent("my mod::case 1 (a|b) 'c'");
            let line = grave.run(&[]).exits(101).command("DDC_SEED=0x");
            let words = line.replacen("cargo", "printf '<%s>'", 1);
            grave.paste(&words).exits(0).has(&["<test><my mod::case 1 (a|b) 'c'>"]);
        }),
    ]
}
