# SPDX-License-Identifier: Apache-2.0
"""Schedulers and agents that come, go and are slow, on real connections."""

import signal
import sys
import pathlib

import pytest

from cluster import Cluster, get_json, is_alive, wait_for
from scheduler import Scheduler

ECHO = f"{sys.executable} {pathlib.Path(__file__).parent / 'echo_executor.py'}"


@pytest.fixture
def quick(empty_cluster):
    """A master that is quick to offer and to give agents up, and one agent."""
    empty_cluster.start_master("--allocation_interval=50ms", "--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=2",
                               "--offer_timeout=500ms")
    empty_cluster.start_agent("agent", "--executor_registration_timeout=500ms")
    return empty_cluster


def test_a_second_subscription_closes_the_first(cluster):
    first = Scheduler(cluster.address, failover_timeout=600)
    second = Scheduler(cluster.address, failover_timeout=600, framework_id=first.framework_id)
    assert "failed over" in first.next("ERROR")["error"]["message"]
    first.next("CLOSED")
    first.call("REVIVE", expected=400)
    second.launch("mine", "true")
    second.expect("mine", "TASK_FINISHED")
    second.close()


def test_a_completed_framework_may_not_come_back(cluster):
    first = Scheduler(cluster.address, failover_timeout=600)
    first.close()
    second = Scheduler(cluster.address, framework_id=first.framework_id, subscribe=False)
    second.subscribe(wait_for_event="ERROR")
    second.next("CLOSED")


def test_offers_time_out_and_come_again(quick):
    scheduler = Scheduler(quick.address)
    first = scheduler.offer()
    assert scheduler.next("RESCIND")["rescind"]["offer_id"] == first["id"]
    scheduler.offers.clear()
    scheduler.launch("second-chance", "true")
    scheduler.expect("second-chance", "TASK_FINISHED")
    scheduler.close()


def test_suppressed_roles_get_no_offers_until_revived(quick):
    scheduler = Scheduler(quick.address)
    scheduler.call("SUPPRESS", suppress={})
    offer = scheduler.offer()
    scheduler.call("DECLINE", decline={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}})
    scheduler.offers.clear()

    def runs():
        return get_json(quick.address, "/metrics/snapshot")["allocator/mesos/allocation_runs"]

    before = runs()
    wait_for("some more rounds of allocation", lambda: runs() >= before + 5)
    assert not get_json(quick.address, "/state")["frameworks"][0]["offers"]
    scheduler.call("REVIVE", revive={})
    scheduler.offer()
    scheduler.close()


def test_an_agent_that_does_not_answer_is_unreachable_until_it_does(quick):
    agent = quick.agents["agent"]
    aware = Scheduler(quick.address, capabilities=("MULTI_ROLE", "PARTITION_AWARE"), checkpoint=True)
    aware.launch("patient", "sleep 1000")
    aware.expect("patient", "TASK_RUNNING")
    agent.kill(signal.SIGSTOP)
    try:
        status = aware.expect("patient", "TASK_UNREACHABLE")
        assert status["source"] == "SOURCE_MASTER" and "unreachable_time" in status
        assert aware.next("FAILURE")["failure"]["agent_id"] == aware.agents["patient"]
        assert get_json(quick.address, "/slaves")["slaves"] == []
    finally:
        agent.kill(signal.SIGCONT)
    assert aware.expect("patient", "TASK_RUNNING")["reason"] == "REASON_AGENT_REREGISTERED"
    wait_for("the agent to be back", lambda: quick.is_registered(agent))
    aware.kill("patient")
    aware.expect("patient", "TASK_KILLED")
    aware.close()


def test_an_agent_asked_to_leave_takes_its_tasks_along(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, checkpoint=True)
    scheduler.launch("evicted", "sleep 1000")
    scheduler.expect("evicted", "TASK_RUNNING")
    agent.kill(signal.SIGUSR1)
    scheduler.expect("evicted", "TASK_LOST")
    assert agent.wait() == 0
    wait_for("the agent to be forgotten", lambda: get_json(cluster.address, "/slaves")["slaves"] == [])
    scheduler.close()


def test_a_task_killed_before_it_runs_is_killed(cluster):
    scheduler = Scheduler(cluster.address)
    scheduler.launch("stillborn", "sleep 1000")
    scheduler.kill("stillborn")
    scheduler.expect("stillborn", "TASK_KILLED")
    wait_for("nothing to be left", lambda: not get_json(cluster.agents["agent"].address, "/containers"))
    scheduler.close()


def test_an_executor_that_does_not_register_is_killed(quick):
    scheduler = Scheduler(quick.address)
    scheduler.launch("mute", None, executor=scheduler.executor("mute-executor", "exec sleep 1000"))
    status = scheduler.expect("mute", "TASK_FAILED")
    assert status["reason"] == "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
    wait_for("the executor to be gone", lambda: not get_json(quick.agents["agent"].address, "/containers"))
    scheduler.close()


def test_tasks_share_a_custom_executor(cluster):
    scheduler = Scheduler(cluster.address)
    for name in ("one", "two", "three"):
        scheduler.launch(name, None, executor=scheduler.executor("shared", ECHO))
        scheduler.expect(name, "TASK_RUNNING")
    (framework,) = get_json(cluster.agents["agent"].address, "/state")["frameworks"]
    (executor,) = framework["executors"]
    assert sorted(t["id"] for t in executor["tasks"]) == ["one", "three", "two"]
    for name in ("one", "two", "three"):
        scheduler.kill(name)
        scheduler.expect(name, "TASK_KILLED")
    pid = int((cluster.sandboxes(cluster.agents["agent"], "shared")[0] / "stdout").read_text().split("pid ")[1].split()[0])
    assert is_alive(pid)
    scheduler.close()
    wait_for("the executor to end with its framework", lambda: not is_alive(pid))


def test_old_sandboxes_are_removed(empty_cluster):
    empty_cluster.start_master()
    agent = empty_cluster.start_agent("agent", "--gc_delay=100ms")
    scheduler = Scheduler(empty_cluster.address)
    scheduler.launch("brief", "echo here")
    scheduler.expect("brief", "TASK_FINISHED")
    scheduler.close()
    wait_for("the sandbox to be removed", lambda: not list(agent.work_dir.glob("slaves/*/frameworks/*/executors/brief")))
    assert Cluster.answers(agent.address, agent)
