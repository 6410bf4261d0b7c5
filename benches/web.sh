#!/usr/bin/env bash
# CPU seconds of the generator per 100,000 calls of the Web API (through goose, with validation and histograms on), beside those of oha,
# which validates nothing, against the same server in the same run. Needs Linux, taskset, python3, oha (cargo install --locked oha).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
binary=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/chatproof
exec python3 benches/web.py "$binary"
