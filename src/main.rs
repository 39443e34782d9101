//! `ddc`: the command line of the harness, for the systems that come with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    distributed_data_consistency::cli::main()
}
