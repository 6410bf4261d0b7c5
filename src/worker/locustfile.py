import logging
import os
import time
import uuid

import gevent
from locust import User, constant, events, task
from locust.runners import MasterRunner

# Each test's tallies get a folder of their own in here.
TALLIES = os.environ.get("CHATPROOF_TALLIES", "tallies")
# The workers' actors may take so many seconds to finish, as the scenario says, and some more to hand over what they measured.
PATIENCE = @WIND_DOWN@ + 30

log = logging.getLogger("chatproof")


class Actor(User):
    """Walks on a worker of chatproof; Locust only counts it."""

    abstract = True
    wait_time = constant(1)

    @task
    def walk(self):
        raise RuntimeError("this is done by `chatproof worker`")


@CLASSES@

class Test:
    """One test: who takes part in it, and whose tally has come."""

    def __init__(self, clients):
        self.name = uuid.uuid4().hex
        self.folder = os.path.join(TALLIES, time.strftime("%Y%m%d-%H%M%S"))
        self.clients = list(clients)
        self.done = set()
        self.tallies = set()
        self.trouble = []
        self.over = False

    def part(self, client):
        return self.clients.index(client) + 1


current = None


@events.init.add_listener
def begin(environment, **_):
    if not isinstance(environment.runner, MasterRunner):
        raise SystemExit("This locustfile is for a master: start `locust --master`, and `chatproof worker` for the users.")
    environment.runner.register_message("chatproof_done", note)
    environment.runner.register_message("chatproof_tally", keep)


@events.test_start.add_listener
def start(environment, **_):
    global current
    clients = environment.runner.clients
    current = Test(client.id for client in clients.ready + clients.spawning + clients.running)


@events.worker_connect.add_listener
def join(client_id, **_):
    if current is None or current.over:
        return
    if client_id in current.clients:
        current.trouble.append(f"worker {client_id} lost its connection, and what it had measured")
    else:
        current.clients.append(client_id)


def note(environment, msg, **_):
    if current is not None:
        current.done.add(msg.node_id)


def keep(environment, msg, **_):
    if current is None or msg.data["test"] != current.name or msg.data["part"] != current.part(msg.node_id):
        return
    os.makedirs(current.folder, exist_ok=True)
    path = os.path.join(current.folder, f"tally-{current.part(msg.node_id)}-of-{len(current.clients)}.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(msg.data["tally"])
    current.tallies.add(msg.node_id)


@events.test_stopping.add_listener
def finish(environment, **_):
    runner, test = environment.runner, current
    until = time.monotonic() + PATIENCE
    test.over = True

    def wait(*told):
        def awaited():
            there = {client.id for client in runner.clients.all if client.state != "missing"}
            return (there & set(test.clients)).difference(*told)

        while awaited() and time.monotonic() < until:
            gevent.sleep(0.1)

    for client in test.clients:
        data = {"test": test.name, "part": test.part(client), "of": len(test.clients)}
        runner.send_message("chatproof_finish", data, client_id=client)
    # Who stands by on one worker may be needed by somebody on another one, until nobody else is left anywhere.
    wait(test.done, test.tallies)
    for client in test.clients:
        runner.send_message("chatproof_dismiss", client_id=client)
    wait(test.tallies)
    for client in test.clients:
        if client not in test.tallies:
            test.trouble.append(f"worker {client} took part and left no tally")
    for trouble in test.trouble:
        log.error("%s: the test has failed", trouble)
    for exception in runner.exceptions.values():
        log.error("%s", exception["msg"])
    log.info("tallies: %s; the verdict: chatproof merge %s/*.json", test.folder, test.folder)
    # What the server refused is a failure for Locust. Whether it was right to, the scenario knows, and with it the verdict.
    failed = bool(test.trouble or runner.exceptions or environment.process_exit_code)
    environment.process_exit_code = 1 if failed else 0
