# SPDX-License-Identifier: Apache-2.0
"""Calls of operators that change things, in the order in which Mesos was asked, and what came of them."""

import pytest

from cluster import Cluster, get_json, wait_for
from replay import mismatches, post
from watched import start_framework

EXECUTOR = "Command Executor (Task: runner) (Command: sh -c 'sleep 3000')"


@pytest.fixture(scope="module")
def changing(tmp_path_factory):
    """A cluster of its own with a running command task; the id of its container."""
    cluster = Cluster(tmp_path_factory.mktemp("changing"))
    try:
        cluster.start_master("--hostname=localhost", "--allocation_interval=50ms")
        agent = cluster.start_agent("agent", "--hostname=localhost")
        runner = start_framework(cluster.address)
        runner.launch("runner", "sleep 3000", refuse_seconds=3600)
        runner.expect("runner", "TASK_RUNNING")
        (container,) = get_json(agent.address, "/containers")
        yield cluster, agent, container["container_id"]
        runner.close()
    finally:
        cluster.stop()


def ask(address, kind, **members):
    return post(address, "/api/v1", {"type": kind, kind.lower(): members} if members else {"type": kind})


def check(answer, status, template=None, names=()):
    assert answer.status == status, answer.text()
    if template is None and not names:
        assert (answer.headers.get("Content-Type"), answer.body) == (None, b"")
    elif template is not None:
        assert list(mismatches(template, answer.json())) == []
    for name in names:
        assert name in answer.text()


def containers(address):
    answer = ask(address, "GET_CONTAINERS", show_nested=True, show_standalone=True).json()
    return {c["container_id"]["value"]: c for c in answer["get_containers"]["containers"]}


def test_a_nested_container_lives_as_with_mesos(changing):
    _, agent, parent = changing
    nested = {"container_id": {"parent": {"value": parent}, "value": "nested-1"}}
    command = {"command": {"value": "echo nested; until [ -e go ]; do sleep 0.02; done; exit 4"}}
    check(ask(agent.address, "LAUNCH_NESTED_CONTAINER", **nested, **command), 200)
    check(ask(agent.address, "LAUNCH_NESTED_CONTAINER", **nested, **command), 202)
    shown = containers(agent.address)
    assert set(shown) == {parent, "nested-1"}
    # Mesos leaves the parent out of the first of the two ids.
    nested_id = {"value": "nested-1", "parent": {"value": parent}}
    assert shown["nested-1"]["container_id"] == nested_id
    assert list(mismatches({"container_id": nested_id, "executor_pid": "<int>"},
                           shown["nested-1"]["container_status"])) == []
    assert list(mismatches({"value": parent}, shown[parent]["container_id"])) == []
    assert shown[parent]["executor_name"] == EXECUTOR
    (directory,) = agent.work_dir.glob(f"slaves/*/frameworks/*/executors/runner/runs/{parent}/containers/nested-1")
    (directory / "go").touch()
    ended = {"type": "WAIT_NESTED_CONTAINER", "wait_nested_container": {"exit_status": 1024}}
    for _ in range(2):
        check(ask(agent.address, "WAIT_NESTED_CONTAINER", **nested), 200, ended)
    assert (directory / "stdout").read_text() == "nested\n"
    check(ask(agent.address, "REMOVE_NESTED_CONTAINER", **nested), 200)
    wait_for("the sandbox to be removed", lambda: not directory.exists())
    unknown = {"container_id": {"parent": {"value": "nope"}, "value": "x"}, "command": {"value": "true"}}
    check(ask(agent.address, "LAUNCH_NESTED_CONTAINER", **unknown), 400, names=["nope"])


def test_a_standalone_container_lives_as_with_mesos(changing):
    _, agent, parent = changing
    alone = {"container_id": {"value": "standalone-1"}}
    resources = [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in [("cpus", 0.1),
                                                                                                 ("mem", 32)]]
    check(ask(agent.address, "LAUNCH_CONTAINER", **alone, command={"value": "sleep 100"}, resources=resources), 200)
    shown = containers(agent.address)
    assert set(shown) == {parent, "standalone-1"}
    assert list(mismatches({"container_id": alone["container_id"], "executor_pid": "<int>"},
                           shown["standalone-1"]["container_status"])) == []
    check(ask(agent.address, "KILL_CONTAINER", **alone, signal=15), 200)
    ended = {"type": "WAIT_CONTAINER", "wait_container": {"exit_status": 15}}
    check(ask(agent.address, "WAIT_CONTAINER", **alone), 200, ended)
    # The agent of Mesos dies of this one.
    check(ask(agent.address, "REMOVE_CONTAINER", **alone), 200)
    check(ask(agent.address, "WAIT_CONTAINER", **alone), 404, names=["standalone-1"])


def test_an_agent_is_deactivated_and_marked_gone_as_with_mesos(changing):
    cluster, _, _ = changing

    def shown():
        return ask(cluster.address, "GET_AGENTS").json()["get_agents"].get("agents", [])

    (agent,) = shown()
    named = {"agent_id": agent["agent_info"]["id"]}
    check(ask(cluster.address, "DEACTIVATE_AGENT", **named), 200)
    assert (shown()[0]["active"], shown()[0]["deactivated"]) == (False, True)
    check(ask(cluster.address, "DEACTIVATE_AGENT", **named), 200)
    check(ask(cluster.address, "REACTIVATE_AGENT", **named), 200)
    assert (shown()[0]["active"], shown()[0]["deactivated"]) == (True, False)
    check(ask(cluster.address, "REACTIVATE_AGENT", **named), 400, names=["not deactivated"])
    check(ask(cluster.address, "MARK_AGENT_GONE", **named), 200)
    wait_for("the agent to be gone", lambda: not shown())
