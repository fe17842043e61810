# SPDX-License-Identifier: Apache-2.0
"""The libprocess messages between a master, an agent, and the v0 drivers of a scheduler and an executor, in their order:
each daemon of ours among peers that send what was recorded, and what it sends then is compared."""

import pathlib
import queue
import re
import signal
import sys
import time

import pytest
from google.protobuf import json_format

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "message"))

from cluster import DEADLINE_S, USER, free_port, get_json, wait_for  # noqa: E402
from codec import TYPES  # noqa: E402
from differences import differences, unused  # noqa: E402
from libprocess import Peer  # noqa: E402
from replay import LEAVES, facts, mismatches  # noqa: E402

MESSAGES = facts("wire.jsonl")
ACTORS = {"master": "master", "observer": "slave-observer(1)", "agent": "slave(1)", "scheduler": "scheduler-1",
          "executor": "executor(1)"}
RESOURCES = "cpus:2;mem:23081;disk:252899;ports:[31000-32000]"
# SlaveInfo.checkpoint, which messages of v1 do not name any more.
CHECKPOINT = b"\x38\x01"
# Lists whose order says nothing, and the member they are sorted by.
SORTED = {"resources": "name", "agent_capabilities": "type"}
DIFFERED = set()


class Names:
    """What the names in braces of a recorded message stand for: they get their values when they are first seen."""

    def __init__(self, **values):
        self.values = {name: str(value) for name, value in values.items()}

    def fill(self, template):
        """The message with the values in it."""
        if isinstance(template, dict):
            return {key: self.fill(value) for key, value in template.items()}
        if isinstance(template, list):
            return [self.fill(value) for value in template]
        if not isinstance(template, str) or template in LEAVES:
            return template
        return re.sub(r"{(\w+)}", lambda match: self.values[match[1]], template)

    def learn(self, template, value):
        """The values of names that are not known yet, where both are alike."""
        if isinstance(template, dict) and isinstance(value, dict):
            for key in template.keys() & value.keys():
                self.learn(template[key], value[key])
        elif isinstance(template, list) and isinstance(value, list):
            for inner, element in zip(template, value):
                self.learn(inner, element)
        elif isinstance(template, str) and template not in LEAVES:
            pattern = "".join(f"(?P<{part}>.+)" if number % 2 and part not in self.values else
                              re.escape(self.values[part] if number % 2 else part)
                              for number, part in enumerate(re.split(r"{(\w+)}", template)))
            if match := re.fullmatch(pattern, str(value)):
                self.values.update(match.groupdict())


def plain(message):
    """A message as JSON, in which ports are strings, as they are where a name was filled in, and what comes in any order is
    sorted."""
    def strings(value, key=None):
        if isinstance(value, dict):
            return {k: strings(v, k) for k, v in value.items()}
        if isinstance(value, list):
            value = [strings(v) for v in value]
            return sorted(value, key=lambda v: v[SORTED[key]]) if key in SORTED else value
        return str(value) if key == "port" else value

    value = strings(json_format.MessageToDict(message, preserving_proto_field_name=True))
    if "slave" in value and CHECKPOINT in message.slave.SerializeToString():
        value["slave"]["checkpoint"] = True
    return value


def encode(name, content):
    content = {key: dict(value) if key == "slave" else value for key, value in content.items()}
    checkpoint = content.get("slave", {}).pop("checkpoint", False)
    message = json_format.ParseDict(content, TYPES[name]())
    if checkpoint:
        message.slave.MergeFromString(CHECKPOINT)
    return message.SerializeToString()


class Replay:
    """One daemon of ours, @ours, at an address, and peers that take the other parts."""

    def __init__(self, ours, address, peers, names):
        self.ours = ours
        self.address = address
        self.peers = peers
        self.names = names
        self.seen = set()

    def is_ours(self, role):
        return role in self.ours

    def send(self, fact):
        body = encode(fact["name"], self.names.fill(fact["message"]))
        answer = self.peers[fact["from"]].send(ACTORS[fact["from"]], self.address, ACTORS[fact["to"]], fact["name"], body)
        assert answer[0] == "HTTP/1.1 202 Accepted"
        assert "Content-Length: 0" in answer

    def next(self, fact):
        """The next message from an actor to another, except for what is sent again, because its answer was slow, and what
        is offered only in part by now."""
        inbox = self.peers[fact["to"]].inbox(ACTORS[fact["from"]], ACTORS[fact["to"]])
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                name, body = inbox.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"{fact['from']} sent no {fact['name']}")
            message = TYPES[name].FromString(body)
            key = (fact["to"], name, message.update.uuid if name == "mesos.internal.StatusUpdateMessage" else body)
            if key in self.seen:
                continue
            self.seen.add(key)
            if name == "mesos.internal.ResourceOffersMessage" and (
                    fact["name"] != name or cpus(plain(message)) != cpus(fact["message"])):
                self.decline(message)
                continue
            return name, plain(message)

    def decline(self, message):
        self.send({"from": "scheduler", "to": "master", "name": "mesos.scheduler.Call", "message": {
            "type": "DECLINE", "framework_id": {"value": "{framework}"}, "decline": {
                "offer_ids": [{"value": offer.id.value} for offer in message.offers], "filters": {"refuse_seconds": 0}}}})

    def run(self, messages):
        """Each message in its turn; yields where ours is not as the one of Mesos."""
        for fact in messages:
            if self.is_ours(fact["to"]) and not self.is_ours(fact["from"]):
                self.send(fact)
            elif self.is_ours(fact["from"]) and not self.is_ours(fact["to"]):
                name, message = self.next(fact)
                assert name == fact["name"], message
                self.names.learn(fact["message"], message)
                for place, what in mismatches(self.names.fill(fact["message"]), message, name.split(".")[-1]):
                    yield place, what


def cpus(message):
    return [r["scalar"]["value"] for offer in message["offers"] for r in offer["resources"] if r["name"] == "cpus"]


def check(name, found):
    wrong = []
    for place, what in found:
        if any(re.fullmatch(pattern, place) for pattern in differences(name)):
            DIFFERED.add((name, place))
        else:
            wrong.append(f"{place}: {what}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def peers():
    found = {role: Peer() for role in ("master", "agent", "scheduler", "executor")}
    found["observer"] = found["master"]
    yield found
    for role in ("master", "agent", "scheduler", "executor"):
        found[role].close()


def test_a_master_talks_as_that_of_mesos(cluster, peers):
    cluster.start_master("--hostname=localhost")
    names = Names(user=USER, agent_port=peers["agent"].server_port, master_port=cluster.port,
                  scheduler_pid=peers["scheduler"].pid(ACTORS["scheduler"]),
                  executor_pid=peers["executor"].pid(ACTORS["executor"]), container="c-1",
                  resources0="ohA3q4ExQA2wifXTeLvlxg==", resources1="VCC4WdwAROyxgqqLkaUY9w==")
    messages = [{**fact, "message": with_pids(fact["message"])} for fact in MESSAGES]
    check("wire/master", Replay({"master", "observer"}, cluster.address, peers, names).run(messages))
    wait_for("the agent to be gone", lambda: not get_json(cluster.address, "/slaves")["slaves"])


def with_pids(message):
    """The agent's updates as it may send them itself: with a process id in them."""
    if isinstance(message, dict):
        return {key: 4711 if key == "executor_pid" else with_pids(value) for key, value in message.items()}
    return [with_pids(value) for value in message] if isinstance(message, list) else message


def test_an_agent_talks_as_that_of_mesos(cluster, peers):
    port = free_port()
    master = peers["master"]

    def start():
        return cluster.start_agent("agent", "--hostname=localhost", "--executor_shutdown_grace_period=1hrs", wait=False,
                                   port=port, resources=RESOURCES, master=f"127.0.0.1:{master.server_port}")

    agent = start()
    names = Names(user=USER, agent_port=port, master_port=master.server_port, master="m", agent="m-S0", framework="m-0000",
                  offer0="m-O0", offer2="m-O2", scheduler_pid=peers["scheduler"].pid(ACTORS["scheduler"]),
                  executor_pid=peers["executor"].pid(ACTORS["executor"]))
    replay = Replay({"agent"}, agent.address, peers, names)
    at = {fact["name"]: number for number, fact in reversed(list(enumerate(MESSAGES)))}
    registering, again, leaving = (at[f"mesos.internal.{name}Message"] for name in (
        "RegisterExecutor", "ReregisterSlave", "UnregisterSlave"))
    found = list(replay.run(MESSAGES[:registering]))
    wait_for("the executor's container", lambda: get_json(agent.address, "/containers"))
    found += replay.run(MESSAGES[registering:again])
    cluster.kill_agent(agent)  # before its executor ends, as it was recorded
    for peer in peers.values():
        if agent.address in peer.connections:
            peer.forget(agent.address)
    agent = start()
    found += replay.run(MESSAGES[again:leaving])
    agent.kill(signal.SIGUSR1)
    found += replay.run(MESSAGES[leaving:])
    check("wire/agent", found)
    assert agent.wait() == 0


def test_what_is_listed_as_different_is_different(request):
    if len([item for item in request.session.items if item.fspath == request.node.fspath]) < 3:
        pytest.skip("only some of the tests ran")
    assert unused("wire/", DIFFERED) == []
