//! The map of the crate, held: which module may know which.

#[path = "architecture/published.rs"]
mod published;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/tidy.rs"]
mod tidy;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use source::{named_paths, read, rust_files, tokens, without_tests};

/// A module may import itself and modules of earlier layers, nothing else; so modules of one layer do not know each other.
const LAYERS: [&[&str]; 17] = [
    &["causality", "protocol"],
    &["kv", "running"],
    &["store", "reference_store", "sim"],
    &["history"],
    &["check"],
    &["strategy"],
    &["harness"],
    &["runtime", "builtin", "determinism"],
    &["shrink"],
    &["explain"],
    &["sweep"],
    &["model_check", "score"],
    &["replay"],
    &["report"],
    &["testing"],
    &["cli"],
    // The roots say what there is, and hand over.
    &["lib", "main"],
];

/// What is for anybody's state machine …
const GENERAL: [&str; 15] = [
    "running",
    "sim",
    "history",
    "check",
    "strategy",
    "harness",
    "determinism",
    "shrink",
    "explain",
    "sweep",
    "model_check",
    "score",
    "replay",
    "report",
    "testing",
];
/// … must not know these.
const PARTICULAR: [&str; 3] = ["store", "reference_store", "builtin"];

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules from the root to the one that a file is: `src/sim/world.rs` is `sim`, `world`.
fn module_of(path: &Path) -> Vec<String> {
    let below = path.strip_prefix("src").unwrap_or(path).with_extension("");
    let mut module: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    module.pop_if(|last| last == "mod");
    module
}

/// What is wrong with a file, a line each.
fn faults(path: &Path, text: &str) -> Vec<String> {
    let module = module_of(path);
    let is_test = module.iter().any(|part| part == "tests");
    let own = &module[0];
    let Some(layer) = layer_of(own) else {
        return vec![format!("{}: the module `{own}` is in no layer: put it into the table", path.display())];
    };
    if is_test || layer == LAYERS.len() - 1 {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for named in named_paths(&module, &without_tests(&tokens(text))) {
        let place = format!("{}:{}", path.display(), named.line);
        let Some(other) = named.path.first() else {
            faults.push(format!("{place}: `{own}` imports the root of the crate: name the module"));
            continue;
        };
        match layer_of(other) {
            _ if other == own => {}
            None => {
                faults.push(format!("{place}: `{own}` imports `crate::{other}`, which is no module: name the module"))
            }
            Some(_) if GENERAL.contains(&own.as_str()) && PARTICULAR.contains(&other.as_str()) => {
                faults.push(format!("{place}: `{own}` names `{other}`: it is for anybody's state machine"));
            }
            Some(theirs) if theirs == layer => {
                faults.push(format!("{place}: `{own}` imports `{other}` of its own layer"));
            }
            Some(theirs) if theirs > layer => {
                faults.push(format!("{place}: `{own}` imports `{other}` of a later layer"));
            }
            Some(_) => {}
        }
    }
    faults
}

#[test]
fn modules_know_only_earlier_layers() {
    let faults: Vec<String> = rust_files("src").iter().flat_map(|path| faults(path, &read(path))).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Which files each file imports, by their modules; of a folder and what is in it only what one file says of another beside it: a folder
/// re-exports what is in it.
fn imports(files: &[(Vec<String>, String)]) -> BTreeMap<&[String], BTreeSet<&[String]>> {
    let modules: BTreeSet<&[String]> = files.iter().map(|(module, _)| module.as_slice()).collect();
    let file_of = |path: &[String]| (1..=path.len()).rev().find_map(|length| modules.get(&path[..length]).copied());
    let beside = |one: &[String], other: &[String]| !one.starts_with(other) && !other.starts_with(one);
    let of_file = |(module, text): &(Vec<String>, String)| -> BTreeSet<&[String]> {
        let named = named_paths(module, &without_tests(&tokens(text)));
        named.iter().filter_map(|named| file_of(&named.path)).filter(|other| beside(module, other)).collect()
    };
    files.iter().map(|file| (file.0.as_slice(), of_file(file))).collect()
}

/// Files that import each other, in however many steps: one line for each such circle.
fn circles(files: &[(Vec<String>, String)]) -> Vec<String> {
    let imports = imports(files);
    let mut found = BTreeSet::new();
    for &start in imports.keys() {
        // The shortest way back to where it began.
        let mut ways: VecDeque<Vec<&[String]>> = VecDeque::from([vec![start]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            let last = *way.last().expect("expect: a way has a beginning");
            for &next in imports.get(last).into_iter().flatten() {
                if next == start {
                    let mut circle: Vec<String> = way.iter().map(|module| module.join("/")).collect();
                    circle.sort();
                    found.insert(circle.join(", "));
                } else if seen.insert(next) {
                    ways.push_back(way.iter().copied().chain([next]).collect());
                }
            }
        }
    }
    found.into_iter().collect()
}

#[test]
fn no_files_import_each_other() {
    let files = rust_files("src").into_iter().filter(|path| !module_of(path).iter().any(|part| part == "tests"));
    let files: Vec<(Vec<String>, String)> = files.map(|path| (module_of(&path), read(&path))).collect();
    let circles = circles(&files);
    assert!(circles.is_empty(), "these files import each other:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_caught() {
    let file = |path: &str, text: &str| (module_of(Path::new(path)), text.to_owned());
    let two = [
        file("src/sim/mod.rs", "mod a; mod b; pub use a::One;"),
        file("src/sim/a.rs", "use super::b::Two; pub struct One;"),
        file("src/sim/b.rs", "use crate::sim::a::One; pub struct Two;"),
    ];
    assert_eq!(circles(&two), ["sim/a, sim/b"]);
    assert!(circles(&two[..2]).is_empty(), "a folder and what is in it may know each other");
    let three = [
        file("src/sim/a.rs", "use super::b::{self, Two};"),
        file("src/sim/b.rs", "fn f() { super::c::g() }"),
        file("src/sim/c.rs", "use super::a;"),
    ];
    assert_eq!(circles(&three), ["sim/a, sim/b, sim/c"]);
}

#[test]
fn every_module_of_the_table_is_there() {
    let roots: Vec<String> = rust_files("src").iter().map(|path| module_of(path).remove(0)).collect();
    for module in LAYERS.concat() {
        assert!(roots.iter().any(|root| root == module), "there is no module `{module}`: take it out of the table");
    }
}

#[test]
fn a_bad_import_is_caught() {
    let cases = [
        (
            "src/protocol/env.rs",
            "\n\nuse crate::sim::Plan;",
            "src/protocol/env.rs:3: `protocol` imports `sim` of a later layer",
        ),
        ("src/score/mod.rs", "use crate::model_check::Scope;", ":1: `score` imports `model_check` of its own layer"),
        ("src/harness/mod.rs", "use crate::{\n  sim::Plan,\n  store::{Node, Key},\n};", ":3: `harness` names `store`"),
        (
            "src/sweep/mod.rs",
            "fn f() { let x = crate::reference_store::Bug::CORE; }",
            ":1: `sweep` names `reference_store`",
        ),
        ("src/check/mod.rs", "use super::harness::Harness;", ":1: `check` imports `harness` of a later layer"),
        (
            "src/sim/world/faults.rs",
            "use super::super::super::check::Check;",
            ":1: `sim` imports `check` of a later layer",
        ),
        (
            "src/sim/plan.rs",
            "mod inner { use super::super::super::cli::Exit; }",
            ":1: `sim` imports `cli` of a later layer",
        ),
        (
            "src/sim/plan.rs",
            "pub(crate) fn f(c: &'static str) {}\nuse crate as c;\nuse crate::*;",
            ":3: `sim` imports `crate::*`",
        ),
        ("src/kv/mod.rs", "use crate::Harness;", ":1: `kv` imports `crate::Harness`, which is no module"),
        ("src/kv/mod.rs", "use crate::{self as all};", ":1: `kv` imports the root of the crate"),
        ("src/cli/mod.rs", "macro_rules! m { () => { $crate::gone::f() } }", "`crate::gone`, which is no module"),
        ("src/brandnew/mod.rs", "", "the module `brandnew` is in no layer"),
    ];
    for (path, text, expected) in cases {
        let found = faults(Path::new(path), text);
        assert!(found.iter().any(|fault| fault.contains(expected)), "{path} with {text:?}: found {found:?}");
    }
}

#[test]
fn what_is_no_import_is_not_caught() {
    let fine = [
        (
            "src/sim/world.rs",
            "use super::{network::Network, Plan};\nuse crate::protocol::Time;\nuse self::faults::Doom;",
        ),
        (
            "src/sim/world.rs",
            "//! [`Node`](crate::store::Node)\n/* crate::cli /* crate::cli */ crate::store */\n// crate::store",
        ),
        (
            "src/sim/world.rs",
            "const A: &str = \"crate::store \\\" crate::cli\"; const B: &str = r#\"\" crate::store\"#;",
        ),
        ("src/sim/world.rs", "const Q: char = '\"'; const E: char = '\\''; fn f<'a>(x: &'a str) {} // crate::store"),
        (
            "src/sim/world.rs",
            "#[cfg(test)]\nmod tests {\n  use crate::store::Node;\n  fn f() {}\n}\nuse crate::protocol::Time;",
        ),
        ("src/sim/world.rs", "#[cfg(test)]\nuse crate::{store::Node, cli};\nuse crate::protocol::Time;"),
        ("src/sim/tests/all.rs", "use crate::store::Node;"),
        ("src/cli/mod.rs", "pub(crate) use crate::store::Node; pub(super) use super::reference_store::Bug;"),
        ("src/lib.rs", "pub use store::Node;"),
    ];
    for (path, text) in fine {
        assert_eq!(faults(Path::new(path), text), [""; 0], "{path} with {text:?}");
    }
}
