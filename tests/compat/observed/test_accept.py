# SPDX-License-Identifier: Apache-2.0
"""ACCEPT with operations good and bad: what Mesos was seen to make of each of them. The cases follow each other: what one
reserves the next is offered."""

import json
import queue
import re
import time

import pytest

from cluster import DEADLINE_S, USER, Cluster
from differences import differences, unused
from replay import facts, mismatches, post
from scheduler import Scheduler

CASES = facts("accept.jsonl")
PATIENCE_S = 2 * DEADLINE_S
ENDS = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST")
CONTAINER_STATUS = {"container_id": {"value": "<string>"}, "executor_pid": "<int>", "network_infos": [
    {"ip_addresses": [{"protocol": "IPv4", "ip_address": "127.0.0.1"}]}]}


class Watcher:
    """A framework whose updates are kept by task, and acknowledged."""

    def __init__(self, address, agent_id):
        self.address = address
        self.agent_id = agent_id
        self.updates = {}
        self.events = []
        self.scheduler = Scheduler(address, subscribe=False)
        self.scheduler.info = {"user": USER, "name": "v", "principal": "pp", "roles": ["val"], "capabilities": [
            {"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}]}
        self.scheduler.subscribe()

    def drain(self):
        """Acknowledge and keep what came; an update that was sent again, because its acknowledgement was slow, is the same."""
        while self.scheduler.updates:
            status = self.scheduler.updates.pop(0)
            self.scheduler.acknowledge(status)
            kept = self.updates.setdefault(status["task_id"]["value"], [])
            if "uuid" not in status or all(status["uuid"] != other.get("uuid") for other in kept):
                kept.append(status)

    def wait(self, what, condition):
        end = time.monotonic() + PATIENCE_S
        self.drain()
        while not condition():
            self.take(end, what)

    def take(self, end, what):
        """The next event; @what is waited for."""
        try:
            event = self.scheduler.next_any(end - time.monotonic())
        except queue.Empty:
            pytest.fail(f"gave up waiting for {what}")
        if event["type"] not in ("OFFERS", "UPDATE", "RESCIND", "HEARTBEAT"):
            self.events.append(event)
        self.drain()
        if time.monotonic() > end:
            pytest.fail(f"gave up waiting for {what}")

    def offer(self, case):
        """The offer the case is about: what is freed later than the rest, or was made last, is in one of the next."""
        end = time.monotonic() + PATIENCE_S
        others = []
        while True:
            while not self.scheduler.events.empty() or not self.scheduler.offers:
                self.take(end, f"an offer of {case.get('offered', [])}; there were {others}")
            offer = self.scheduler.offers.pop(0)
            if is_expected(case, offer):
                return offer
            others.append(reserved(offer))
            self.decline(offer)

    def fill(self, value):
        text = json.dumps(value).replace("{agent}", self.agent_id)
        return json.loads(text.replace("{framework}", self.scheduler.framework_id))

    def accept(self, operations, offer):
        return post(self.address, "/api/v1/scheduler", {
            "type": "ACCEPT", "framework_id": {"value": self.scheduler.framework_id},
            "accept": {"offer_ids": [offer["id"]], "operations": self.fill(operations),
                       "filters": {"refuse_seconds": 0}}}, Mesos_Stream_Id=self.scheduler.stream_id)

    def decline(self, offer):
        self.scheduler.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}})


@pytest.fixture(scope="module")
def watcher(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("accept"))
    try:
        cluster.start_master("--hostname=localhost", "--allocation_interval=50ms")
        cluster.start_agent("agent", "--hostname=localhost", "--fetcher_stall_timeout=5secs",
                            resources="cpus:8;mem:23081;disk:252899;ports:[31000-32000]")
        state = post(cluster.address, "/api/v1", {"type": "GET_AGENTS"}).json()
        watcher = Watcher(cluster.address, state["get_agents"]["agents"][0]["agent_info"]["id"]["value"])
        yield watcher
        watcher.scheduler.close()
    finally:
        cluster.stop()


def prompt_updates(expected):
    """What comes at once: the end of a task that ran is left to the last test."""
    states = [update[0] for update in expected]
    return expected[:states.index("TASK_RUNNING") + 1] if "TASK_RUNNING" in states else expected


def update_mismatches(expected, status, where):
    state, reason, source, message = expected
    yield from mismatches({"state": state, "reason": reason, "source": source},
                          {key: status.get(key) for key in ("state", "reason", "source")}, where)
    if isinstance(message, list):
        for name in message:
            if name not in status.get("message", ""):
                yield f"{where}.message", f"does not name {name!r}: {status.get('message')!r}"
    else:
        yield from mismatches(message, status.get("message"), f"{where}.message")
    keys = {"agent_id", "source", "state", "task_id", "timestamp"}
    keys |= {"message"} if message is not None else set()
    keys |= {"reason"} if reason else set()
    keys |= {"uuid"} if source != "SOURCE_MASTER" else set()
    keys |= {"container_status", "executor_id"} if source == "SOURCE_EXECUTOR" else set()
    if reason in ("REASON_EXECUTOR_TERMINATED", "REASON_CONTAINER_LAUNCH_FAILED"):
        keys |= {"executor_id"}
    yield from mismatches(sorted(keys), sorted(status), f"{where} keys")
    if state in ("TASK_STARTING", "TASK_RUNNING") and "parent" not in status["container_status"]["container_id"]:
        yield from mismatches(CONTAINER_STATUS, status["container_status"], f"{where}.container_status")


def reserved(offer):
    """What of an offer is reserved or a volume, as the cases have it."""
    return [[r["name"], r["scalar"]["value"], r.get("reservations"), r.get("disk")] for r in offer["resources"]
            if "reservations" in r or "disk" in r]


def is_expected(case, offer):
    """Besides what is reserved the offer has the bulk of the agent, and not only what a task that ended has left."""
    free = {r["name"]: r.get("scalar", {}).get("value") for r in offer["resources"] if "reservations" not in r}
    if not {"cpus", "mem", "disk", "ports"} <= free.keys() or free["cpus"] < 4 or free["mem"] < 10000:
        return False
    return sorted(map(json.dumps, reserved(offer))) == sorted(map(json.dumps, case.get("offered", [])))


def case_mismatches(watcher, case, offer):
    expected = {task: prompt_updates(updates) for task, updates in case.get("updates", {}).items()}
    before = {task: len(watcher.updates.get(task, [])) for task in expected}
    answer = watcher.accept(case["operations"], offer)
    yield from mismatches(case["status"], answer.status, "status")
    for name in case.get("names", []):
        if name not in answer.text():
            yield "text", f"does not name {name!r}: {answer.text()!r}"
    if answer.status != 202:
        watcher.decline(offer)
    watcher.wait(f"updates of {case['case']}", lambda: all(
        len(watcher.updates.get(task, [])) >= before[task] + len(updates) for task, updates in expected.items()))
    for task, updates in expected.items():
        for number, update in enumerate(updates):
            yield from update_mismatches(update, watcher.updates[task][before[task] + number], f"{task}[{number}]")
    for event in case.get("events", []):
        if event["type"] == "UPDATE_OPERATION_STATUS":
            watcher.wait("the operation", lambda: any(e["type"] == event["type"] for e in watcher.events))
            event["update_operation_status"]["status"]["uuid"]["value"] = "<string>"
            found = next(e for e in watcher.events if e["type"] == event["type"])
            yield from mismatches(watcher.fill(event), found, "operation")


DIFFERED = set()


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_operations_come_out_as_in_mesos(watcher, case):
    offer = watcher.offer(case)
    wrong = []
    name = f"accept/{case['case']}"
    for place, what in case_mismatches(watcher, case, offer):
        if any(re.fullmatch(pattern, place) for pattern in differences(name)):
            DIFFERED.add((name, place))
        else:
            wrong.append(f"{place}: {what}")
    assert not wrong, "\n".join(wrong)


def test_tasks_end_as_in_mesos(watcher):
    """The ends of tasks that ran; one whose id was used again has all its updates in one row."""
    wrong = []
    for case in CASES:
        for task, updates in case.get("updates", {}).items():
            if updates[-1][0] not in ENDS or task not in watcher.updates or differences(f"accept/{case['case']}"):
                continue
            watcher.wait(f"{task} to end", lambda t=task, u=updates: any(s["state"] == u[-1][0]
                                                                         for s in watcher.updates[t]))
            found = next(s for s in watcher.updates[task] if s["state"] == updates[-1][0])
            wrong += [f"{case['case']} {place}: {what}" for place, what in update_mismatches(updates[-1], found, task)]
    assert not wrong, "\n".join(wrong)


def test_what_is_listed_as_different_is_different(request):
    ran = [item for item in request.session.items if item.originalname == "test_operations_come_out_as_in_mesos"]
    if len(ran) < len(CASES):
        pytest.skip("only some of the cases were tried")
    assert unused("accept/", DIFFERED) == []
