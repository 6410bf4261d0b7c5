"""The measuring behind web.sh."""

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CALLS = 100_000


def spent(command):
    """CPU seconds of a command on the second core."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["taskset", "-c", "1", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 6):
        sys.exit(f"{command}: {done.stderr.decode()}")
    return sum(getattr(after, part) - getattr(before, part) for part in ("ru_utime", "ru_stime"))


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "serve"
        with open(log, "wb") as out:
            server = subprocess.Popen(["taskset", "-c", "0", binary, "serve", "--listen", "127.0.0.1:0"], stdout=out, stderr=out)
        try:
            while not (found := re.search(r"http://[\d.:]+", log.read_text())):
                time.sleep(0.05)
            url = found.group()
            tokens = folder / "tokens.yaml"
            tokens.write_text("agents: [" + ", ".join(f"'agent:bench-{n}@example.com'" for n in range(60)) + "]\n")

            def ours(seconds, users, report):
                command = [binary, "run", "benches/web.yaml", "--target", url, "--token-file", tokens, "--allow-saturated"]
                cpu = spent([*command, "--for", f"{seconds}s", "--users", str(users), "--report", folder / report])
                rows = json.loads((folder / report / "report.json").read_text())["requests"]
                return cpu, sum(row["answered"] for row in rows)

            base = ours(1, 1, "base")
            oha = ["oha", "--no-tui", "-n", str(CALLS), "-c", "50", "-m", "POST", "-T", "application/json"]
            oha += ["-H", "authorization: Bearer agent:bench-1@example.com", "-d", "{}"]
            oha += [f"{url}/v3.0/agent/action/get_archives"]
            ratios = []
            for turn in range(3):
                theirs = spent(oha) / CALLS * 100_000
                cpu, calls = ours(10, 50, f"turn-{turn}")
                mine = (cpu - base[0]) / (calls - base[1]) * 100_000
                ratios.append(mine / theirs)
                print(f"CPU s per 100k calls: oha {theirs:.2f}, chatproof {mine:.2f} ({calls} calls), ratio {mine / theirs:.2f}", flush=True)
            print(f"median ratio {sorted(ratios)[1]:.2f}, budget 2.2")
        finally:
            server.terminate()
            server.wait()


main()
