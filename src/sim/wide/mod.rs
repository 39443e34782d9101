//! What TOML has no word for, said in TOML all the same: numbers beyond 64 bits with a sign, nothing, maps by numbers.
//!
//! | Rust | TOML |
//! | --- | --- |
//! | an integer that TOML cannot hold | its digits, as a string |
//! | `None` | `{}` |
//! | `()`, `struct Unit;` | `[]` |
//! | a map by numbers or truths | a table by their texts |
//! | a map by anything else | an array of pairs |
//!
//! All else is as TOML has it. The form says less than serde knows: whoever writes it reads it back and compares.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;
