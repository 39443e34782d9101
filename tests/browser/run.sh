#!/bin/sh
# Opens pages of `ddc show --html` in a headless Chromium, and has Mermaid parse its diagrams. Installs what it needs beside it in a
# directory of its own; says so and ends well where there is no Chromium or no npm.
#   tests/browser/run.sh [DIR for screenshots]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$chromium" ] || ! command -v npm >/dev/null; then
  echo "skipped: the browser tests need chromium and npm"
  exit 0
fi
work=${TMPDIR:-/tmp}/ddc-browser-tests
mkdir -p "$work"
cp "$here/check.mjs" "$here/parse.mjs" "$work/"
cd "$work"
npm install --no-save --silent playwright-core@1.49 mermaid@11 jsdom@25
[ -n "${DDC_BUILT:-}" ] || cargo build --quiet --manifest-path "$root/Cargo.toml"
CHROMIUM=$chromium ROOT=$root node check.mjs "${1:-$work}"
ROOT=$root node parse.mjs
