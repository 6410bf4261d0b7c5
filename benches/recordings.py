"""The measuring behind recordings.sh."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZE = 1_000_000_000  # bytes, at least
BEGAN = 1_767_225_600  # 2026-01-01T00:00:00Z


def capture(binary, folder):
    """What a run records in a minute in which 50 customers send as fast as they are answered."""
    path = folder / "capture.ndjson"
    command = [binary, "run", "benches/roundtrips.yaml", "--for", "60s", "--record", path, "--report", folder / "run", "--allow-saturated"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return path


def message(kind, at, message):
    return json.dumps({"type": kind, "time": at, "opcode": 1, "data": json.dumps(message)})


def request(number, action, payload):
    return {"request_id": str(number), "action": action, "payload": payload}


def har(folder):
    """One websocket of a customer who talks for hours, as Chromium exports it."""
    path = folder / "browser.har"
    entry = {
        "_resourceType": "websocket",
        "startedDateTime": "2026-01-01T00:00:00.000Z",
        "time": 0,
        "request": {"method": "GET", "url": "wss://api.example.com/customer/v0.3/rtm/ws?license_id=1", "headers": []},
        "response": {"status": 101, "headers": [], "content": {}},
    }
    text = "Where is my parcel, please? " * 30
    with open(path, "w", encoding="utf-8") as out:
        out.write('{"log": {"version": "1.2", "entries": [' + json.dumps(entry)[:-1] + ', "_webSocketMessages": [')
        login = request(0, "login", {"token": "customer:ann"})
        out.write(message("send", BEGAN, login))
        answer = {"customer_id": "a68d71ad-ee8b-4822-836d-bc797e6e6f94", "static_config_path": "static/config.json"}
        out.write("," + message("receive", BEGAN + 0.001, {**login, "type": "response", "success": True, "payload": answer}))
        number = 0
        while out.tell() < SIZE:
            for number in range(number + 1, number + 1001):
                at = BEGAN + number / 100
                sent = request(number, "send_event", {"chat_id": "C1", "event": {"type": "message", "text": text}})
                event = {"id": f"E{number}", "order": number, "timestamp": int(at), "type": "message", "author_id": "ann", "text": text}
                answer = {"thread_id": "T1", "event": event}
                out.write("," + message("send", at, sent))
                out.write("," + message("receive", at + 0.003, {**sent, "type": "response", "success": True, "payload": answer}))
        out.write("]}]}}")
    return path


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in (capture(binary, folder), har(folder)):
            began = time.monotonic()
            checked = subprocess.Popen([binary, "check", path, "--report", folder / "check"], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(checked.pid, 0)
            size, took = path.stat().st_size / 1e9, time.monotonic() - began
            code = os.waitstatus_to_exitcode(status)
            print(f"{path.name}: {size:.2f} GB in {took:.1f} s, at most {used.ru_maxrss / 1024:.0f} MiB, exit code {code}")
            path.unlink()


main()
