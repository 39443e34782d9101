#!/bin/bash -eu
# Builds all fuzz targets with the sanitizer that the environment asks for, and packs their seeds beside them.
cd "$SRC/distributed-data-consistency"
cargo fuzz build -O
for target in $(cargo fuzz list); do
    cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    (cd "fuzz/corpus/$target" && zip -q "$OUT/${target}_seed_corpus.zip" seed-*)
done
