# The habits of the house; `just` lists them. Each is one line of ordinary commands: nothing here is needed to build.

# Run all tests.
test:
    cargo test

# Format, and deny what clippy warns of, with and without features.
lint:
    cargo fmt --all --check && cargo clippy --all-targets --all-features -- -D warnings && cargo clippy -p distributed-data-consistency --all-targets --no-default-features -- -D warnings

# All that must hold before a change goes in.
ci:
    .ci/run

# Measure: the event loop, growth, the store, repair, the shrinker.
bench:
    for bench in event_loop growth store repair shrink; do cargo bench --bench $bench; done

# Count instructions of fixed worlds, and compare with the last commit that updated them. Needs valgrind.
instructions:
    benches/instructions

# Fuzz one target for a minute, on a stable compiler. Needs cargo-fuzz.
fuzz target="message_order":
    cargo fuzz run -O -s none --no-trace-compares {{target}} -- -max_total_time=60

# Build the documentation of the public interface, and deny what rustdoc warns of.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --all-features
