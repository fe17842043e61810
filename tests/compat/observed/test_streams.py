# SPDX-License-Identifier: Apache-2.0
"""The streams of events: heads, records, and the same events in the same order as Mesos was seen to send."""

import json
import re

import pytest

from cluster import USER
from differences import differences
from replay import Stream, facts, mismatches, post
from watched import start_framework, wait_for_state

EVENTS = {fact["stream"]: fact["events"] for fact in facts("events.jsonl")}
SCHEDULER = ["/api/v1/scheduler", "/master/api/v1/scheduler"]


def subscription(framework_id=None, **info):
    info = {"user": USER, "name": "observer", "roles": ["obs"], "capabilities": [{"type": "MULTI_ROLE"}],
            "failover_timeout": 30, **info}
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
    if framework_id:
        call["framework_id"] = info["id"] = {"value": framework_id}
    return call


class Observer:
    """A framework by hand: its stream, and calls that go with it."""

    def __init__(self, address, framework_id=None, path=SCHEDULER[0], **info):
        self.address = address
        self.path = path
        self.stream = Stream(address, path, subscription(framework_id, **info))
        self.stream_id = self.stream.headers["Mesos-Stream-Id"]
        self.subscribed = self.stream.event("SUBSCRIBED", "ERROR")
        self.framework_id = self.subscribed.get("subscribed", {}).get("framework_id", {}).get("value")

    def call(self, kind, stream_id=None, framework_id=None, **members):
        body = {"type": kind, "framework_id": {"value": framework_id or self.framework_id}, **members}
        headers = {"Mesos_Stream_Id": stream_id or self.stream_id} if stream_id != "" else {}
        return post(self.address, self.path, body, **headers)

    def update(self, acknowledge=True):
        status = self.stream.event("UPDATE")["update"]["status"]
        if acknowledge and "uuid" in status:
            self.call("ACKNOWLEDGE", acknowledge={"agent_id": status["agent_id"], "task_id": status["task_id"],
                                                  "uuid": status["uuid"]})
        return status

    def close(self):
        self.call("TEARDOWN")
        self.stream.close()


@pytest.fixture
def observer(scene):
    framework = Observer(scene.address)
    yield framework
    framework.close()


def sort_resources(event):
    """The order of an offer's resources means nothing."""
    for offer in event.get("offers", {}).get("offers", []):
        offer["resources"].sort(key=lambda resource: resource["name"])


def wrong_places(name, templates, events):
    """What is wrong with events but for what is meant to differ."""
    for event in [*templates, *events]:
        sort_resources(event)
    found = [(f"[{number}]{place}", what) for number, (template, event) in enumerate(zip(templates, events))
             for place, what in mismatches(template, event)]
    allowed = differences(name)
    return [f"{place}: {what}" for place, what in found if not any(re.fullmatch(p, place) for p in allowed)]


@pytest.mark.parametrize("headers, status, content_type", [
    ({}, 200, "application/json"),
    ({"Accept": "*/*"}, 200, "application/json"),
    ({"Accept": "application/json"}, 200, "application/json"),
    ({"Accept": "application/x-protobuf"}, 200, "application/x-protobuf"),
    ({"Accept": "application/x-protobuf;q=0.1, application/json;q=0.9"}, 200, "application/json"),
    ({"Accept": "text/html"}, 406, "text/plain; charset=utf-8"),
    ({"Accept": "application/recordio", "Message-Accept": "application/json"}, 406, "text/plain; charset=utf-8"),
])
@pytest.mark.parametrize("path", SCHEDULER)
def test_a_subscription_is_answered_by_what_is_accepted(scene, path, headers, status, content_type):
    stream = Stream(scene.address, path, subscription(failover_timeout=0), headers)
    assert (stream.status, stream.headers["Content-Type"]) == (status, content_type)
    assert ("Mesos-Stream-Id" in stream.headers) == (status == 200)
    assert (stream.headers.get("Transfer-Encoding") == "chunked") == (status == 200)
    if content_type == "application/x-protobuf":
        assert stream.record().startswith(b"\x08\x01\x12")  # type SUBSCRIBED, then subscribed
    stream.close()


def test_a_record_of_json_is_one_line_in_one_chunk(scene):
    stream = Stream(scene.address, SCHEDULER[0], subscription(failover_timeout=0, name="two\nlines\u2028"))
    for _ in range(3):
        size, _, record = stream.chunk().partition(b"\n")
        assert int(size) == len(record)
        assert b"\n" not in record
        json.loads(record)
    stream.close()


def test_calls_are_checked_in_the_order_of_mesos(observer):
    stranger = "11111111-1111-1111-1111-111111111111"
    for stream_id, framework_id, names in [
            ("", None, ["Mesos-Stream-Id"]), (stranger, None, [stranger, observer.framework_id]),
            ("zzz", None, ["zzz", observer.framework_id]), (None, "nope", ["Framework cannot be found"]),
            ("zzz", "nope", ["Framework cannot be found"])]:
        answer = observer.call("REVIVE", stream_id, framework_id)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
        for name in names:
            assert name in answer.text()
    for kind, members in [
            ("REVIVE", {}), ("SUPPRESS", {}), ("RECONCILE", {"reconcile": {"tasks": []}}),
            ("DECLINE", {"decline": {"offer_ids": [{"value": "nope"}]}}), ("KILL", {"kill": {"task_id": {"value": "x"}}})]:
        answer = observer.call(kind, **members)
        assert (answer.status, answer.headers.get("Content-Type"), answer.body) == (202, None, b"")


def test_a_scheduler_sees_the_events_of_mesos(scene):
    observer = Observer(scene.address)
    events = [observer.subscribed, observer.stream.event(), observer.stream.event()]
    (offer,) = events[2]["offers"]["offers"]
    resources = [{"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "obs"}}
                 for name, value in [("cpus", 0.1), ("mem", 32)]]
    observer.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}})
    events.append(observer.stream.event("OFFERS"))
    (offer,) = events[3]["offers"]["offers"]

    def launch(offer_id, task_id, resources, command, refuse_seconds):
        task = {"name": "obs-task", "task_id": {"value": task_id}, "agent_id": offer["agent_id"],
                "resources": resources, "command": {"value": command}}
        return observer.call("ACCEPT", accept={
            "offer_ids": [offer_id], "filters": {"refuse_seconds": refuse_seconds},
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}]})

    assert launch(offer["id"], "obs-task-1", resources, "echo obs; sleep 1", 3600).status == 202
    # The end of the task was not acknowledged in time; it comes again below.
    templates = EVENTS["scheduler"][:4] + [e for e in EVENTS["scheduler"] if e["type"] == "UPDATE"][:-1]
    for kind in ["TASK_STARTING", "TASK_RUNNING"]:
        events.append(observer.stream.event("UPDATE"))
        status = events[-1]["update"]["status"]
        assert status["state"] == kind
        observer.call("ACKNOWLEDGE", acknowledge={key: status[key] for key in ("agent_id", "task_id", "uuid")})
    observer.call("RECONCILE", reconcile={"tasks": [{"task_id": {"value": "unknown-task"}}]})
    observer.call("RECONCILE", reconcile={"tasks": []})
    launch({"value": "nope-O1"}, "bad-1", [], "true", 0)
    observer.call("KILL", kill={"task_id": {"value": "unknown-task"}})
    while len(events) < len(templates):
        events.append(observer.stream.event("UPDATE"))
    assert wrong_places("streams/scheduler", templates, events) == []

    # A scheduler that comes again closes the older stream, and gets what was not acknowledged.
    second = Observer(scene.address, observer.framework_id)
    last = observer.stream.event("ERROR")
    assert [last] == EVENTS["failed over"]
    assert observer.stream.event() is None
    assert observer.call("REVIVE").status == 400
    assert second.framework_id == observer.framework_id
    found = [second.subscribed, second.stream.event("HEARTBEAT"), second.stream.event("UPDATE")]
    assert wrong_places("streams/scheduler", EVENTS["second"][:3], found) == []
    assert second.call("TEARDOWN").status == 202
    assert second.stream.event("NOTHING") is None  # the stream is closed

    removed = Observer(scene.address, observer.framework_id)
    assert removed.subscribed == {"type": "ERROR", "error": {"message": "Framework has been removed"}}
    assert removed.stream.event() is None


def test_an_operator_sees_the_events_of_mesos(scene, tmp_path):
    stream = Stream(scene.address, "/api/v1", {"type": "SUBSCRIBE"})
    assert (stream.status, stream.headers["Content-Type"], stream.headers["Transfer-Encoding"]) == (
        200, "application/json", "chunked")
    assert "Mesos-Stream-Id" not in stream.headers
    subscribed = stream.event()
    assert set(subscribed["subscribed"]) == {"get_state", "heartbeat_interval_seconds"}
    assert set(subscribed["subscribed"]["get_state"]) == {"get_tasks", "get_executors", "get_frameworks", "get_agents"}
    events = [stream.event()]
    framework = start_framework(scene.address)
    go = tmp_path / "go"
    framework.launch("evt", f"until [ -e {go} ]; do sleep 0.02; done", cpus=1, mem=128)
    framework.expect("evt", "TASK_RUNNING")
    while len(events) < 5:
        events.append(stream.event())
    go.touch()
    wait_for_state(framework, "evt", "TASK_FINISHED")
    framework.close()
    while events[-1]["type"] != "FRAMEWORK_REMOVED":
        events.append(stream.event())
    templates = EVENTS["operator"][1:9]
    assert [e["type"] for e in events] == [t["type"] for t in templates]
    assert wrong_places("streams/operator", templates, events) == []
    assert framework.framework_id in events[6]["task_updated"]["status"]["message"]
    stream.close()
