//! Small rules that a compiler does not hold.

use std::path::Path;

use super::source::{read, reads, rust_files, tokens};

const LINES_MAX: usize = 400;

/// What must not stand in code, as tokens, and why.
const FORBIDDEN: [(&[&str], &str); 6] = [
    (&["todo", "!"], "finish it"),
    (&["unimplemented", "!"], "finish it"),
    (&["dbg", "!"], "left over"),
    (&["#", "[", "ignore"], "a test that does not run proves nothing"),
    (&["HashMap"], "its order differs from run to run: use indexmap or BTreeMap"),
    (&["HashSet"], "its order differs from run to run: use indexmap or BTreeSet"),
];

/// What leaks on purpose, to be caught; and what is measured against.
const HASHED: [&str; 3] = ["tests/determinism.rs", "benches/store/maps.rs", "benches/peers/src/bin/maps.rs"];

fn forbidden(path: &Path, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let mut faults = Vec::new();
    let may_hash = HASHED.iter().any(|file| path == Path::new(file));
    let is_meant = |texts: &[&str]| may_hash && ["HashMap", "HashSet"].contains(&texts[0]);
    for (at, token) in tokens.iter().enumerate() {
        for (texts, why) in FORBIDDEN.iter().filter(|(texts, _)| reads(&tokens, at, texts) && !is_meant(texts)) {
            faults.push(format!("{}:{}: `{}`: {why}", path.display(), token.line, texts.concat()));
        }
    }
    faults
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn files_are_short() {
    let long = |path: &std::path::PathBuf| {
        let lines = read(path).lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines: expected at most {LINES_MAX}", path.display()))
    };
    assert_none(&rust_files("src").iter().filter_map(long).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_over() {
    let files = ["src", "tests", "examples", "benches", "fuzz", "gallery"].into_iter().flat_map(rust_files);
    assert_none(&files.flat_map(|path| forbidden(&path, &read(&path))).collect::<Vec<_>>());
}

#[test]
fn what_is_left_over_is_caught() {
    for text in ["todo!()", "dbg!(1)", "#[ignore = \"slow\"]", "use std::collections::HashMap;", "unimplemented!()"] {
        assert_eq!(forbidden(Path::new("a.rs"), &format!("\n{text}")).len(), 1, "{text}");
    }
    for text in ["// todo!()", "\"dbg!(1)\"", "#[must_use]", "IndexMap", "todo"] {
        assert_none(&forbidden(Path::new("a.rs"), text));
    }
}

/// What cannot be printed must be noticed, so only one file prints.
#[test]
fn results_go_one_way() {
    let prints = |path: &Path| {
        let tokens = tokens(&read(path));
        let ways: [&[&str]; 3] = [&["print", "!"], &["println", "!"], &["stdout", "(", ")"]];
        let at = (0..tokens.len()).find(|at| ways.iter().any(|way| reads(&tokens, *at, way)))?;
        Some(format!("{}:{}: print by cli/output.rs", path.display(), tokens[at].line))
    };
    let files = rust_files("src").into_iter().filter(|path| path != Path::new("src/cli/output.rs"));
    assert_none(&files.filter_map(|path| prints(&path)).collect::<Vec<_>>());
    assert!(prints(Path::new("src/cli/output.rs")).is_some());
}

#[test]
#[cfg(feature = "builtin")]
fn saved_plans_are_of_systems_that_come_with_the_crate() {
    use distributed_data_consistency::builtin::{store, textbook};
    use distributed_data_consistency::replay::PlanFile;

    let readable = |path: &Path| -> Result<(), String> {
        let text = PlanFile::read_text(path).map_err(|error| error.to_string())?;
        let system = PlanFile::system_of(path, &text).map_err(|error| error.to_string())?;
        let replayed = match system.split_once('/') {
            None if system == "store" => store().replay_file(path),
            None if system == "textbook" => textbook(None).replay_file(path),
            Some(("textbook", bug)) => match bug.parse() {
                Ok(bug) => textbook(Some(bug)).replay_file(path),
                Err(unknown) => return Err(format!("{}: {unknown}", path.display())),
            },
            _ => return Err(format!("{}: there is no system \"{system}\"", path.display())),
        };
        replayed.map(drop).map_err(|error| error.to_string())
    };
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/replays");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_none(&paths.iter().filter_map(|path| readable(path).err()).collect::<Vec<_>>());
}

/// The commands as `ddc --help` lists them.
#[test]
#[cfg(feature = "cli")]
fn the_readme_tells_of_each_command() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_ddc")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let commands = commands.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    let commands: Vec<&str> = commands.filter(|command| *command != "help").collect();
    assert!(commands.contains(&"sweep") && commands.contains(&"replay"), "{help}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Whether there is a README at all is for `cargo package` to say.
    let Ok(readme) = std::fs::read_to_string(root.join("README.md")) else { return };
    let missing: Vec<String> = commands
        .iter()
        .filter(|command| !readme.contains(&format!("ddc {command}")))
        .map(|command| format!("README.md: expected `ddc {command}` to be told of"))
        .collect();
    assert_none(&missing);
}
