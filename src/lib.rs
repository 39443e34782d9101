//! tbd
pub mod causality;
pub mod kv;
pub mod machine;
pub mod sim;
