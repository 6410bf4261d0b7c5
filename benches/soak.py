"""The measuring behind soak.sh."""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVERY = 10  # seconds


def resident(pid):
    """Resident MiB; none when the process is gone."""
    try:
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except FileNotFoundError:
        return None
    return int(found.group(1)) / 1024 if found else None


def main():
    binary, minutes = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "serve"
        with open(log, "wb") as out:
            server = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--max-chats", "2000"], stdout=out, stderr=out)
        try:
            while not (found := re.search(r"http://[\d.:]+", log.read_text())):
                time.sleep(0.05)
            tokens = folder / "tokens.yaml"
            pools = {"agents": "agent:soak-{}@example.com", "customers": "customer:soak-{}"}
            tokens.write_text("".join(f"{pool}: {json.dumps([token.format(n) for n in range(2000)])}\n" for pool, token in pools.items()))
            command = [binary, "run", "scenarios/support-desk.yaml", "--target", found.group(), "--token-file", tokens]
            command += ["--for", f"{minutes}m", "--report", folder / "report", "--allow-saturated"]
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            seen = []
            while run.poll() is None:
                time.sleep(EVERY)
                now = resident(run.pid), resident(server.pid)
                if None not in now:
                    seen.append(now)
            report = json.loads((folder / "report" / "report.json").read_text())
        finally:
            server.terminate()
            server.wait()
    # The last tenth against the tenth that follows the first two fifths, when everything that is kept for a time has come to its size: ten
    # minutes is the longest.
    tenth = max(1, len(seen) // 10)
    for who, place in (("generator", 0), ("server", 1)):
        series = [row[place] for row in seen]
        early, late = series[4 * tenth : 5 * tenth], series[-tenth:]
        early, late = sum(early) / len(early), sum(late) / len(late)
        print(f"{who}: {early:.1f} MiB after warming up, {late:.1f} MiB at the end ({late / early:.3f} times), at most {max(series):.1f}")
    answered = sum(row["answered"] for row in report["requests"])
    pushes = sum(row["count"] for row in report["pushes"])
    print(f"{minutes} minutes, {answered} answers, {pushes} pushes, {report['verdict']['judgement']}")
    for reason in report["verdict"]["reasons"]:
        print(f"  {reason}")


main()
