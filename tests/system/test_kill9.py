# SPDX-License-Identifier: Apache-2.0
"""kill -9 of an executor, of a scheduler, of an agent: the framework gets the right updates."""

import os
import pathlib
import signal

import pytest

from cluster import descendants, get_json, wait_for
from scheduler import Scheduler


@pytest.fixture
def scheduler(cluster):
    s = Scheduler(cluster.address)
    yield s
    s.close()


def process_called(agent, name):
    """The id of a process below the agent whose command line has the name."""
    for pid in descendants(agent.pid):
        try:
            if name in pathlib.Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[0]:
                return pid
        except OSError:
            continue
    return None


def test_killed_executor_fails_its_command_task(cluster, scheduler):
    agent = cluster.agents["agent"]
    scheduler.launch("victim", "sleep 1000")
    scheduler.expect("victim", "TASK_RUNNING")
    os.kill(wait_for("the executor", lambda: process_called(agent, "mesos-executor")), signal.SIGKILL)
    status = scheduler.expect("victim", "TASK_FAILED")
    assert status["source"] == "SOURCE_AGENT"
    assert status["reason"] == "REASON_EXECUTOR_TERMINATED"
    wait_for("the command to be gone too", lambda: not process_called(agent, "sleep"))


def test_killed_scheduler_is_failed_over_by_its_id(cluster):
    first = Scheduler(cluster.address, failover_timeout=600)
    first.launch("survivor", "sleep 1000")
    first.expect("survivor", "TASK_RUNNING")
    first.drop()
    second = Scheduler(cluster.address, failover_timeout=600, framework_id=first.framework_id)
    second.reconcile()
    assert second.expect("survivor", "TASK_RUNNING")["reason"] == "REASON_RECONCILIATION"
    second.kill("survivor")
    second.expect("survivor", "TASK_KILLED")
    second.close()


def test_scheduler_that_never_returns_is_torn_down(cluster):
    scheduler = Scheduler(cluster.address, failover_timeout=0)
    scheduler.launch("orphan", "sleep 1000")
    scheduler.expect("orphan", "TASK_RUNNING")
    scheduler.drop()
    wait_for("the framework to be completed", lambda: [f["id"] for f in get_json(cluster.address, "/state")["completed_frameworks"]]
             == [scheduler.framework_id])
    wait_for("its task to be gone", lambda: not process_called(cluster.agents["agent"], "sleep"))


def test_killed_agent_comes_back_and_its_task_goes_on(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, checkpoint=True)
    scheduler.launch("steady", "sleep 1000")
    scheduler.expect("steady", "TASK_RUNNING")
    task = wait_for("the command", lambda: process_called(agent, "sleep"))
    cluster.remains.update(descendants(agent.pid))
    agent.kill()
    agent.wait()
    assert pathlib.Path(f"/proc/{task}").exists()
    cluster.start_agent(port=agent.port)
    assert pathlib.Path(f"/proc/{task}").exists()
    scheduler.reconcile()
    # An update whose acknowledgement died with the agent comes again before the answer.
    while scheduler.expect("steady", "TASK_RUNNING").get("reason") != "REASON_RECONCILIATION":
        pass
    scheduler.kill("steady")
    scheduler.expect("steady", "TASK_KILLED")
    scheduler.close()


def test_updates_made_while_the_agent_was_dead_arrive(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, checkpoint=True)
    flag = cluster.directory / "go"
    scheduler.launch("late", f"while [ ! -e {flag} ]; do sleep 0.05; done; exit 7")
    scheduler.expect("late", "TASK_RUNNING")
    cluster.remains.update(descendants(agent.pid))
    agent.kill()
    agent.wait()
    flag.write_text("")
    cluster.start_agent(port=agent.port)
    status = scheduler.expect("late", "TASK_FAILED")
    assert "exited with status 7" in status["message"]
    scheduler.close()
