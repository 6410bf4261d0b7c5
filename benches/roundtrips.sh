#!/usr/bin/env bash
# CPU seconds of the generator per 100,000 RTM round trips (validation, order ledger and histograms on), beside those of a bare loop that only
# validates, its memory per idle session, and the CPU seconds of the reference server, which runs on a core of its own. Needs Linux, taskset, python3.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
binary=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/chatproof
bare=$(cargo bench --bench bare_loop --no-run --message-format=json-render-diagnostics | python3 -c '
import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["name"] == "bare_loop"][0])')
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

taskset -c 0 "$binary" serve --listen 127.0.0.1:0 2> "$work/serve" &
server=$!
until grep -q http:// "$work/serve"; do sleep 0.1; done
url=$(grep -o 'http://[0-9.:]*' "$work/serve")
python3 - > "$work/tokens.yaml" <<'PYTHON'
print("customers: [" + ", ".join(f"'customer:bench-{n}'" for n in range(6000)) + "]")
PYTHON

# Prints: user and system CPU seconds, the largest resident set in KiB.
generate() {
    python3 - "$binary" "$@" <<'PYTHON'
import os, resource, subprocess, sys
subprocess.run(["taskset", "-c", "1", *sys.argv[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(round(used.ru_utime + used.ru_stime, 3), used.ru_maxrss)
PYTHON
}
# CPU seconds of the server so far.
served() {
    awk -v second="$(getconf CLK_TCK)" '{ print ($14 + $15) / second }' "/proc/$server/stat"
}
common=(--target "$url" --token-file "$work/tokens.yaml" --allow-saturated)

# What starting, compiling the schemas and reporting costs is measured by a short run and taken off.
read -r base _ < <(generate run benches/roundtrips.yaml "${common[@]}" --for 1s --users 1 --report "$work/base")
before=$(served)
read -r cpu _ < <(generate run benches/roundtrips.yaml "${common[@]}" --report "$work/round")
after=$(served)
# In turns, because what the machine takes for the same work changes within minutes.
turns=()
for turn in 1 2 3; do
    read -r plain _ < <(generate run benches/answers.yaml "${common[@]}" --report "$work/plain-$turn")
    turns+=("$plain" "$(taskset -c 1 "$bare" "$url")")
done
read -r _ few < <(generate run benches/idle.yaml "${common[@]}" --users 10 --report "$work/few")
read -r _ many < <(generate run benches/idle.yaml "${common[@]}" --users 5000 --report "$work/many")

python3 - "$work" "$base" "$cpu" "$before" "$after" "$few" "$many" "${turns[@]}" <<'PYTHON'
import json, os, sys
work, base, cpu, before, after, few, many, *turns = sys.argv[1], *map(float, sys.argv[2:])
def answers(name):
    report = json.load(open(f"{work}/{name}/report.json"))
    return sum(row["answered"] for row in report["requests"]), report
trips, report = answers("round")
small, _ = answers("base")
idle, _ = answers("many")
print(f"cores: {os.cpu_count()}")
print(f"verdict: {report['verdict']['judgement']}")
print(f"round trips: {trips}, each with a push; generator CPU: {cpu:.2f} s (start and a short run: {base:.2f} s)")
print(f"CPU per 100k round trips with their pushes: {(cpu - base) / (trips - small) * 100_000:.2f} s")
server = (after - before) / trips * 100_000
print(f"CPU of the reference server per 100k round trips with their pushes: {server:.2f} s, so a core carries {100_000 / server:,.0f} a second")
for turn in range(3):
    plain, bare = turns[2 * turn : 2 * turn + 2]
    ours = (plain - base) / (answers(f"plain-{turn + 1}")[0] - small) * 100_000
    print(f"CPU per 100k round trips without pushes: {ours:.2f} s; a bare loop: {bare:.2f} s; ratio {ours / bare:.2f}")
print(f"memory per idle session: {(many - few) / (idle - 10):.1f} KiB over {idle} sessions")
PYTHON
