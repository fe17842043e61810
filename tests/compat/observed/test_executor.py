# SPDX-License-Identifier: Apache-2.0
"""An executor by hand: what the agent answers its calls, what it is sent, and what its scheduler sees."""

import base64
import json
import pathlib
import re
import uuid

import pytest

from cluster import get_json, wait_for
from replay import Stream, post
from scheduler import Scheduler
from test_streams import EVENTS, wrong_places

PATH = "/slave(1)/api/v1/executor"
ENVIRONMENT = {
    "LIBPROCESS_IP": r"127\.0\.0\.1", "LIBPROCESS_PORT": "0", "MESOS_AGENT_ENDPOINT": r"127\.0\.0\.1:\d+",
    "MESOS_CHECKPOINT": "0", "MESOS_DIRECTORY": r"/.*/slaves/.*/frameworks/.*/executors/ex1/runs/[0-9a-f-]{36}",
    "MESOS_EXECUTOR_ID": "ex1", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "3secs", "MESOS_FRAMEWORK_ID": ".+",
    "MESOS_HTTP_COMMAND_EXECUTOR": "[01]", "MESOS_SANDBOX": "/.*", "MESOS_SLAVE_ID": ".+-S0",
    "MESOS_SLAVE_PID": r"slave\(1\)@127\.0\.0\.1:\d+", "OBS_CLEAN": "1", "OBS_OUT": "/opt/example", "PATH": ".+"}


class Executor:
    """The executor ex1, whose process only waits; this speaks for it."""

    def __init__(self, address, framework_id):
        self.address = address
        self.ids = {"executor_id": {"value": "ex1"}, "framework_id": {"value": framework_id}}

    def call(self, kind, **members):
        return post(self.address, PATH, {**self.ids, "type": kind, **members})

    def subscribe(self, **members):
        call = {**self.ids, "type": "SUBSCRIBE", "subscribe": {"unacknowledged_tasks": [], "unacknowledged_updates": [],
                                                               **members}}
        return Stream(self.address, PATH, call)

    def update(self, state="TASK_RUNNING", task_id="ct-1", **members):
        status = {"task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR",
                  "executor_id": {"value": "ex1"}, "timestamp": 1.5, "uuid": new_uuid(), **members}
        return self.call("UPDATE", update={"status": {k: v for k, v in status.items() if v is not None}})


def new_uuid():
    return base64.b64encode(uuid.uuid4().bytes).decode()


@pytest.fixture
def running(scene):
    """A framework with the executor ex1 and its first task on the way, as when Mesos was watched."""
    framework = Scheduler(scene.address, name="exec-observer", roles=("obs",))
    variables = [{"name": name, "type": "VALUE", "value": value}
                 for name, value in [("OBS_OUT", "/opt/example"), ("OBS_CLEAN", "1")]]
    resources = [{"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "obs"}}
                 for name, value in [("cpus", 0.1), ("mem", 32)]]
    info = framework.executor("ex1", "env -0 > environment.new && mv environment.new environment; sleep 3000",
                              name="fake", resources=resources, shutdown_grace_period={"nanoseconds": 3000000000})
    info["command"]["environment"] = {"variables": variables}
    framework.launch("ct-1", None, executor=info, data="ZGF0YQ==", labels={"labels": [{"key": "a", "value": "b"}]})
    framework.info["sent"] = info
    yield framework, Executor(scene.agents["agent"].address, framework.framework_id)
    framework.close()


def sandbox_file(scene, framework, name):
    """A file in the sandbox of the framework's executor, once both are there."""
    state = get_json(scene.agents["agent"].address, "/state")
    directories = [e["directory"] for f in state["frameworks"] if f["id"] == framework.framework_id
                   for e in f["executors"]]
    return next((path for d in directories for path in pathlib.Path(d).glob(name)), None)


def test_an_executor_lives_as_with_mesos(scene, running):
    framework, executor = running
    wait_for("the executor's container", lambda: any(
        c["framework_id"] == framework.framework_id for c in get_json(executor.address, "/containers")))
    answer = executor.call("MESSAGE", message={"data": "aGk="})
    assert (answer.status, answer.text()) == (403, "Executor is not subscribed")
    stream = executor.subscribe()
    assert (stream.status, stream.headers["Content-Type"]) == (200, "application/json")
    assert "Mesos-Stream-Id" not in stream.headers
    events = [stream.event(), stream.event()]
    templates = json.loads(json.dumps(EVENTS["executor"]))
    for template in [templates[0]["subscribed"]["executor_info"], templates[1]["launch"]["task"]["executor"]]:
        template["command"]["value"] = framework.info["sent"]["command"]["value"]
    templates[1]["launch"]["task"]["name"] = "ct-1"
    refuse_invalid_updates(framework, executor)
    first = {"data": "ZGF0YQ==", "message": "m", "healthy": True, "labels": {"labels": [{"key": "k", "value": "v"}]}}
    assert executor.update(**first).status == 202
    assert executor.call("MESSAGE", message={"data": "aGVsbG8="}).status == 202
    seen = [framework.next("UPDATE"), framework.next("MESSAGE")]
    framework.acknowledge(seen[0]["update"]["status"])
    events.append(stream.event())
    framework.message("ct-1", "ex1", b"ping")
    events.append(stream.event())
    assert executor.update("TASK_FINISHED").status == 202
    seen.append(framework.next("UPDATE"))
    framework.acknowledge(seen[2]["update"]["status"])
    events.append(stream.event())
    framework.call("KILL", kill={"task_id": {"value": "ct-1"}, "agent_id": framework.agents["ct-1"]})
    seen.append(framework.next("UPDATE"))
    framework.call("SHUTDOWN", shutdown={"executor_id": {"value": "ex1"}, "agent_id": framework.agents["ct-1"]})
    events.append(stream.event())
    seen.append(framework.next("FAILURE"))
    assert wrong_places("streams/executor", templates, events) == []
    wanted = [e for e in EVENTS["scheduler of the executor"] if e["type"] in ("UPDATE", "MESSAGE", "FAILURE")]
    wanted[-1]["failure"]["status"] = "<int>"  # this one had to be killed
    assert wrong_places("streams/executor's scheduler", wanted, seen) == []
    assert events[2]["acknowledged"]["uuid"] == seen[0]["update"]["status"]["uuid"]


def refuse_invalid_updates(framework, executor):
    for members, names in [
            ({"uuid": None}, ["uuid"]), ({"source": "SOURCE_MASTER"}, ["ex1", framework.framework_id, "SOURCE_EXECUTOR"]),
            ({"state": "TASK_STAGING"}, ["TASK_STAGING", "ex1", framework.framework_id]),
            ({"uuid": "aGk="}, ["UUID"]), ({"executor_id": {"value": "zz"}}, ["ex1", "zz"])]:
        answer = executor.update(**members)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8"), members
        assert answer.text().startswith("Failed to validate Executor::Call: ")
        for name in names:
            assert name in answer.text()


def test_an_executor_has_the_environment_of_mesos(scene, running):
    framework, _ = running
    path = wait_for("the environment", lambda: sandbox_file(scene, framework, "environment"))
    found = dict(line.split("=", 1) for line in path.read_text().split("\0") if line)
    for name, pattern in ENVIRONMENT.items():
        assert re.fullmatch(pattern, found.get(name, "(missing)")), (name, found.get(name))
    assert found["MESOS_SANDBOX"] == found["MESOS_DIRECTORY"] == str(path.parent.resolve())
    extra = set(found) - set(ENVIRONMENT) - {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE", "SHELL"}
    assert extra == set()


def test_a_second_subscription_takes_over(scene, running):
    _, executor = running
    wait_for("the executor's container", lambda: executor.call("MESSAGE", message={"data": ""}).status == 403)
    first = executor.subscribe()
    assert [first.event()["type"], first.event()["type"]] == ["SUBSCRIBED", "LAUNCH"]
    second = executor.subscribe()
    assert second.event()["type"] == "SUBSCRIBED"
    assert first.event() is None
    assert executor.update().status == 202
    first.close()
    second.close()


def test_heartbeats_are_taken_from_whomever_they_come(running):
    """As in Mesos they are answered before anybody looks who sends them."""
    _, executor = running
    for sender in [executor, Executor(executor.address, "nope")]:
        answer = sender.call("HEARTBEAT")
        assert (answer.status, answer.body) == (202, b"")
