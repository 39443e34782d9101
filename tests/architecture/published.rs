//! What must hold before anybody else can have it: names of files, what is in the package, what it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::source::read;

/// What git keeps of this project, from its root; `None` where it keeps nothing, as in an unpacked package.
fn tracked() -> Option<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Some other project's git may keep the directory above.
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().ok()?;
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    output.status.success().then(|| names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// All files below the root but those that are built.
fn all_files() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories: Vec<PathBuf> = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let path = entry.expect("expect: a directory that can be read").path();
            match path.is_dir() {
                true if path.ends_with("target") || path.ends_with(".git") => {}
                true => directories.push(path),
                false => files.push(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/")),
            }
        }
    }
    files
}

/// Names of devices, which no file may have on Windows, whatever comes after a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Why a part of a path cannot be had everywhere.
fn refused(part: &str) -> Option<&'static str> {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let is_port = stem.strip_prefix("com").or(stem.strip_prefix("lpt")).is_some_and(|number| {
        let mut chars = number.chars();
        chars.next().is_some_and(|char| char.is_ascii_digit() || "¹²³".contains(char)) && chars.next().is_none()
    });
    match part {
        _ if part.chars().any(|char| "<>:\"\\|?*".contains(char)) => Some("has a character that Windows refuses"),
        _ if part.chars().any(char::is_control) => Some("has a control character"),
        _ if part.contains(char::REPLACEMENT_CHARACTER) => Some("is no UTF-8"),
        _ if part.ends_with(['.', ' ']) => Some("ends with a dot or a space"),
        _ if is_port || DEVICES.contains(&stem.as_str()) => Some("is the name of a device on Windows"),
        _ => None,
    }
}

/// What is wrong with the names of these files, a line each.
fn faults(files: &[String]) -> Vec<String> {
    let mut faults = BTreeSet::new();
    // Each file and each directory above it, by its name in small letters.
    let mut spelled: BTreeMap<String, &str> = BTreeMap::new();
    for file in files {
        let ends = file.match_indices('/').map(|(at, _)| at).chain([file.len()]);
        for path in ends.map(|end| &file[..end]) {
            let part = path.rsplit('/').next().unwrap_or(path);
            if let Some(why) = refused(part) {
                faults.insert(format!("{path:?} {why}"));
            }
            let first = *spelled.entry(path.to_lowercase()).or_insert(path);
            if first != path {
                faults.insert(format!("{path:?} differs from {first:?} in case only"));
            }
        }
    }
    faults.into_iter().collect()
}

#[test]
fn every_file_can_be_had_on_every_system() {
    let faults = faults(&tracked().unwrap_or_else(all_files));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn names_that_cannot_be_had_everywhere_are_caught() {
    let cases = [
        (": costs more than it did", "character that Windows refuses"),
        ("src/a?.rs", "character that Windows refuses"),
        ("src/a\\b.rs", "character that Windows refuses"),
        ("a\nb", "control character"),
        ("docs./a", "ends with a dot"),
        ("docs/a ", "ends with a dot"),
        ("src/aux/mod.rs", "device"),
        ("src/Con.rs", "device"),
        ("LPT1", "device"),
        ("a\u{fffd}", "no UTF-8"),
    ];
    for (name, expected) in cases {
        let found = faults(&[name.to_owned()]);
        assert!(found.len() == 1 && found[0].contains(expected), "{name:?}: {found:?}");
    }
    let twice = ["src/a.rs", "src/A.rs", "Tests/b", "tests/c"].map(str::to_owned);
    assert_eq!(faults(&twice).len(), 2, "a file and a directory");
    let fine = ["src/a.rs", "src/a/b.rs", ".gitignore", "docs/a b.md", "com.rs", "lpt", "com10", "tests/größe.toml"];
    assert_eq!(faults(&fine.map(str::to_owned)), [""; 0]);
}

/// What git keeps and the package has not: what only makes sense beside git, and crates of their own.
const LEFT_OUT: [&str; 9] = [
    ".ci/",
    ".clusterfuzzlite/",
    "benches/peers/",
    ".github/",
    "fuzz/",
    "gallery/",
    "snapshots/proptest.txt",
    "tests/fuzz/",
    "tests/fuzz_bodies.rs",
];

#[test]
fn the_package_has_what_it_needs_and_nothing_else() {
    let Some(tracked) = tracked() else { return };
    let list = ["package", "--list", "--allow-dirty", "--offline", "-p", env!("CARGO_PKG_NAME")];
    let output = Command::new(env!("CARGO")).args(list).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.expect("cargo runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let listed = String::from_utf8(output.stdout).expect("names are text").replace('\\', "/");
    let listed: BTreeSet<&str> = listed.lines().collect();
    let is_left_out = |file: &str| LEFT_OUT.iter().any(|left_out| file.starts_with(left_out));
    let is_there = |file: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists();
    let missing: Vec<&String> =
        tracked.iter().filter(|file| !is_left_out(file) && is_there(file) && !listed.contains(file.as_str())).collect();
    assert!(missing.is_empty(), "expected in the package: {missing:?}");
    let odd: Vec<&&str> = listed.iter().filter(|file| is_left_out(file)).collect();
    assert!(odd.is_empty(), "expected not to be in the package: {odd:?}");
}

/// The advisories that we know of and live with: each with the one version of the one crate that it is about.
const KNOWN: [(&str, &str, &str); 1] = [("RUSTSEC-2025-0141", "bincode", "2.0.1")];

#[test]
fn what_is_excepted_from_advisories_is_what_is_known() {
    let toml = |path: &str| -> toml::Table { read(Path::new(path)).parse().expect("a file of TOML") };
    let deny = toml("deny.toml");
    let excepted = deny["advisories"]["ignore"].as_array().expect("a list");
    let excepted = excepted.iter().map(|one| (one["id"].as_str(), one["reason"].as_str().map(str::len)));
    for ((id, reason), (known, ..)) in excepted.clone().zip(KNOWN) {
        assert!(id == Some(known) && reason > Some(40), "{id:?}: expected {known}, with a reason");
    }
    assert_eq!(excepted.len(), KNOWN.len());

    let locked = toml("Cargo.lock");
    let packages = locked["package"].as_array().expect("a list");
    for (id, name, version) in KNOWN {
        let versions: Vec<&str> = packages
            .iter()
            .filter(|package| package["name"].as_str() == Some(name))
            .filter_map(|package| package["version"].as_str())
            .collect();
        assert_eq!(versions, [version], "{id} is about {name} {version}: look again whether it is to be excepted");
        let manifest = toml("Cargo.toml");
        assert_eq!(manifest["dependencies"][name]["version"].as_str(), Some(format!("={version}").as_str()));
    }
}
