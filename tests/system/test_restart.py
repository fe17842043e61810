# SPDX-License-Identifier: Apache-2.0
"""Agents and masters that come back: what goes on, what is cleaned up, who notices."""

import os
import sys
import pathlib

from cluster import BIN, descendants, get_json, is_alive, wait_for
from scheduler import Scheduler

ECHO = f"{sys.executable} {pathlib.Path(__file__).parent / 'echo_executor.py'}"


def command_of(agent, name):
    """The id of the process below the agent that runs the program called name."""
    for pid in descendants(agent.pid):
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name:
                return pid
        except OSError:
            continue
    return None


def test_cleanup_kills_what_ran_and_exits(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, checkpoint=True)
    scheduler.launch("doomed", "sleep 1000")
    scheduler.expect("doomed", "TASK_RUNNING")
    task = wait_for("the command", lambda: command_of(agent, "sleep"))
    cluster.kill_agent(agent)
    assert is_alive(task)
    cleaner = cluster.start_agent("agent", "--recover=cleanup", port=agent.port, wait=False)
    assert cleaner.wait() == 0, cleaner.text()
    assert not is_alive(task)
    fresh = cluster.start_agent(port=agent.port)
    assert fresh.is_running()
    scheduler.launch("again", "exit 0")
    scheduler.expect("again", "TASK_FINISHED")
    scheduler.close()


def test_tasks_without_checkpoint_end_with_their_agent(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, checkpoint=False)
    scheduler.launch("loose", "sleep 1000")
    scheduler.expect("loose", "TASK_RUNNING")
    task = wait_for("the command", lambda: command_of(agent, "sleep"))
    cluster.kill_agent(agent)
    wait_for("the command to be gone", lambda: not is_alive(task))
    assert scheduler.expect("loose", "TASK_LOST")["source"] == "SOURCE_MASTER"
    scheduler.close()


def test_custom_executor_of_a_checkpointing_framework_survives_a_stopped_agent(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, checkpoint=True, failover_timeout=600)
    scheduler.launch("echo", None, executor=scheduler.executor("echo-executor", ECHO + " reconnect"))
    scheduler.expect("echo", "TASK_RUNNING")
    (sandbox,) = cluster.sandboxes(agent, "echo-executor")
    pid = int((sandbox / "stdout").read_text().split("pid ")[1].split()[0])
    cluster.remains.update(descendants(agent.pid))
    assert agent.stop() == 0
    assert is_alive(pid)
    cluster.start_agent(port=agent.port)
    assert is_alive(pid)
    scheduler.message("echo", "echo-executor", b"still there?")
    assert scheduler.next("MESSAGE")["message"]["data"] == "c3RpbGwgdGhlcmU/"
    scheduler.kill("echo")
    scheduler.expect("echo", "TASK_KILLED")
    scheduler.close()


def test_restarted_agent_keeps_its_id_and_its_history(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, checkpoint=True)
    scheduler.launch("steady", "sleep 1000")
    scheduler.expect("steady", "TASK_RUNNING")
    before = get_json(agent.address, "/state")
    cluster.kill_agent(agent)
    restarted = cluster.start_agent(port=agent.port)
    wait_for("recovery", lambda: get_json(restarted.address, "/state")["frameworks"])
    after = get_json(restarted.address, "/state")
    assert after["id"] == before["id"]
    (was,), (now,) = before["frameworks"], after["frameworks"]
    assert was["id"] == now["id"] == scheduler.framework_id
    (executor,) = now["executors"]
    assert [t["id"] for t in executor["tasks"]] == ["steady"]
    assert executor["container"] == was["executors"][0]["container"]
    scheduler.close()


def test_agent_with_other_attributes_needs_a_policy_that_allows_them(cluster):
    agent = cluster.agents["agent"]
    wait_for("the agent to know its id", lambda: get_json(agent.address, "/state")["id"])
    cluster.kill_agent(agent)
    changed = cluster.start_agent("agent", "--attributes=rack:two", port=agent.port, wait=False)
    assert changed.wait() != 0
    assert "attributes" in changed.text().splitlines()[-1], changed.text()
    richer = cluster.start_agent("agent", "--attributes=rack:two", "--reconfiguration_policy=additive", port=agent.port)
    assert get_json(richer.address, "/state")["attributes"] == {"rack": "two"}


def test_restarted_master_finds_agents_tasks_and_schedulers_again(cluster):
    """The registry is in memory: agents tell what they run, the C driver subscribes again by itself."""
    agent = cluster.agents["agent"]
    flag = cluster.directory / "go"
    client = cluster.start("execute", BIN / "mesos-execute", f"--master={cluster.address}", "--name=patient",
                           f"--command=while [ ! -e {flag} ]; do sleep 0.05; done")
    scheduler = Scheduler(cluster.address, failover_timeout=600, checkpoint=True)
    scheduler.launch("adopted", "sleep 1000")
    scheduler.expect("adopted", "TASK_RUNNING")
    wait_for("the patient task", lambda: "TASK_RUNNING" in client.text())
    agent_id = get_json(cluster.address, "/slaves")["slaves"][0]["id"]
    old = get_json(cluster.address, "/state")["id"]

    cluster.master.kill()
    cluster.master.wait()
    cluster.start_master()
    assert get_json(cluster.address, "/state")["id"] != old
    wait_for("the agent to be back", lambda: cluster.is_registered(agent))
    assert get_json(cluster.address, "/slaves")["slaves"][0]["id"] == agent_id

    again = Scheduler(cluster.address, failover_timeout=600, checkpoint=True, framework_id=scheduler.framework_id)
    again.reconcile("adopted")
    assert again.expect("adopted", "TASK_RUNNING")["reason"] == "REASON_RECONCILIATION"
    wait_for("mesos-execute to be back", lambda: sum(f["active"] for f in get_json(cluster.address, "/state")["frameworks"]) == 2)
    flag.write_text("")
    assert client.wait() == 0, client.text()
    assert "TASK_FINISHED" in client.text()
    again.kill("adopted")
    again.expect("adopted", "TASK_KILLED")
    again.close()


def test_updates_made_while_the_master_was_dead_arrive(cluster):
    flag = cluster.directory / "go"
    scheduler = Scheduler(cluster.address, failover_timeout=600)
    scheduler.launch("late", f"while [ ! -e {flag} ]; do sleep 0.05; done; exit 5")
    scheduler.expect("late", "TASK_RUNNING")
    task = wait_for("the command", lambda: command_of(cluster.agents["agent"], "sh"))
    cluster.master.kill()
    cluster.master.wait()
    flag.write_text("")
    wait_for("the command to end", lambda: not is_alive(task))
    cluster.start_master()
    again = Scheduler(cluster.address, failover_timeout=600, framework_id=scheduler.framework_id)
    # First the master tells what the agent says about the task, then the agent's own update comes through.
    status = again.expect("late", "TASK_FAILED")
    while "uuid" not in status:
        assert status["reason"] == "REASON_AGENT_REREGISTERED"
        status = again.expect("late", "TASK_FAILED")
    assert "exited with status 5" in status["message"]
    again.close()


def test_agent_whose_executor_died_meanwhile_says_so(cluster):
    agent = cluster.agents["agent"]
    scheduler = Scheduler(cluster.address, checkpoint=True)
    scheduler.launch("gone", "sleep 1000")
    scheduler.expect("gone", "TASK_RUNNING")
    executor = wait_for("the executor", lambda: command_of(agent, "mesos-executor"))
    cluster.kill_agent(agent)
    os.kill(executor, 9)
    wait_for("the executor to be gone", lambda: not is_alive(executor))
    cluster.start_agent(port=agent.port)
    status = scheduler.expect("gone", "TASK_FAILED")
    assert status["source"] == "SOURCE_AGENT"
    scheduler.close()
