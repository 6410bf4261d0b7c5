"""The measuring behind scale.sh."""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

HELD = 19_500  # sessions of one process
LOGINS = 1_500  # a second, of all processes
SENDS = 5_000  # messages that are sent in a second, each of which is answered, and pushed back to its sender
SECONDS = 30

SCENARIO = """
about: Sessions that are silent for a while, and then send 5,000 messages a second together.
actors:
  customer:
    dialect: customer/v0.3
    transport: websocket
    login: {{ customer: {{ name: Ann }} }}
    steps:
      - think: {{ uniform: {{ from: {ramp}s, to: {until}s }} }}
      - call: start_chat
        payload: {{}}
        capture: {{ chat: /chat/id }}
      - repeat: until_wind_down
        steps:
          - call: send_event
            payload: {{ chat_id: "${{chat}}", event: {{ type: message, text: "Where is my parcel, please?" }} }}
          - think: {{ exponential: {{ mean: {pause}ms }} }}
load:
  for: {seconds}s
  populations:
    - {{ actor: customer, standing: {{ count: {sessions}, ramp: {ramp}s }} }}
"""


def start_server(binary, address, folder):
    log = folder / f"serve-{address}"
    with open(log, "wb") as out:
        server = subprocess.Popen(
            [binary, "serve", "--listen", f"{address}:0", "--max-connections", "100000"], stdout=out, stderr=out
        )
    while not (found := re.search(r"http://[\d.:]+", log.read_text())):
        if server.poll() is not None:
            sys.exit(f"the reference server did not start: {log.read_text()}")
        time.sleep(0.05)
    return server, found.group()


def resident(pid):
    """Resident KiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def measure(binary, sessions, sends=SENDS):
    shares = -(-sessions // HELD)
    ramp = max(2, sessions // LOGINS)
    # They send from `ramp` seconds after their own login on, so nobody does before everybody is there.
    pause = 1000 * sessions / sends
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenario = folder / "scale.yaml"
        scenario.write_text(
            SCENARIO.format(
                sessions=sessions, ramp=ramp, until=ramp + max(2, int(pause / 1000)), pause=int(pause), seconds=ramp + 2 + SECONDS
            )
        )
        tokens = folder / "tokens.yaml"
        tokens.write_text("customers: [" + ", ".join(f"'customer:scale-{n}'" for n in range(sessions)) + "]\n")
        servers = [start_server(binary, f"127.0.0.{k + 1}", folder) for k in range(shares)]
        try:
            at = (datetime.now(timezone.utc) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
            workers = []
            for k, (_, url) in enumerate(servers):
                share = ["--share", f"{k + 1}/{shares}", "--start-at", at] if shares > 1 else []
                command = [binary, "run", scenario, "--target", url, "--token-file", tokens, "--allow-saturated"]
                command += ["--report", folder / str(k), *share]
                workers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
            begun = time.time() + (5 if shares > 1 else 0)
            # Everybody is there, and nobody sends yet.
            time.sleep(max(0, begun + ramp + 1 - time.time()))
            idle = sum(resident(worker.pid) for worker in workers)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            for worker in workers:
                _, told = worker.communicate(timeout=300)
                if worker.returncode not in (0, 6):
                    print(told.decode(), file=sys.stderr)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = sum(getattr(after, part) - getattr(before, part) for part in ("ru_utime", "ru_stime"))
            served = sum(resident(server.pid) for server, _ in servers)
            merged = folder / "merged"
            if shares > 1:
                tallies = [folder / str(k) / "tally.json" for k in range(shares)]
                subprocess.run([binary, "merge", *tallies, "--report", merged, "--allow-saturated"], stdout=subprocess.DEVNULL, check=False)
            else:
                merged = folder / "0"
            report = json.loads((merged / "report.json").read_text())
        finally:
            for server, _ in servers:
                server.terminate()
                server.wait()
    return report, idle, used, served, shares


def main():
    binary, sizes = sys.argv[1], [int(size) for argument in sys.argv[2:] for size in argument.split()]
    print(f"cores: {os.cpu_count()}")
    print(
        "sessions | processes | KiB a session | CPU s per 100k messages read | sends/s | response p50, p99 ms | service p50, p99 ms | "
        "lag of logins p50, p99 ms | verdict, violations, timeouts | servers MiB"
    )
    # What a process needs without sessions is taken off.
    _, alone, start, _, _ = measure(binary, 10, sends=1)
    for size in sizes:
        report, idle, used, served, processes = measure(binary, size)
        sends = next(row for row in report["requests"] if row["action"] == "send_event")
        messages = sum(row["answered"] for row in report["requests"]) + sum(row["count"] for row in report["pushes"])
        memory = (idle - processes * alone) / size
        cost = (used - processes * start) / messages * 100_000
        found = sum(row["count"] for row in report["violations"])
        timeouts = sum(row["timeouts"] for row in report["requests"])
        ms = lambda latency: ", ".join(f"{latency[p] / 1000:.2f}" for p in ("p50_us", "p99_us"))
        print(
            f"{size} | {processes} | {memory:.1f} | {cost:.2f} | {sends['answered'] / SECONDS:.0f} | {ms(sends['response'])} | {ms(sends['service'])} | "
            f"{ms(report['generator']['lag'])} | {report['verdict']['judgement']}, {found}, {timeouts} | {served / 1024:.0f}",
            flush=True,
        )


main()
