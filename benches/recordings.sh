#!/usr/bin/env bash
# What judging a long recording costs: a capture and a HAR file of at least a gigabyte each, and the memory and the time that `chatproof check`
# needs for them. Needs Linux, python3, 3 GB of room for temporary files.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
binary=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/chatproof
exec python3 benches/recordings.py "$binary"
