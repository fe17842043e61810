# SPDX-License-Identifier: Apache-2.0
"""Calls that are malformed, oversized, out of order, repeated or full of nonsense: each gets its status from each of the
four APIs, and nothing of it stays in what the master and the agent hold."""

import base64
import hashlib
import http.client
import json
import socket

import pytest

from cluster import DEADLINE_S, Cluster, get_json, post, wait_for
from scheduler import Scheduler

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf", "Accept": "application/x-protobuf"}
UUID = base64.b64encode(bytes(range(16))).decode()
APIS = {
    "scheduler": ("master", "/api/v1/scheduler"),
    "operator": ("master", "/api/v1"),
    "executor": ("agent", "/api/v1/executor"),
    "agent": ("agent", "/api/v1"),
}
IDS = '"framework_id":{"value":"f"},"executor_id":{"value":"e"}'
LEVEL = '{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":%s}}}'
NUMBER = {
    "scheduler": '{"type":"DECLINE","framework_id":{"value":"f"},"decline":{"offer_ids":[],"filters":'
                 '{"refuse_seconds":%s}}}',
    "operator": LEVEL,
    "executor": '{' + IDS + ',"type":"UPDATE","update":{"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING",'
                '"timestamp":%s}}}',
    "agent": LEVEL,
}
BYTES = {
    "scheduler": '{"type":"MESSAGE","framework_id":{"value":"f"},"message":{"agent_id":{"value":"a"},"executor_id":'
                 '{"value":"e"},"data":%s}}',
    "executor": '{' + IDS + ',"type":"MESSAGE","message":{"data":%s}}',
}
JSON_BODIES = {
    "empty": b"", "blank": b" \r\n\t ", "array": b"[]", "string": b'"SUBSCRIBE"', "number": b"7", "null": b"null",
    "cut": b'{"type":', "two": b'{"type":"GET_HEALTH"}{}', "nesting": b'{"type":' + b"[" * 100_000,
    "nesting of objects": b'{"a":' * 100_000, "invalid utf-8": b'{"type":"\xff\xfe"}', "no quotes": b"{type:1}",
    "NUL": b'{"type":"GET_HEALTH\x00"}', "bare NaN": b'{"type":NaN}', "type a number": b'{"type":3}',
    "type an object": b'{"type":{}}', "type unknown": b'{"type":"BOGUS"}', "type lower": b'{"type":"subscribe"}',
    "no type": b"{}", "other case": b'{"TYPE":"SUBSCRIBE"}',
}
NUMBERS = ["-3E400", "1e309", '"NaN"', '"1e999"', '"seven"', "[1,2]", "{}", "true"]
PROTOBUF_BODIES = {
    "empty": b"", "truncated tag": b"\x80", "truncated varint": b"\x08\xff\xff", "length past the end": b"\x12\x7fab",
    "length of 64 bits": b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "group without end": b"\x0b\x08\x01",
    "wire type 7": b"\x0f", "field 0": b"\x00\x01", "text": b"SUBSCRIBE", "JSON": b'{"type":"GET_HEALTH"}',
    "required missing": b"\x1a\x00\x12\x00", "recursion": b"\x1a\x80\x80\x04" + b"\x0a\x7f" * 32768,
}


def state_hash(cluster):
    """Of all that master and agent show of what they hold, but for the memory of frameworks that are gone."""
    digest = hashlib.sha256()
    for address in [cluster.address, cluster.agents["agent"].address]:
        state = get_json(address, "/state")
        state.pop("completed_frameworks")
        digest.update(json.dumps(state, sort_keys=True).encode())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A running task whose framework wants no more offers: nothing changes by itself."""
    c = Cluster(tmp_path_factory.mktemp("bad"))
    try:
        c.start_master("--allocation_interval=20ms")
        c.start_agent()
        c.scheduler = Scheduler(c.address, failover_timeout=3600, name="steady")
        c.scheduler.launch("steady", "sleep 3000", refuse_seconds=3600)
        c.scheduler.expect("steady", "TASK_RUNNING")
        c.scheduler.call("SUPPRESS")
        yield c
        c.scheduler.close()
    finally:
        c.stop()


@pytest.fixture(autouse=True)
def unchanged(cluster):
    """Whatever a test does, in the end all is as it was."""
    before = state_hash(cluster)
    yield
    wait_for("the state to be as it was", lambda: state_hash(cluster) == before)
    assert cluster.master.is_running()
    assert cluster.agents["agent"].is_running()


def ask(cluster, api, body, headers):
    daemon, path = APIS[api]
    return post(cluster.address if daemon == "master" else cluster.agents["agent"].address, path, body, headers)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", JSON_BODIES)
def test_bad_json_is_refused(cluster, api, name):
    status, headers, text = ask(cluster, api, JSON_BODIES[name], JSON)
    assert (status, headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert text


@pytest.mark.parametrize("api", NUMBER)
@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_no_number_or_out_of_range_is_refused(cluster, api, number):
    status, _, text = ask(cluster, api, (NUMBER[api] % number).encode(), JSON)
    assert status == 400
    assert b"Failed to convert JSON into Call protobuf: " in text


@pytest.mark.parametrize("api", BYTES)
@pytest.mark.parametrize("data", ['"***"', '"a"', '"YQ=a"', '"YQ\\u0000"', "7", "{}"])
def test_bad_base64_is_refused(cluster, api, data):
    status, _, text = ask(cluster, api, (BYTES[api] % data).encode(), JSON)
    assert status == 400
    assert b"Failed to convert JSON into Call protobuf: message.data: " in text


@pytest.mark.parametrize("api", ["operator", "agent"])
def test_of_members_that_come_twice_the_last_counts(cluster, api):
    body = b'{"type":"GET_VERSION","type":"GET_HEALTH","unknown":{"type":1},"unknown":null}'
    status, _, text = ask(cluster, api, body, JSON)
    assert (status, json.loads(text)["type"]) == (200, "GET_HEALTH")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", PROTOBUF_BODIES)
def test_bad_protobuf_is_refused(cluster, api, name):
    status, headers, text = ask(cluster, api, PROTOBUF_BODIES[name], PROTOBUF)
    assert (status, headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert text


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("headers, status", [
    ({"Content-Type": "text/plain"}, 415), ({"Content-Type": "application/JSON"}, 415),
    ({"Content-Type": "application/recordio"}, 415), ({"Content-Type": "application/json; charset=utf-8"}, 415)])
def test_other_media_types_are_refused(cluster, api, headers, status):
    assert ask(cluster, api, b'{"type":"SUBSCRIBE"}', {"Accept": "application/json", **headers})[0] == status


@pytest.mark.parametrize("api", APIS)
def test_an_oversized_body_is_refused_before_it_is_sent(cluster, api):
    daemon, path = APIS[api]
    host, port = (cluster.address if daemon == "master" else cluster.agents["agent"].address).split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as peer:
        peer.sendall(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {1 << 40}\r\n\r\n".encode())
        assert peer.recv(4096).startswith(b"HTTP/1.1 413 ")


def scheduler_call(cluster, expected, kind, framework_id=None, stream_id=None, **members):
    scheduler = cluster.scheduler
    body = {"type": kind, "framework_id": {"value": framework_id or scheduler.framework_id}, **members}
    status, _, text = post(cluster.address, "/api/v1/scheduler", json.dumps(body).encode(),
                           {**JSON, "Mesos-Stream-Id": stream_id or scheduler.stream_id})
    assert status == expected, text


def acknowledge(uuid, task_id="steady", agent_id="nope"):
    return {"acknowledge": {"agent_id": {"value": agent_id}, "task_id": {"value": task_id}, "uuid": uuid}}


@pytest.mark.parametrize("expected, kind, members", [
    (400, "ACKNOWLEDGE", acknowledge("")), (400, "ACKNOWLEDGE", acknowledge("AAAA")),
    (400, "ACKNOWLEDGE", acknowledge(base64.b64encode(bytes(17)).decode())),
    (202, "ACKNOWLEDGE", acknowledge(UUID)), (202, "ACKNOWLEDGE", acknowledge(UUID, task_id="x" * 100_000)),
    (400, "REVIVE", {"framework_id": "nope"}), (400, "REVIVE", {"framework_id": "x" * 100_000}),
    (400, "REVIVE", {"framework_id": "../.."}), (400, "REVIVE", {"stream_id": "stale"}),
    (202, "DECLINE", {"decline": {"offer_ids": [{"value": "stale"}] * 1000}}),
    (202, "ACCEPT", {"accept": {"offer_ids": [{"value": "stale"}], "operations": []}}),
    (202, "ACCEPT_INVERSE_OFFERS", {"accept_inverse_offers": {"inverse_offer_ids": [{"value": "rescinded"}]}}),
    (202, "KILL", {"kill": {"task_id": {"value": "not launched"}}}),
    (202, "KILL", {"kill": {"task_id": {"value": "steady"}, "agent_id": {"value": "another"}}}),
    (202, "SHUTDOWN", {"shutdown": {"executor_id": {"value": "nope"}, "agent_id": {"value": "nope"}}}),
    (202, "MESSAGE", {"message": {"agent_id": {"value": "nope"}, "executor_id": {"value": "nope"}, "data": ""}}),
    (202, "RECONCILE", {"reconcile": {"tasks": [{"task_id": {"value": "../x"}}]}}),
    (400, "RECONCILE", {"reconcile": {"tasks": [{"task_id": {"value": "x\x00"}}]}}),
    (400, "ACKNOWLEDGE_OPERATION_STATUS", {"acknowledge_operation_status": {
        "agent_id": {"value": "nope"}, "operation_id": {"value": "o"}, "uuid": "AAAA"}}),
])
def test_stale_and_repeated_scheduler_calls_change_nothing(cluster, expected, kind, members):
    for _ in range(2):
        scheduler_call(cluster, expected, kind, **members)


def executor_call(cluster, framework_id, executor_id, kind, **members):
    body = {"type": kind, "framework_id": {"value": framework_id}, "executor_id": {"value": executor_id}, **members}
    return ask(cluster, "executor", json.dumps(body).encode(), JSON)[0]


@pytest.mark.parametrize("framework_id", ["nope", "", "../..", "x" * 100_000, "a\x00b"])
@pytest.mark.parametrize("kind, members", [
    ("SUBSCRIBE", {"subscribe": {}}), ("MESSAGE", {"message": {"data": "YQ=="}}),
    ("UPDATE", {"update": {"status": {"task_id": {"value": "t"}, "state": "TASK_RUNNING", "uuid": UUID,
                                      "source": "SOURCE_EXECUTOR"}}})])
def test_executors_of_unknown_frameworks_are_refused(cluster, framework_id, kind, members):
    assert executor_call(cluster, framework_id, "e", kind, **members) == 400


def test_an_executor_that_is_not_known_is_refused(cluster):
    framework = cluster.scheduler.framework_id
    for executor in ["nope", "../steady", "x" * 100_000]:
        assert executor_call(cluster, framework, executor, "MESSAGE", message={"data": ""}) == 400


def test_operators_name_what_is_there(cluster):
    for call, expected in [
            ({"type": "TEARDOWN", "teardown": {"framework_id": {"value": "../x"}}}, 400),
            ({"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": "x" * 100_000}}}, 404),
            ({"type": "DEACTIVATE_AGENT", "deactivate_agent": {"agent_id": {"value": ""}}}, 400),
            ({"type": "READ_FILE", "read_file": {"path": "/../../etc/passwd", "offset": 0}}, 404)]:
        for _ in range(2):
            assert ask(cluster, "operator", json.dumps(call).encode(), JSON)[0] == expected, call
    for kind in ["WAIT", "KILL", "REMOVE"]:
        for value in ["nope", "..", "a/b", "", "x" * 100_000]:
            call = {"type": f"{kind}_CONTAINER", f"{kind.lower()}_container": {"container_id": {"value": value}}}
            assert ask(cluster, "agent", json.dumps(call).encode(), JSON)[0] in (400, 404), call


@pytest.fixture
def other_scheduler(cluster):
    scheduler = Scheduler(cluster.address, name="nonsense")
    yield scheduler
    scheduler.close()


SCALAR = {"name": "cpus", "type": "SCALAR", "allocation_info": {"role": "*"}}
RANGES = {"name": "ports", "type": "RANGES", "allocation_info": {"role": "*"}}


@pytest.mark.parametrize("members", [
    *[{"resources": [{**SCALAR, "scalar": {"value": v}}]} for v in [0.00001, -1, 1e300, "Infinity", "-Infinity"]],
    *[{"resources": [{**RANGES, "ranges": {"range": r}}]} for r in [
        [{"begin": 20, "end": 10}], [{"begin": 31000, "end": 31005}, {"begin": 31003, "end": 31010}],
        [{"begin": 0, "end": 2**64 - 1}], [{"begin": n, "end": n} for n in range(0, 200_000, 2)]]],
    {"resources": []}, {"resources": [{**SCALAR, "scalar": {"value": 0.1}, "name": ""}]},
    *[{"task_id": {"value": v}} for v in ["", ".", "..", "a/b", "a\nb", "a\x7fb", "x" * 256, "x" * 100_000]],
    {"agent_id": {"value": "another"}},
], ids=lambda members: json.dumps(members)[:60])
def test_a_task_of_nonsense_is_an_error_of_the_task(other_scheduler, members):
    scheduler = other_scheduler
    offer = scheduler.offer()
    task = {"name": "n", "task_id": {"value": "n"}, "agent_id": offer["agent_id"], "command": {"value": "true"},
            "resources": [{**SCALAR, "scalar": {"value": 0.1}}], **members}
    scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [
        {"type": "LAUNCH", "launch": {"task_infos": [task]}}]})
    status = scheduler.next("UPDATE")["update"]["status"]
    assert (status["state"], status["source"]) == ("TASK_ERROR", "SOURCE_MASTER")
    assert status["message"]


def test_a_task_id_that_runs_is_not_taken_twice(cluster):
    scheduler = cluster.scheduler
    scheduler.call("REVIVE")
    scheduler.launch("steady", "true", refuse_seconds=3600)
    status = scheduler.next("UPDATE")["update"]["status"]
    assert (status["state"], "steady" in status["message"]) == ("TASK_ERROR", True)
    scheduler.call("SUPPRESS")


@pytest.mark.parametrize("part", [1, 20, 60, 200])
def test_a_call_that_breaks_off_is_forgotten(cluster, part):
    body = json.dumps({"type": "TEARDOWN", "framework_id": {"value": cluster.scheduler.framework_id}}).encode()
    request = (b"POST /api/v1/scheduler HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nMesos-Stream-Id: "
               + cluster.scheduler.stream_id.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    with socket.create_connection(cluster.address.split(":"), timeout=DEADLINE_S) as peer:
        peer.sendall(request[:part])
    assert http.client.HTTPConnection(cluster.address).connect() is None
