//! The command line of the gallery: `sweep`, `replay`, `shrink` and `score`, as `ddc` has them.

use std::process::ExitCode;

fn main() -> ExitCode {
    ddc_gallery::systems().cli()
}
