#![doc = "tbd"]
fn main() {}
