# SPDX-License-Identifier: Apache-2.0
"""Operations with feedback, end to end, over restarts of the agent and of the master."""

import json

import pytest

from cluster import get_json, post, wait_for
from scheduler import Scheduler

JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def disk(megabytes, volume=None):
    resource = {"name": "disk", "type": "SCALAR", "scalar": {"value": megabytes}, "allocation_info": {"role": "a"},
                "reservations": [{"type": "DYNAMIC", "role": "a"}]}
    if volume:
        resource["disk"] = {"persistence": {"id": volume}, "volume": {"container_path": "p", "mode": "RW"}}
    return resource


def operation(kind, name, **members):
    return {"type": kind, "id": {"value": name}, kind.lower(): members}


@pytest.fixture
def quick(empty_cluster):
    empty_cluster.start_master("--allocation_interval=50ms")
    empty_cluster.start_agent()
    return empty_cluster


class Operator(Scheduler):
    def __init__(self, address, **options):
        super().__init__(address, capabilities=("MULTI_ROLE", "RESERVATION_REFINEMENT"), roles=["a"], failover_timeout=600,
                         checkpoint=True, **options)

    def accept(self, *operations, offer=None):
        offer = offer or self.offer()
        self.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": list(operations),
                                    "filters": {"refuse_seconds": 0}})

    def offer_with(self, is_wanted):
        while True:
            offer = self.offer()
            if any(is_wanted(r) for r in offer["resources"]):
                return offer
            self.accept(offer=offer)

    def feedback(self):
        return self.next("UPDATE_OPERATION_STATUS")["update_operation_status"]["status"]

    def acknowledge_operation(self, status):
        self.call("ACKNOWLEDGE_OPERATION_STATUS", acknowledge_operation_status={
            "agent_id": status["agent_id"], "uuid": status["uuid"]["value"], "operation_id": status["operation_id"]})


def operations_of(address):
    status, _, body = post(address, "/api/v1", b'{"type":"GET_OPERATIONS"}', JSON)
    assert status == 200, body
    return json.loads(body).get("get_operations", {}).get("operations", [])


def wait_until_none_is_left(cluster):
    wait_for("the agent to forget its operations", lambda: not operations_of(cluster.agents["agent"].address))
    assert operations_of(cluster.address) == []


def test_every_operation_is_told_of(quick):
    scheduler = Operator(quick.address)
    scheduler.accept(operation("RESERVE", "reserve", resources=[disk(100)]),
                     operation("CREATE", "create", volumes=[disk(60, "v")]))
    offer = scheduler.offer_with(lambda r: "disk" in r)
    scheduler.accept(operation("GROW_VOLUME", "grow", volume=disk(60, "v"), addition=disk(40)), offer=offer)
    offer = scheduler.offer_with(lambda r: "disk" in r and r["scalar"]["value"] == 100)
    scheduler.accept(operation("SHRINK_VOLUME", "shrink", volume=disk(100, "v"), subtract={"value": 30}), offer=offer)
    offer = scheduler.offer_with(lambda r: "disk" in r and r["scalar"]["value"] == 70)
    scheduler.accept(operation("DESTROY", "destroy", volumes=[disk(70, "v")]),
                     operation("UNRESERVE", "unreserve", resources=[disk(100)]), offer=offer)
    seen = []
    while len(seen) < 6:
        status = scheduler.feedback()
        assert status["state"] == "OPERATION_FINISHED", status
        scheduler.acknowledge_operation(status)
        seen.append(status["operation_id"]["value"])
    assert sorted(seen) == sorted(["reserve", "create", "grow", "shrink", "destroy", "unreserve"])
    wait_until_none_is_left(quick)
    assert "a" not in get_json(quick.address, "/slaves")["slaves"][0]["reserved_resources"]
    scheduler.close()


def test_feedback_outlives_the_agent(quick):
    scheduler = Operator(quick.address)
    scheduler.accept(operation("RESERVE", "op", resources=[disk(100)]))
    first = scheduler.feedback()
    agent = quick.agents["agent"]
    (known,) = operations_of(agent.address)
    assert known["latest_status"]["state"] == "OPERATION_FINISHED"
    quick.kill_agent(agent)
    quick.start_agent("agent", port=agent.port)
    again = scheduler.feedback()
    assert again == first
    scheduler.acknowledge_operation(again)
    wait_until_none_is_left(quick)
    assert get_json(quick.address, "/slaves")["slaves"][0]["reserved_resources"]["a"]["disk"] == 100
    scheduler.close()


def test_feedback_outlives_the_master(quick):
    first = Operator(quick.address)
    first.accept(operation("RESERVE", "op", resources=[disk(100)]))
    told = first.feedback()
    quick.master.kill()
    quick.master.wait()
    quick.start_master("--allocation_interval=50ms")
    wait_for("the agent to be back", lambda: quick.is_registered(quick.agents["agent"]))
    wait_for("the master to know the operation", lambda: operations_of(quick.address))
    second = Operator(quick.address, framework_id=first.framework_id)
    second.call("RECONCILE_OPERATIONS", reconcile_operations={})
    status = second.feedback()
    while "uuid" in status:  # the agent's own, which may come first
        assert status == told
        status = second.feedback()
    assert (status["operation_id"], status["state"]) == ({"value": "op"}, "OPERATION_FINISHED")
    second.acknowledge_operation(told)
    wait_until_none_is_left(quick)
    second.close()


def test_an_operation_without_an_id_is_acknowledged_by_the_master(quick):
    scheduler = Operator(quick.address)
    scheduler.accept({"type": "RESERVE", "reserve": {"resources": [disk(100)]}})
    scheduler.offer_with(lambda r: "reservations" in r)
    wait_until_none_is_left(quick)
    scheduler.close()


def test_unknown_operations_are_reconciled_by_what_is_known_of_their_agent(quick):
    scheduler = Operator(quick.address)
    agent_id = scheduler.offer()["agent_id"]
    scheduler.call("RECONCILE_OPERATIONS", reconcile_operations={"operations": [
        {"operation_id": {"value": "here"}, "agent_id": agent_id}, {"operation_id": {"value": "nowhere"}},
        {"operation_id": {"value": "there"}, "agent_id": {"value": "unknown"}}]})
    told = [(s["operation_id"]["value"], s["state"], s["message"]) for s in (scheduler.feedback() for _ in range(3))]
    assert told == [
        ("here", "OPERATION_UNKNOWN", "Reconciliation: Operation is unknown"),
        ("nowhere", "OPERATION_UNKNOWN", "Reconciliation: Operation is unknown and no 'agent_id' was provided"),
        ("there", "OPERATION_UNKNOWN", "Reconciliation: Both operation and agent are unknown")]
    scheduler.close()
