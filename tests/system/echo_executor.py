#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A custom executor over the v1 executor API in JSON, for tests: every task runs until it is killed, every message
comes back. "stubborn" ignores SIGTERM, the kill of a task and the shutdown. "flood N" answers a message with N of it.
"reconnect" subscribes again when the agent went away."""

import base64
import http.client
import json
import os
import signal
import sys
import time
import uuid

AGENT = os.environ["MESOS_AGENT_ENDPOINT"]
IDS = {"framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
       "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]}}
STUBBORN = "stubborn" in sys.argv
RECONNECT = "reconnect" in sys.argv
COPIES = int(sys.argv[2]) if sys.argv[1:2] == ["flood"] else 1


def post(connection, kind, **members):
    connection.request("POST", "/api/v1/executor", json.dumps({**IDS, "type": kind, **members}),
                       {"Content-Type": "application/json", "Accept": "application/json"})
    return connection.getresponse()


class Executor:
    def __init__(self):
        self.calls = http.client.HTTPConnection(AGENT)
        self.updates, self.tasks = {}, {}

    def call(self, kind, **members):
        response = post(self.calls, kind, **members)
        text = response.read()
        assert response.status == 202, (kind, response.status, text)

    def update(self, task_id, state):
        number = base64.b64encode(uuid.uuid4().bytes).decode()
        status = {"task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR", "uuid": number,
                  "executor_id": IDS["executor_id"]}
        self.updates[number] = {"status": status}
        self.call("UPDATE", update={"status": status})

    def handle(self, event):
        kind = event["type"]
        if kind == "LAUNCH":
            task = event["launch"]["task"]
            self.tasks[task["task_id"]["value"]] = task
            self.update(task["task_id"]["value"], "TASK_RUNNING")
        elif kind == "KILL" and not STUBBORN:
            self.update(event["kill"]["task_id"]["value"], "TASK_KILLED")
        elif kind == "ACKNOWLEDGED":
            self.updates.pop(event["acknowledged"]["uuid"], None)
            self.tasks.pop(event["acknowledged"]["task_id"]["value"], None)
        elif kind == "MESSAGE":
            for _ in range(COPIES):
                self.call("MESSAGE", message={"data": event["message"]["data"]})
        elif kind == "SHUTDOWN":
            print("shutdown", flush=True)
            return STUBBORN
        return True

    def stream(self):
        """Handle the events of one subscription. True if it broke, False if the executor is to end."""
        stream = post(http.client.HTTPConnection(AGENT), "SUBSCRIBE", subscribe={
            "unacknowledged_tasks": list(self.tasks.values()), "unacknowledged_updates": list(self.updates.values())})
        assert stream.status == 200, (stream.status, stream.read())
        while True:
            length = stream.readline()
            if not length:
                return True
            if not self.handle(json.loads(stream.read(int(length)))):
                return False

    def run(self):
        while True:
            try:
                if not self.stream():
                    return
            except (OSError, http.client.HTTPException, AssertionError) as error:
                print(error, flush=True)
            if not RECONNECT:
                return
            time.sleep(0.05)
            self.calls = http.client.HTTPConnection(AGENT)


if STUBBORN:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("pid", os.getpid(), flush=True)
Executor().run()
while STUBBORN:
    signal.pause()
