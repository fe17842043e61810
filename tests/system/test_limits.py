# SPDX-License-Identifier: Apache-2.0
"""The limits of docs/limits.md that a peer can reach: the last value that is taken and the first that is not."""

import http.client
import json

import pytest

from cluster import DEADLINE_S, get_json, post, wait_for
from scheduler import Scheduler

KIB, MIB = 1024, 1024 * 1024
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def scheduler(cluster):
    s = Scheduler(cluster.address)
    yield s
    s.close()


def status_of(address, path="/health", headers=None, body=None):
    connection = http.client.HTTPConnection(address, timeout=DEADLINE_S)
    connection.request("POST" if body is not None else "GET", path, body, headers or {})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


# HTTP


def test_headers_and_their_number(cluster):
    for address in (cluster.address, cluster.agents["agent"].address):
        assert status_of(address, headers={"X": "x" * (63 * KIB)}) == 200
        assert status_of(address, headers={"X": "x" * (65 * KIB)}) == 431
        # Host and Accept-Encoding come on top.
        assert status_of(address, headers={f"X{n}": "x" for n in range(98)}) == 200
        assert status_of(address, headers={f"X{n}": "x" for n in range(99)}) == 431
    assert get_json(cluster.address, "/slaves")["slaves"]


def test_bodies(cluster):
    assert status_of(cluster.address, "/api/v1/scheduler", JSON, b" " * (64 * MIB)) == 400
    assert status_of(cluster.address, "/api/v1/scheduler", JSON, b" " * (64 * MIB + 1)) == 413


def test_nesting_of_json(cluster):
    def nested(depth):
        return b'{"type":"SUBSCRIBE","unknown":' + b"[" * depth + b"]" * depth + b"}"

    for depth, reason in [(199, b"Expecting 'subscribe' to be present"), (200, b"Failed to parse body into JSON")]:
        status, _, body = post(cluster.address, "/api/v1/scheduler", nested(depth), JSON)
        assert status == 400 and reason in body, (depth, body)


# Names and values


def launch(scheduler, **members):
    """The first status of a task with these members."""
    offer = scheduler.offer()
    task = {"name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"], "command": {"value": "true"},
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                          {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}], **members}
    scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0},
                                     "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}]})
    while not scheduler.updates:
        scheduler.next("UPDATE")
    status = scheduler.updates.pop(0)
    scheduler.acknowledge(status)
    return status


@pytest.mark.parametrize("task_id", ["x" * 255, "a b", "a:b", "..."])
def test_ids_that_are_taken(scheduler, task_id):
    assert launch(scheduler, task_id={"value": task_id})["state"] == "TASK_STARTING"


@pytest.mark.parametrize("task_id", ["", "x" * 256, ".", "..", "a/b", "a\\b", "a\nb", "\x7f"])
def test_ids_that_are_not(scheduler, task_id):
    status = launch(scheduler, task_id={"value": task_id})
    assert (status["state"], status["reason"]) == ("TASK_ERROR", "REASON_TASK_INVALID")


def test_gpus_are_whole(scheduler):
    status = launch(scheduler, resources=[{"name": "gpus", "type": "SCALAR", "scalar": {"value": 0.5}}])
    assert status["state"] == "TASK_ERROR"
    assert "'gpus' resource must be an unsigned integer" in status["message"]


def test_scalars_have_three_decimals(cluster, scheduler):
    launch(scheduler, command={"value": "sleep 1000"},
           resources=[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.12345}},
                      {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0004}}])
    (framework,) = get_json(cluster.address, "/state")["frameworks"]
    assert (framework["used_resources"]["cpus"], framework["used_resources"]["mem"]) == (0.123, 32)


@pytest.mark.parametrize("members, message", [
    ({"roles": ["a b"]}, "'FrameworkInfo.roles' contains invalid role"),
    ({"roles": ["-a"]}, "'FrameworkInfo.roles' contains invalid role"),
    ({"roles": ["a/../b"]}, "'FrameworkInfo.roles' contains invalid role"),
    ({"roles": ["a/*"]}, "'FrameworkInfo.roles' contains invalid role"),
    ({"roles": [""]}, "'FrameworkInfo.roles' contains invalid role"),
    ({"failover_timeout": 1e10}, "The framework failover_timeout (1e+10) is invalid"),
])
def test_frameworks_that_are_refused(cluster, members, message):
    s = Scheduler(cluster.address, subscribe=False)
    s.info |= members
    assert message in s.subscribe(wait_for_event="ERROR")["error"]["message"]


def test_the_longest_failover_timeout(cluster):
    s = Scheduler(cluster.address, failover_timeout=9e9)
    assert get_json(cluster.address, "/state")["frameworks"][0]["failover_timeout"] == 9e9
    s.close()


def constrained(cluster, pattern):
    """The first event of a framework whose offer constraints have a regular expression."""
    s = Scheduler(cluster.address, subscribe=False, roles=["a"])
    body = {"type": "SUBSCRIBE", "subscribe": {"framework_info": s.info, "offer_constraints": {"role_constraints": {"a": {
        "groups": [{"attribute_constraints": [{"selector": {"attribute_name": "x"},
                                               "predicate": {"text_matches": {"regex": pattern}}}]}]}}}}}
    connection = http.client.HTTPConnection(cluster.address, timeout=DEADLINE_S)
    connection.request("POST", "/api/v1/scheduler", json.dumps(body), {**JSON, "Accept": "application/json"})
    response = connection.getresponse()
    event = json.loads(response.read(int(response.readline())))
    connection.close()
    return event


def test_regular_expressions_of_offer_constraints(cluster):
    assert constrained(cluster, "a+b")["type"] == "SUBSCRIBED"
    event = constrained(cluster, "(a{1,50}){1,50}")
    assert event["type"] == "ERROR"
    assert "Offer constraints are not valid" in event["error"]["message"]


def test_uuids_have_16_bytes(scheduler):
    offer = scheduler.offer()
    for uuid in ("", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA="):
        text = scheduler.call("ACKNOWLEDGE", expected=400, acknowledge={
            "agent_id": offer["agent_id"], "task_id": {"value": "t"}, "uuid": uuid})
        assert b"Not a valid UUID" in text


@pytest.mark.parametrize("resources, message", [
    ({"cpus": 0.009, "mem": 32, "disk": 1}, "uses less CPUs (0.009) than the minimum required (0.01)"),
    ({"cpus": 0.1, "mem": 31, "disk": 1}, "uses less memory (31MB) than the minimum required (32MB)"),
    ({"cpus": 0.1, "mem": 32}, "uses no disk"),
])
def test_the_default_executor_needs_something(scheduler, resources, message):
    offer = scheduler.offer()
    task = {"name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"], "command": {"value": "true"},
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}]}
    executor = {"type": "DEFAULT", "executor_id": {"value": "e"}, "framework_id": {"value": scheduler.framework_id},
                "resources": [{"name": n, "type": "SCALAR", "scalar": {"value": v}} for n, v in resources.items()]}
    scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [
        {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": [task]}}}]})
    status = scheduler.next("UPDATE")["update"]["status"]
    assert status["state"] == "TASK_ERROR" and message in status["message"], status


def test_what_is_too_little_is_not_offered(empty_cluster):
    empty_cluster.start_master("--allocation_interval=50ms")
    empty_cluster.start_agent("little", resources="cpus:0.009;mem:31;disk:100;ports:[1-2]")
    empty_cluster.start_agent("enough", "--attributes=name:enough", resources="cpus:0.01;mem:1;disk:0")
    s = Scheduler(empty_cluster.address)
    for _ in range(3):
        offer = s.offer()
        assert offer["attributes"][0]["text"]["value"] == "enough"
        s.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}})
    s.close()


def test_tasks_are_listed_a_hundred_at_a_time(cluster, scheduler):
    offer = scheduler.offer()
    tasks = [{"name": "t", "task_id": {"value": f"t{n}"}, "agent_id": {"value": "another"}, "command": {"value": "true"},
              "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.01}}]} for n in range(101)]
    for task in tasks:
        task["agent_id"] = offer["agent_id"]
    scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]],
                                     "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]})
    assert len(get_json(cluster.address, "/tasks")["tasks"]) == 100
    assert len(get_json(cluster.address, "/tasks?limit=1000")["tasks"]) == 101
    assert len(get_json(cluster.address, "/tasks?offset=100")["tasks"]) == 1


def test_completed_frameworks_are_forgotten_beyond_the_limit(empty_cluster):
    empty_cluster.start_master("--max_completed_frameworks=2")
    ids = []
    for number in range(3):
        s = Scheduler(empty_cluster.address, name=f"f{number}")
        ids.append(s.framework_id)
        s.close()
    assert [f["id"] for f in get_json(empty_cluster.address, "/state")["completed_frameworks"]] == ids[1:]


def test_completed_tasks_are_forgotten_beyond_the_limit(empty_cluster):
    empty_cluster.start_master("--allocation_interval=50ms", "--max_completed_tasks_per_framework=2")
    empty_cluster.start_agent()
    s = Scheduler(empty_cluster.address)
    for number in range(3):
        s.launch(f"t{number}", "true")
        s.expect(f"t{number}", "TASK_FINISHED")
    s.reconcile("none")
    s.next("UPDATE")
    (framework,) = get_json(empty_cluster.address, "/state")["frameworks"]
    assert sorted(t["id"] for t in framework["completed_tasks"]) == ["t1", "t2"]
    # The id of one that has ended may be used again, once its executor has ended too.
    wait_for("the executor to end", lambda: not get_json(empty_cluster.agents["agent"].address, "/containers"))
    s.launch("t2", "true")
    s.expect("t2", "TASK_FINISHED")
    s.close()
