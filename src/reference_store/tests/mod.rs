//! The worked examples, the stories of the bugs, and random worlds.

mod examples;
mod faults;
mod hostile;
mod limits;
mod protocol;
mod stories;
mod world;
