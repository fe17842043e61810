# SPDX-License-Identifier: Apache-2.0
"""What each capability of a framework changes, for those that have it and for those that do not."""

import json
import signal

import pytest

from cluster import USER, get_json, post, wait_for
from scheduler import Scheduler

SOON = ("--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=1", "--allocation_interval=50ms")


@pytest.fixture
def quick(empty_cluster):
    """A master and an agent; an agent that does not answer is soon unreachable."""
    empty_cluster.start_master(*SOON)
    empty_cluster.start_agent()
    return empty_cluster


def subscribe(cluster, *capabilities, **options):
    return Scheduler(cluster.address, capabilities=capabilities, failover_timeout=600, checkpoint=True, **options)


def operate(cluster, kind, **members):
    status, _, body = post(cluster.address, "/api/v1", json.dumps({"type": kind, **members}).encode(),
                           {"Content-Type": "application/json"})
    assert status == 200, (status, body)


def accept(scheduler, *operations, offer=None):
    offer = offer or scheduler.offer()
    scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0},
                                     "operations": list(operations)})
    return offer


def next_status(scheduler, task_id):
    """The next status of a task that is none of its ordinary life."""
    while True:
        while scheduler.updates:
            status = scheduler.updates.pop(0)
            scheduler.acknowledge(status)
            if status["task_id"]["value"] == task_id and status["state"] not in ("TASK_STARTING", "TASK_RUNNING"):
                return status
        scheduler.next("UPDATE")


# PARTITION_AWARE: a state for each way of being lost, or TASK_LOST for all of them


def freeze_the_agent(cluster, scheduler):
    scheduler.launch("t", "sleep 1000")
    scheduler.expect("t", "TASK_RUNNING")
    cluster.agents["agent"].kill(signal.SIGSTOP)
    return next_status(scheduler, "t")


def reconcile_on_an_unreachable_agent(cluster, scheduler):
    freeze_the_agent(cluster, scheduler)
    scheduler.call("RECONCILE", reconcile={"tasks": [{"task_id": {"value": "t"}, "agent_id": scheduler.agents["t"]}]})
    return next_status(scheduler, "t")


def mark_the_agent_gone(cluster, scheduler):
    scheduler.launch("t", "sleep 1000")
    scheduler.expect("t", "TASK_RUNNING")
    operate(cluster, "MARK_AGENT_GONE", mark_agent_gone={"agent_id": scheduler.agents["t"]})
    return next_status(scheduler, "t")


def reconcile_on_a_gone_agent(cluster, scheduler):
    mark_the_agent_gone(cluster, scheduler)
    scheduler.call("RECONCILE", reconcile={"tasks": [{"task_id": {"value": "o"}, "agent_id": scheduler.agents["t"]}]})
    return next_status(scheduler, "o")


def reconcile_an_unknown_task(cluster, scheduler):
    agent_id = scheduler.offer()["agent_id"]
    scheduler.call("RECONCILE", reconcile={"tasks": [{"task_id": {"value": "t"}, "agent_id": agent_id}]})
    return next_status(scheduler, "t")


def reconcile_a_task_of_an_unknown_agent(cluster, scheduler):
    scheduler.call("RECONCILE", reconcile={"tasks": [{"task_id": {"value": "t"}, "agent_id": {"value": "nobody"}}]})
    return next_status(scheduler, "t")


def launch_on_a_used_offer(cluster, scheduler):
    offer = scheduler.offer()
    scheduler.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}})
    scheduler.offers.insert(0, offer)
    scheduler.launch("t", "true")
    return next_status(scheduler, "t")


def kill_an_unknown_task(cluster, scheduler):
    scheduler.kill("t")
    return next_status(scheduler, "t")


@pytest.mark.parametrize("situation, aware, reason, unaware_reason", [
    (freeze_the_agent, "TASK_UNREACHABLE", "REASON_AGENT_REMOVED", None),
    (reconcile_on_an_unreachable_agent, "TASK_UNREACHABLE", "REASON_RECONCILIATION", None),
    (mark_the_agent_gone, "TASK_GONE_BY_OPERATOR", "REASON_AGENT_REMOVED_BY_OPERATOR", "REASON_AGENT_REMOVED"),
    (reconcile_on_a_gone_agent, "TASK_GONE_BY_OPERATOR", "REASON_RECONCILIATION", None),
    (reconcile_an_unknown_task, "TASK_GONE", "REASON_RECONCILIATION", None),
    (reconcile_a_task_of_an_unknown_agent, "TASK_UNKNOWN", "REASON_RECONCILIATION", None),
    (launch_on_a_used_offer, "TASK_DROPPED", "REASON_INVALID_OFFERS", None),
    (kill_an_unknown_task, "TASK_UNKNOWN", "REASON_RECONCILIATION", None),
], ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.parametrize("is_aware", [True, False], ids=["aware", "unaware"])
def test_a_lost_task_has_a_state_of_its_own_if_partition_aware(quick, situation, aware, reason, unaware_reason,
                                                                      is_aware):
    scheduler = subscribe(quick, "MULTI_ROLE", *(["PARTITION_AWARE"] if is_aware else []))
    status = situation(quick, scheduler)
    assert (status["state"], status["reason"]) == ((aware, reason) if is_aware else
                                                   ("TASK_LOST", unaware_reason or reason))
    quick.agents["agent"].kill(signal.SIGCONT)


@pytest.mark.parametrize("is_aware", [True, False], ids=["aware", "unaware"])
def test_a_task_comes_back_with_its_unreachable_agent(quick, is_aware):
    """It runs on in both cases, and both kinds of framework are told so, after they were told that it is lost."""
    scheduler = subscribe(quick, "MULTI_ROLE", *(["PARTITION_AWARE"] if is_aware else []))
    freeze_the_agent(quick, scheduler)
    quick.agents["agent"].kill(signal.SIGCONT)
    wait_for("the agent to be back", lambda: quick.is_registered(quick.agents["agent"]))
    assert scheduler.expect("t", "TASK_RUNNING")["reason"] == "REASON_AGENT_REREGISTERED"


# TASK_KILLING_STATE


@pytest.mark.parametrize("has_state", [True, False], ids=["with", "without"])
@pytest.mark.parametrize("kind", ["command", "group"])
def test_a_task_says_that_it_is_being_killed_if_the_framework_knows_the_state(quick, kind, has_state):
    scheduler = subscribe(quick, "MULTI_ROLE", *(["TASK_KILLING_STATE"] if has_state else []))
    if kind == "command":
        scheduler.launch("t", "sleep 1000")
    else:
        offer = scheduler.offer()
        resources = [{"name": name, "type": "SCALAR", "scalar": {"value": value}}
                     for name, value in [("cpus", 0.1), ("mem", 32), ("disk", 16)]]
        accept(scheduler, {"type": "LAUNCH_GROUP", "launch_group": {
            "executor": {"type": "DEFAULT", "executor_id": {"value": "e"}, "resources": resources,
                         "framework_id": {"value": scheduler.framework_id}},
            "task_group": {"tasks": [{"name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"],
                                      "resources": resources, "command": {"value": "sleep 1000"}}]}}}, offer=offer)
    scheduler.expect("t", "TASK_RUNNING")
    scheduler.kill("t")
    states = [next_status(scheduler, "t")["state"]]
    if states == ["TASK_KILLING"]:
        states.append(next_status(scheduler, "t")["state"])
    assert states == (["TASK_KILLING", "TASK_KILLED"] if has_state else ["TASK_KILLED"])


# MULTI_ROLE


def test_offers_say_whom_they_are_allocated_to_if_multi_role(quick):
    scheduler = subscribe(quick, "MULTI_ROLE", roles=["a", "b"])
    offer = scheduler.offer()
    assert offer["allocation_info"]["role"] in ("a", "b")
    assert all(r["allocation_info"] == offer["allocation_info"] for r in offer["resources"])
    (framework,) = get_json(quick.address, "/state")["frameworks"]
    assert framework["roles"] == ["a", "b"]
    assert "role" not in framework


def test_offers_to_the_one_role_do_not_say_whom_they_are_allocated_to(quick):
    scheduler = subscribe(quick, role="a")
    offer = scheduler.offer()
    assert "allocation_info" not in offer
    assert not any("allocation_info" in r for r in offer["resources"])
    (framework,) = get_json(quick.address, "/state")["frameworks"]
    assert framework["role"] == "a"
    scheduler.offers.insert(0, offer)
    scheduler.launch("t", 'test "$MESOS_ALLOCATION_ROLE" = a')
    assert scheduler.expect("t", "TASK_FINISHED")["state"] == "TASK_FINISHED"


@pytest.mark.parametrize("capabilities, members, message", [
    (["MULTI_ROLE"], {"role": "a"}, "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"),
    ([], {"roles": ["a"]}, "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"),
    (["MULTI_ROLE"], {"roles": ["a", "a"]}, "'FrameworkInfo.roles' contains duplicate items: { a }"),
])
def test_roles_are_given_in_the_field_that_fits(quick, capabilities, members, message):
    scheduler = Scheduler(quick.address, subscribe=False)
    scheduler.info = {"user": USER, "name": "n", "capabilities": [{"type": c} for c in capabilities], **members}
    assert scheduler.subscribe(wait_for_event="ERROR")["error"]["message"] == message


def test_a_framework_becomes_multi_role_and_keeps_its_tasks(quick):
    one = subscribe(quick, role="a")
    one.launch("t", "sleep 1000")
    one.expect("t", "TASK_RUNNING")
    one.drop()
    many = subscribe(quick, "MULTI_ROLE", roles=["a", "b"], framework_id=one.framework_id)
    many.reconcile("t")
    assert many.expect("t", "TASK_RUNNING")["reason"] == "REASON_RECONCILIATION"
    assert many.offer()["allocation_info"]["role"] in ("a", "b")


# RESERVATION_REFINEMENT


RESERVED = [{"name": name, "type": "SCALAR", "scalar": {"value": value}, "reservations": [{"type": "STATIC", "role": "a"}]}
            for name, value in [("cpus", 2), ("mem", 768)]]


@pytest.fixture
def reserved(empty_cluster):
    """An agent with resources of role a, of which 512 MB are reserved once more for a/b."""
    empty_cluster.start_master(*SOON)
    empty_cluster.start_agent(resources=json.dumps(RESERVED))
    scheduler = subscribe(empty_cluster, "MULTI_ROLE", "RESERVATION_REFINEMENT", roles=["a/b"])
    refined = {"name": "mem", "type": "SCALAR", "scalar": {"value": 512}, "allocation_info": {"role": "a/b"},
               "reservations": [{"type": "STATIC", "role": "a"}, {"type": "DYNAMIC", "role": "a/b"}]}
    accept(scheduler, {"type": "RESERVE", "id": {"value": "op"}, "reserve": {"resources": [refined]}})
    status = scheduler.next("UPDATE_OPERATION_STATUS")["update_operation_status"]["status"]
    assert status["state"] == "OPERATION_FINISHED", status
    scheduler.close()
    return empty_cluster


def cpus_of(offer):
    (cpus,) = [r for r in offer["resources"] if r["name"] == "cpus" and r["scalar"]["value"] == 2]
    return cpus


def mem_of(offer):
    return sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == "mem")


def test_reservations_are_lists_if_the_framework_knows_refinement(reserved):
    scheduler = subscribe(reserved, "MULTI_ROLE", "RESERVATION_REFINEMENT", roles=["a/b"])
    offer = scheduler.offer()
    cpus = cpus_of(offer)
    assert cpus["reservations"] == [{"type": "STATIC", "role": "a"}]
    assert "role" not in cpus and "reservation" not in cpus
    assert mem_of(offer) == 256 + 512


def test_reservations_are_in_the_old_form_otherwise_and_refined_ones_are_not_offered(reserved):
    scheduler = subscribe(reserved, "MULTI_ROLE", roles=["a/b"])
    offer = scheduler.offer()
    cpus = cpus_of(offer)
    assert cpus["role"] == "a"
    assert "reservations" not in cpus and "reservation" not in cpus
    assert mem_of(offer) == 256


@pytest.mark.parametrize("knows", [True, False], ids=["with", "without"])
def test_a_dynamic_reservation_in_either_form(quick, knows):
    """The operation comes back as the framework would have written it, and is the same reservation to everybody else."""
    scheduler = subscribe(quick, "MULTI_ROLE", *(["RESERVATION_REFINEMENT"] if knows else []), roles=["a"])
    new = {"reservations": [{"type": "DYNAMIC", "role": "a", "labels": {"labels": [{"key": "k", "value": "v"}]}}]}
    old = {"role": "a", "reservation": {"labels": {"labels": [{"key": "k", "value": "v"}]}}}
    cpus = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "allocation_info": {"role": "a"},
            **(new if knows else old)}
    accept(scheduler, {"type": "RESERVE", "reserve": {"resources": [cpus]}})
    while True:
        offer = scheduler.offer()
        found = [r for r in offer["resources"] if "reservations" in r or "reservation" in r]
        if found:
            break
        accept(scheduler, offer=offer)
    (resource,) = found
    expected = new if knows else old
    assert {key: resource.get(key) for key in expected} == expected
    (agent,) = get_json(quick.address, "/slaves")["slaves"]
    (full,) = agent["reserved_resources_full"]["a"]
    assert full["reservations"] == new["reservations"]
    assert full["role"] == "a"
    # The agent shows it once it is written down, which the master does not wait for.
    (full,) = wait_for("the reservation on the agent", lambda: get_json(
        quick.agents["agent"].address, "/state")["reserved_resources_full"].get("a"))
    assert full["reservations"] == new["reservations"]


@pytest.mark.parametrize("knows", [True, False], ids=["with", "without"])
@pytest.mark.parametrize("form", [{"role": "a", "reservation": {}}, {"reservations": [{"type": "DYNAMIC", "role": "a"}]}],
                         ids=["old", "new"])
def test_both_forms_are_understood_from_everybody(quick, knows, form):
    scheduler = subscribe(quick, "MULTI_ROLE", *(["RESERVATION_REFINEMENT"] if knows else []), roles=["a"])
    cpus = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "allocation_info": {"role": "a"}, **form}
    accept(scheduler, {"type": "RESERVE", "id": {"value": "op"}, "reserve": {"resources": [cpus]}})
    status = scheduler.next("UPDATE_OPERATION_STATUS")["update_operation_status"]["status"]
    assert status["state"] == "OPERATION_FINISHED"


# REGION_AWARE


def domain(region):
    return json.dumps({"fault_domain": {"region": {"name": region}, "zone": {"name": "z"}}})


@pytest.mark.parametrize("is_aware, expected", [(True, {"near", "far"}), (False, {"near"})], ids=["aware", "unaware"])
def test_agents_of_other_regions_are_offered_if_region_aware(empty_cluster, is_aware, expected):
    empty_cluster.start_master(*SOON, "--domain=" + domain("here"))
    for name, region in [("far", "there"), ("near", "here")]:
        empty_cluster.start_agent(name, "--domain=" + domain(region), "--attributes=name:" + name)
    scheduler = subscribe(empty_cluster, "MULTI_ROLE", *(["REGION_AWARE"] if is_aware else []))
    seen = set()
    while seen != expected:
        offer = scheduler.offer()
        name = offer["attributes"][0]["text"]["value"]
        assert name in expected
        assert offer["domain"]["fault_domain"]["region"]["name"] == {"near": "here", "far": "there"}[name]
        seen.add(name)
    (master,) = [get_json(empty_cluster.address, "/state")["domain"]]
    assert master == json.loads(domain("here"))


# GPU_RESOURCES


@pytest.fixture
def gpus(empty_cluster):
    empty_cluster.start_master(*SOON)
    empty_cluster.start_agent("plain", "--attributes=name:plain")
    empty_cluster.start_agent("gpus", "--attributes=name:gpus", resources="cpus:4;mem:1024;gpus:2")
    return empty_cluster


def test_agents_with_gpus_are_offered_to_who_wants_them(gpus):
    scheduler = subscribe(gpus, "MULTI_ROLE", "GPU_RESOURCES")
    offers = {o["attributes"][0]["text"]["value"]: o for o in (scheduler.offer(), scheduler.offer())}
    assert set(offers) == {"plain", "gpus"}
    assert [r["scalar"]["value"] for r in offers["gpus"]["resources"] if r["name"] == "gpus"] == [2]


def test_agents_with_gpus_are_kept_from_others(gpus):
    scheduler = subscribe(gpus, "MULTI_ROLE")
    for _ in range(3):
        offer = scheduler.offer()
        assert offer["attributes"][0]["text"]["value"] == "plain"
        accept(scheduler, offer=offer)


def test_agents_with_gpus_are_offered_to_all_without_the_filter(empty_cluster):
    empty_cluster.start_master(*SOON, "--no-filter_gpu_resources")
    empty_cluster.start_agent("gpus", resources="cpus:4;mem:1024;gpus:2")
    offer = subscribe(empty_cluster, "MULTI_ROLE").offer()
    assert [r["scalar"]["value"] for r in offer["resources"] if r["name"] == "gpus"] == [2]


# SHARED_RESOURCES


def volume(is_shared):
    return {"name": "disk", "type": "SCALAR", "scalar": {"value": 16}, "allocation_info": {"role": "a"},
            "reservations": [{"type": "DYNAMIC", "role": "a"}],
            "disk": {"persistence": {"id": "v"}, "volume": {"container_path": "p", "mode": "RW"}},
            **({"shared": {}} if is_shared else {})}


def make_volume(scheduler, is_shared=True):
    disk = {key: value for key, value in volume(False).items() if key != "disk"}
    accept(scheduler, {"type": "RESERVE", "id": {"value": "reserve"}, "reserve": {"resources": [disk]}},
           {"type": "CREATE", "id": {"value": "create"}, "create": {"volumes": [volume(is_shared)]}})
    states = {}
    while len(states) < 2:
        status = scheduler.next("UPDATE_OPERATION_STATUS")["update_operation_status"]["status"]
        states[status["operation_id"]["value"]] = status
        if "uuid" in status:
            scheduler.call("ACKNOWLEDGE_OPERATION_STATUS", acknowledge_operation_status={
                "agent_id": status["agent_id"], "uuid": status["uuid"]["value"], "operation_id": status["operation_id"]})
    return states


def offer_with(scheduler, name):
    """The next offer with a resource for which name() is true; others are declined."""
    while True:
        offer = scheduler.offer()
        if any(name(r) for r in offer["resources"]):
            return offer
        accept(scheduler, offer=offer)


def test_a_shared_volume_is_made_and_used_by_two_tasks_at_once(quick):
    scheduler = subscribe(quick, "MULTI_ROLE", "RESERVATION_REFINEMENT", "SHARED_RESOURCES", roles=["a"])
    states = make_volume(scheduler)
    assert {s["state"] for s in states.values()} == {"OPERATION_FINISHED"}
    offer = offer_with(scheduler, lambda r: "shared" in r)
    tasks = [{"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"], "command": {"value": command},
              "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}, "allocation_info": {"role": "a"}},
                            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}, "allocation_info": {"role": "a"}},
                            volume(True)]}
             for name, command in [("writer", "echo word > p/file; sleep 1000"),
                                   ("reader", "until grep word p/file; do sleep 0.05; done")]]
    accept(scheduler, {"type": "LAUNCH", "launch": {"task_infos": tasks}}, offer=offer)
    scheduler.expect("reader", "TASK_FINISHED")
    # It is offered while a task uses it.
    assert offer_with(scheduler, lambda r: "shared" in r)


def test_a_shared_volume_is_neither_made_by_nor_offered_to_others(quick):
    plain = subscribe(quick, "MULTI_ROLE", "RESERVATION_REFINEMENT", roles=["a"])
    states = make_volume(plain)
    assert states["reserve"]["state"] == "OPERATION_FINISHED"
    assert states["create"]["state"] == "OPERATION_ERROR"
    assert "SHARED_RESOURCES" in states["create"]["message"]
    plain.close()

    sharing = subscribe(quick, "MULTI_ROLE", "RESERVATION_REFINEMENT", "SHARED_RESOURCES", roles=["a"])
    accept(sharing, {"type": "CREATE", "create": {"volumes": [volume(True)]}},
           offer=offer_with(sharing, lambda r: r["name"] == "disk" and "reservations" in r))
    offer_with(sharing, lambda r: "shared" in r)
    sharing.close()

    plain = subscribe(quick, "MULTI_ROLE", "RESERVATION_REFINEMENT", roles=["a"])
    for _ in range(3):
        offer = plain.offer()
        assert not any("shared" in r for r in offer["resources"])
        accept(plain, offer=offer)
