#!/usr/bin/env bash
# Submits a run in so many shares, and the merge behind it:
#   deploy/slurm/submit.sh SHARES SCENARIO [options of `chatproof run`]
# The folder of the tallies (TALLIES, by default reports/runs/<time>) has to be one that all machines see. START_IN seconds (300) from now
# the run starts; by then all of the array must be running. CHATPROOF is the binary. Waits, and ends with the merge's exit code.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
shares=$1 SCENARIO=$(realpath "$2")
shift 2

CHATPROOF=$(realpath "$(command -v "${CHATPROOF:-chatproof}")")
TALLIES=$(realpath -m "${TALLIES:-reports/runs/$(date +%Y%m%d-%H%M%S)}")
START_AT=$(($(date +%s) + ${START_IN:-300}))
export CHATPROOF SCENARIO TALLIES START_AT
mkdir -p "$TALLIES"

array=$(sbatch --parsable --output="$TALLIES/%x-%A-%a.log" --array="1-$shares" "$here/array.sbatch" "$@")
code=0
sbatch --wait --output="$TALLIES/%x-%j.log" --dependency="afterany:$array" "$here/merge.sbatch" || code=$?
cat "$TALLIES"/chatproof-merge-*.log
exit "$code"
