# SPDX-License-Identifier: Apache-2.0
"""Reservations and persistent volumes, from offer operations to files on a real agent's disk."""

from cluster import get_json, wait_for
from scheduler import Scheduler

ROLE = "store"
CAPABILITIES = ("MULTI_ROLE", "RESERVATION_REFINEMENT")


def scalar(name, value, **members):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": ROLE}, **members}


def reserved(name, value, **members):
    return scalar(name, value, reservations=[{"type": "DYNAMIC", "role": ROLE}], **members)


def volume(identity, size):
    return reserved("disk", size, disk={"persistence": {"id": identity},
                                        "volume": {"container_path": "data", "mode": "RW"}})


def accept(scheduler, offer, *operations):
    scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0},
                                     "operations": list(operations)})


def operation(kind, **members):
    return {"type": kind, kind.lower(): members}


def task(offer, task_id, command, *resources):
    return {"name": task_id, "task_id": {"value": task_id}, "agent_id": offer["agent_id"],
            "command": {"value": command}, "resources": [scalar("cpus", 0.1), scalar("mem", 32), *resources]}


def launch(*tasks):
    return operation("LAUNCH", task_infos=list(tasks))


def persistent(offer):
    return [r["disk"]["persistence"]["id"] for r in offer["resources"] if "persistence" in r.get("disk", {})]


def offer_where(scheduler, condition):
    while True:
        offer = scheduler.offer()
        if condition(offer):
            return offer
        scheduler.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}})


def test_a_volume_keeps_what_a_task_wrote_until_it_is_destroyed(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, roles=(ROLE,), capabilities=CAPABILITIES)
    offer = scheduler.offer()
    accept(scheduler, offer, operation("RESERVE", resources=[reserved("disk", 64)]),
           operation("CREATE", volumes=[volume("v1", 64)]),
           launch(task(offer, "writer", "echo kept > data/file", volume("v1", 64))))
    scheduler.expect("writer", "TASK_FINISHED")
    (path,) = agent.work_dir.glob(f"volumes/roles/{ROLE}/v1")
    assert (path / "file").read_text() == "kept\n"

    offer = offer_where(scheduler, lambda o: persistent(o) == ["v1"])
    accept(scheduler, offer, launch(task(offer, "reader", "grep kept data/file", volume("v1", 64))))
    scheduler.expect("reader", "TASK_FINISHED")

    # It outlives the agent's process, too.
    cluster.kill_agent(agent)
    agent = cluster.start_agent(port=agent.port)
    offer = offer_where(scheduler, lambda o: persistent(o) == ["v1"])
    accept(scheduler, offer, launch(task(offer, "again", "grep kept data/file", volume("v1", 64))))
    scheduler.expect("again", "TASK_FINISHED")

    offer = offer_where(scheduler, lambda o: persistent(o) == ["v1"])
    accept(scheduler, offer, operation("DESTROY", volumes=[volume("v1", 64)]),
           operation("UNRESERVE", resources=[reserved("disk", 64)]))
    wait_for("the files to be gone", lambda: not path.exists())
    offer = offer_where(scheduler, lambda o: not persistent(o))
    assert not any(r.get("reservations") for r in offer["resources"])
    scheduler.close()


def test_a_volume_in_use_is_not_destroyed(cluster):
    scheduler = Scheduler(cluster.address, roles=(ROLE,), capabilities=CAPABILITIES)
    offer = scheduler.offer()
    accept(scheduler, offer, operation("RESERVE", resources=[reserved("disk", 64)]),
           operation("CREATE", volumes=[volume("v1", 64)]),
           launch(task(offer, "holder", "sleep 1000", volume("v1", 64))))
    scheduler.expect("holder", "TASK_RUNNING")
    offer = scheduler.offer()
    assert not persistent(offer)
    accept(scheduler, offer, operation("DESTROY", volumes=[volume("v1", 64)]),
           launch(task(offer, "next", "true")))
    # The operation is dropped; what comes after it goes on.
    scheduler.expect("next", "TASK_FINISHED")
    (path,) = cluster.agents["agent"].work_dir.glob(f"volumes/roles/{ROLE}/v1")
    assert path.is_dir()
    scheduler.close()


def test_a_task_may_not_take_what_was_not_reserved(cluster):
    scheduler = Scheduler(cluster.address, roles=(ROLE,), capabilities=CAPABILITIES)
    offer = scheduler.offer()
    accept(scheduler, offer, launch(task(offer, "thief", "true", reserved("disk", 64))))
    status = scheduler.expect("thief", "TASK_ERROR")
    assert status["reason"] == "REASON_TASK_INVALID"
    scheduler.close()


def reservations(address, path):
    document = get_json(address, path)
    (agent,) = document["slaves"] if "slaves" in document else [document]
    return {kind: amount for kind, amount in agent["reserved_resources"].get(ROLE, {}).items() if kind in ("cpus", "mem") and amount}


def test_reservations_outlive_the_agent(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, roles=(ROLE,), capabilities=CAPABILITIES)
    accept(scheduler, scheduler.offer(), operation("RESERVE", resources=[reserved("cpus", 1), reserved("mem", 128)]))
    wanted = {"cpus": 1, "mem": 128}
    wait_for("the master to show it", lambda: reservations(cluster.address, "/slaves") == wanted)
    wait_for("the agent to show it", lambda: reservations(agent.address, "/state") == wanted)
    wait_for("the agent to have written it", lambda: [
        path for path in agent.work_dir.glob("meta/resources/*") if not path.name.startswith(".")])
    cluster.kill_agent(agent)
    agent = cluster.start_agent(port=agent.port)
    assert reservations(agent.address, "/state") == wanted
    assert reservations(cluster.address, "/slaves") == wanted
    scheduler.close()


def test_master_and_agent_agree_after_a_crash_in_the_middle_of_a_reservation(cluster):
    """Either both have it or none has."""
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, roles=(ROLE,), capabilities=CAPABILITIES)
    for _ in range(5):
        offer = offer_where(scheduler, lambda o: any(r["name"] == "cpus" and "reservations" not in r for r in o["resources"]))
        accept(scheduler, offer, operation("RESERVE", resources=[reserved("mem", 1)]))
        cluster.kill_agent(agent)
        agent = cluster.start_agent(port=agent.port)
        wait_for("both to agree", lambda: reservations(agent.address, "/state") == reservations(cluster.address, "/slaves"))
    scheduler.close()
