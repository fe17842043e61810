# SPDX-License-Identifier: Apache-2.0
"""A small scheduler over the v1 HTTP API in JSON, as a test wants it: calls by hand, events in a queue."""

import base64
import http.client
import json
import queue
import threading
import time

from cluster import DEADLINE_S, USER


class Scheduler:
    media_type = "application/json"

    def __init__(self, address, failover_timeout=0, checkpoint=False, framework_id=None, name="test", roles=("*",),
                 capabilities=("MULTI_ROLE",), subscribe=True, role=None):
        self.address = address
        self.framework_id = framework_id
        self.events = queue.Queue()
        self.offers = []
        self.updates = []
        self.agents = {}
        self.stream_id = None
        self.connection = None
        self.info = {"user": USER, "name": name, "failover_timeout": failover_timeout, "checkpoint": checkpoint,
                     "roles": list(roles), "capabilities": [{"type": c} for c in capabilities]}
        if "MULTI_ROLE" not in capabilities:
            del self.info["roles"]
            self.info |= {"role": role} if role else {}
        if framework_id:
            self.info["id"] = {"value": framework_id}
        if subscribe:
            self.subscribe()

    def encode(self, call):
        """The bytes of a call, in the format of media_type."""
        return json.dumps(call).encode()

    def decode(self, record):
        """The event in bytes of the stream."""
        return json.loads(record)

    def subscribe(self, wait_for_event="SUBSCRIBED"):
        body = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}}
        if self.framework_id:
            body["framework_id"] = {"value": self.framework_id}
        self.connection = http.client.HTTPConnection(self.address, timeout=DEADLINE_S)
        self.connection.request("POST", "/api/v1/scheduler", self.encode(body),
                                {"Content-Type": self.media_type, "Accept": self.media_type})
        response = self.connection.getresponse()
        assert response.status == 200, (response.status, response.read())
        self.stream_id = response.headers["Mesos-Stream-Id"]
        threading.Thread(target=self.read, args=(response,), daemon=True).start()
        event = self.next(wait_for_event)
        if wait_for_event == "SUBSCRIBED":
            self.framework_id = event["subscribed"]["framework_id"]["value"]
        return event

    def read(self, response):
        try:
            while True:
                length = response.readline()
                if not length:
                    break
                self.events.put(self.decode(response.read(int(length))))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self.events.put({"type": "CLOSED"})

    def next_any(self, deadline_s=DEADLINE_S):
        """Wait for an event; offers and updates are kept, an offer that was rescinded is not."""
        event = self.events.get(timeout=max(0.01, deadline_s))
        if event["type"] == "OFFERS":
            self.offers += event["offers"]["offers"]
        elif event["type"] == "UPDATE":
            self.updates.append(event["update"]["status"])
        elif event["type"] == "RESCIND":
            self.offers = [o for o in self.offers if o["id"] != event["rescind"]["offer_id"]]
        return event

    def next(self, wanted):
        """Wait for an event of a type."""
        end = time.monotonic() + DEADLINE_S
        while True:
            event = self.next_any(end - time.monotonic())
            if event["type"] == wanted:
                return event

    def call(self, kind, expected=202, **members):
        body = {"type": kind, "framework_id": {"value": self.framework_id}, **members}
        connection = http.client.HTTPConnection(self.address, timeout=DEADLINE_S)
        connection.request("POST", "/api/v1/scheduler", self.encode(body),
                           {"Content-Type": self.media_type, "Mesos-Stream-Id": self.stream_id})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        assert response.status == expected, (kind, response.status, text)
        return text

    def offer(self):
        """The next offer that was not rescinded, as far as is known by now."""
        while not self.events.empty():
            self.next_any()
        while not self.offers:
            self.next("OFFERS")
        return self.offers.pop(0)

    def launch(self, task_id, command, cpus=0.1, mem=32, refuse_seconds=0, **members):
        offer = self.offer()
        allocation = {"allocation_info": offer["allocation_info"]} if "allocation_info" in offer else {}
        resources = [{"name": name, "type": "SCALAR", "scalar": {"value": value}, **allocation}
                     for name, value in [("cpus", cpus), ("mem", mem)]]
        task = {"name": task_id, "task_id": {"value": task_id}, "agent_id": offer["agent_id"], "resources": resources,
                **members}
        if command is not None:
            task["command"] = command if isinstance(command, dict) else {"value": command}
        self.agents[task_id] = offer["agent_id"]
        self.call("ACCEPT", accept={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": refuse_seconds},
                                    "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}]})
        return task

    def acknowledge(self, status):
        if "uuid" in status:
            self.call("ACKNOWLEDGE", acknowledge={"agent_id": status["agent_id"], "task_id": status["task_id"],
                                                  "uuid": status["uuid"]})

    def expect(self, task_id, state):
        """Acknowledge updates until one of the task has the state; others of the task must not be terminal."""
        while True:
            while self.updates:
                status = self.updates.pop(0)
                self.acknowledge(status)
                if status["task_id"]["value"] != task_id:
                    continue
                if status["state"] == state:
                    return status
                assert status["state"] in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"), status
            self.next("UPDATE")

    def kill(self, task_id):
        self.call("KILL", kill={"task_id": {"value": task_id}})

    def executor(self, executor_id, command, **members):
        """An ExecutorInfo; its tasks are launched with command None."""
        return {"type": "CUSTOM", "executor_id": {"value": executor_id}, "framework_id": {"value": self.framework_id},
                "command": {"value": command}, **members}

    def message(self, task_id, executor_id, data):
        """Send bytes to the executor of a task."""
        self.call("MESSAGE", message={"agent_id": self.agents[task_id], "executor_id": {"value": executor_id},
                                      "data": base64.b64encode(data).decode()})

    def reconcile(self, *task_ids):
        self.call("RECONCILE", reconcile={"tasks": [{"task_id": {"value": t}} for t in task_ids]})

    def drop(self):
        """The scheduler dies: its connection breaks without a word."""
        if self.connection is not None and self.connection.sock is not None:
            self.connection.sock.shutdown(2)
        self.connection.close()

    def close(self):
        """Tear the framework down."""
        self.call("TEARDOWN")
        self.drop()
