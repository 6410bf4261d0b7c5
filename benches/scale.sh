#!/usr/bin/env bash
# What more sessions cost: for each size, the memory of an idle session, and CPU, lateness and violations while 5,000 messages a second
# go through all of them. Each process holds at most 19,500 sessions (a descriptor limit of 20,000 is common), so larger sizes run as
# several `chatproof run --share K/N`, each against a reference server of its own on an address of its own, and `chatproof merge` puts
# their tallies together. Needs Linux and python3.
#
#   benches/scale.sh [SESSIONS…]      by default 1000 5000 10000 19500 50000
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
binary=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/chatproof
exec python3 benches/scale.py "$binary" "${@:-1000 5000 10000 19500 50000}"
