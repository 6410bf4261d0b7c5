#!/usr/bin/env bash
# Whether memory stays flat: the ordinary morning of scenarios/support-desk.yaml, for half an hour (or as many minutes as are given), with
# generator and reference server in processes of their own, whose resident sets are looked at every ten seconds. Needs Linux, python3.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
binary=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/chatproof
exec python3 benches/soak.py "$binary" "${1:-30}"
