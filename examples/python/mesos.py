# SPDX-License-Identifier: Apache-2.0
"""The v1 scheduler and executor APIs in JSON, with Python's standard library alone: enough for the examples beside it."""

import base64
import http.client
import json
import os
import urllib.parse
import uuid

JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def post(connection, path, call, headers=None):
    connection.request("POST", path, json.dumps(call), {**JSON, **(headers or {})})
    return connection.getresponse()


def records(response):
    """RecordIO: each record is its length in decimal digits, a newline, and so many bytes."""
    while line := response.readline():
        yield json.loads(response.read(int(line)))


def scalars(**amounts):
    """Resources as a task lists them: scalars(cpus=0.1, mem=32)."""
    return [{"name": name, "type": "SCALAR", "scalar": {"value": amount}} for name, amount in amounts.items()]


def amount(offer, name):
    """How much of a scalar there is in an offer, whatever it is reserved for."""
    return sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == name and "scalar" in r)


class Scheduler:
    def __init__(self, master, name, capabilities=(), roles=("*",), **info):
        self.master = master
        self.info = {"user": os.environ.get("USER", "root"), "name": name, "roles": list(roles),
                     "capabilities": [{"type": c} for c in ("MULTI_ROLE", *capabilities)], **info}
        self.framework_id = info.get("id")
        self.stream_id = None

    def events(self):
        """Subscribe and yield events until the stream ends."""
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}}
        if self.framework_id:
            call["framework_id"] = self.framework_id
        connection = http.client.HTTPConnection(self.master)
        response = post(connection, "/api/v1/scheduler", call)
        if response.status == 307:  # another master leads
            self.master = urllib.parse.urlsplit("http:" + response.headers["Location"].removeprefix("http:")).netloc
            yield from self.events()
            return
        if response.status != 200:
            raise RuntimeError(f"{response.status} {response.read().decode()}")
        self.stream_id = response.headers["Mesos-Stream-Id"]
        for event in records(response):
            if event["type"] == "SUBSCRIBED":
                self.framework_id = event["subscribed"]["framework_id"]
            if event["type"] == "ERROR":
                raise RuntimeError(event["error"]["message"])
            yield event

    def call(self, kind, **members):
        connection = http.client.HTTPConnection(self.master)
        response = post(connection, "/api/v1/scheduler",
                        {"type": kind, "framework_id": self.framework_id, **members},
                        {"Mesos-Stream-Id": self.stream_id})
        text = response.read().decode()
        connection.close()
        if response.status not in (200, 202):
            raise RuntimeError(f"{kind}: {response.status} {text}")

    def accept(self, offer, *operations, refuse_seconds=5):
        """Use an offer; what the operations leave over stays away for so long. Without operations: a decline."""
        self.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": list(operations),
                                    "filters": {"refuse_seconds": refuse_seconds}})

    def acknowledge(self, status):
        """The update will not come again. Updates without a uuid need none."""
        if "uuid" in status:
            self.call("ACKNOWLEDGE", acknowledge={"agent_id": status["agent_id"], "task_id": status["task_id"],
                                                  "uuid": status["uuid"]})


class Executor:
    """The agent's environment says where to connect and who we are."""

    def __init__(self):
        self.agent = os.environ["MESOS_AGENT_ENDPOINT"]
        self.ids = {"framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
                    "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]}}
        token = os.environ.get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN")
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.updates, self.tasks = {}, {}  # what the agent has not acknowledged

    def events(self):
        """Subscribe and yield events until the agent goes away."""
        call = {**self.ids, "type": "SUBSCRIBE", "subscribe": {
            "unacknowledged_updates": [{"status": status} for status in self.updates.values()],
            "unacknowledged_tasks": list(self.tasks.values())}}
        response = post(http.client.HTTPConnection(self.agent), "/api/v1/executor", call, self.headers)
        if response.status != 200:  # 503: the agent is still recovering
            raise ConnectionError(f"{response.status} {response.read().decode()}")
        for event in records(response):
            if event["type"] == "LAUNCH":
                task = event["launch"]["task"]
                self.tasks[task["task_id"]["value"]] = task
            elif event["type"] == "ACKNOWLEDGED":
                self.updates.pop(event["acknowledged"]["uuid"], None)
                self.tasks.pop(event["acknowledged"]["task_id"]["value"], None)
            yield event

    def call(self, kind, **members):
        response = post(http.client.HTTPConnection(self.agent), "/api/v1/executor",
                        {**self.ids, "type": kind, **members}, self.headers)
        text = response.read().decode()
        if response.status != 202:
            raise ConnectionError(f"{kind}: {response.status} {text}")

    def update(self, task_id, state, **members):
        """Tell a state; kept until the agent has acknowledged it, and told again after it was away."""
        number = base64.b64encode(uuid.uuid4().bytes).decode()
        status = {"task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR", "uuid": number,
                  "executor_id": self.ids["executor_id"], **members}
        self.updates[number] = status
        try:
            self.call("UPDATE", update={"status": status})
        except OSError:
            pass
