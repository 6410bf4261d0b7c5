#!/usr/bin/env bash
# Runs the array for real on this machine: a Slurm of its own with one node, a reference server, three shares, the merge. Needs Debian's
# slurm-wlm and munge, and installs nothing. Everything lies in a temporary folder, and what was started is stopped at the end.
#   deploy/slurm/try-here.sh [BINARY] [SCENARIO]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
CHATPROOF=$(realpath "${1:-$here/../../target/release/chatproof}")
scenario=$(realpath "${2:-$here/../../scenarios/smoke.yaml}")
for tool in slurmctld slurmd sbatch munged; do
  command -v "$tool" >/dev/null || { echo "there is no $tool; do: apt-get install slurm-wlm munge" >&2; exit 2; }
done

folder=$(mktemp -d)
started=()
stop() {
  # The last one first; each is waited for, so that nothing outlives this script.
  for ((n = ${#started[@]} - 1; n >= 0; n--)); do
    kill "${started[n]}" 2>/dev/null || true
    wait "${started[n]}" 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap stop EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_there() {
  for _ in $(seq 100); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "still not there: $*" >&2
  tail -n 20 "$folder"/*.log >&2
  exit 1
}

# Munge wants its socket to be reachable for all, and its key for nobody else.
chmod 711 "$folder"
mkdir -p -m 755 "$folder/munge" "$folder/state" "$folder/spool"
(umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
munged --foreground --socket="$folder/munge/socket" --key-file="$folder/munge.key" --pid-file="$folder/munge/pid" \
  --seed-file="$folder/munge/seed" --log-file="$folder/munged.log" >/dev/null 2>&1 &
started+=($!)
until_there test -S "$folder/munge/socket"

host=$(hostname -s)
cat >"$folder/slurm.conf" <<CONF
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
# All shares at once, however many cores there are.
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=here Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$folder/slurm.conf
slurmctld -D -c >"$folder/slurmctld.log" 2>&1 &
started+=($!)
slurmd -D >"$folder/slurmd.log" 2>&1 &
started+=($!)
until_there bash -c 'sinfo --noheader --format %T | grep -q idle'

"$CHATPROOF" serve --listen 127.0.0.1:0 2>"$folder/serve.log" &
started+=($!)
until_there grep -q http:// "$folder/serve.log"
target=$(grep -o 'http://[0-9.:]*' "$folder/serve.log" | head -n 1)
list() { seq -f "\"$1%g\"" -s ', ' 60; }
printf 'agents: [%s]\ncustomers: [%s]\n' "$(list agent:)" "$(list customer:)" >"$folder/tokens.yaml"

export CHATPROOF TALLIES=$folder/tallies START_IN=${START_IN:-15}
code=0
"$here/submit.sh" 3 "$scenario" --target "$target" --token-file "$folder/tokens.yaml" || code=$?
sinfo
exit "$code"
