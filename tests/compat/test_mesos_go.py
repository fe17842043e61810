# SPDX-License-Identifier: Apache-2.0
"""The example scheduler and executor of mesos-go, unmodified, built from the Go module proxy, on our daemons."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from cluster import ROOT, USER, free_port, get_json, wait_for

# The first build takes minutes on a slow machine.
pytestmark = pytest.mark.timeout(1800)
MODULE = pathlib.Path(__file__).parent / "go"
EXAMPLES = "github.com/mesos/mesos-go/api/v1/cmd"
TASKS = 12


@pytest.fixture(scope="session")
def programs():
    """The folder of example-scheduler and example-executor; all that Go keeps is below build/go."""
    if not shutil.which("go"):
        pytest.skip("there is no Go compiler")
    home = ROOT / "build" / "go"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOPATH": str(home), "GOCACHE": str(home / "cache"), "CGO_ENABLED": "0",
                   "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false"}
    environment.pop("GOBIN", None)
    result = subprocess.run(["go", "build", "-o", f"{home / 'bin'}/", f"{EXAMPLES}/example-scheduler", f"{EXAMPLES}/example-executor"],
                            cwd=MODULE, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return home / "bin"


def start_scheduler(cluster, programs, codec, **flags):
    flags = {"url": f"http://{cluster.address}/api/v1/scheduler", "codec": codec, "user": USER, "executor": programs / "example-executor",
             "exec.image": "", "server.address": "127.0.0.1", "metrics.port": free_port(), "tasks": TASKS, "cpu": 0.5,
             "memory": 32, "exec.cpu": 0.1, "exec.memory": 32, "maxRefuseSeconds": "100ms", "revive.wait": "100ms",
             "failoverTimeout": "0s", "verbose": "true", **flags}
    return cluster.start(f"go-{codec}", programs / "example-scheduler", *[f"-{name}={value}" for name, value in flags.items()])


def framework_of(cluster, kind):
    found = get_json(cluster.address, "/state")[kind]
    return found[0] if found else None


@pytest.mark.parametrize("codec", ["protobuf", "json"])
def test_the_example_scheduler_runs_its_tasks(cluster, programs, codec):
    """Its executor is fetched from the scheduler's own web server, runs as a custom executor and speaks protobuf."""
    scheduler = start_scheduler(cluster, programs, codec)
    scheduler.wait()
    # It ends by cancelling itself, which it takes for an error: the exit status says nothing.
    assert "mission accomplished, terminating" in scheduler.text(), scheduler.text()
    for number in range(1, TASKS + 1):
        assert f"Task {number} is in state TASK_RUNNING" in scheduler.text()
        assert f"Task {number} is in state TASK_FINISHED" in scheduler.text()
    framework = wait_for("the framework to be completed", lambda: framework_of(cluster, "completed_frameworks"))
    assert framework["name"] == "example"
    assert {t["id"]: t["state"] for t in framework["completed_tasks"] + framework["tasks"]} == {
        str(number): "TASK_FINISHED" for number in range(1, TASKS + 1)}
    assert {t["executor_id"] for t in framework["completed_tasks"]} == {"default"}
    (sandbox,) = cluster.sandboxes(cluster.agents["agent"], "default")
    assert "SUBSCRIBED" in (sandbox / "stderr").read_text()
    wait_for("the executor to be gone", lambda: not get_json(cluster.agents["agent"].address, "/containers"))


def test_its_executor_comes_back_to_a_restarted_agent(cluster, programs):
    """The scheduler, which gives up at the first lost task, is halted so that no launch is under way meanwhile."""
    agent = cluster.agents["agent"]
    scheduler = start_scheduler(cluster, programs, "protobuf", checkpoint="true", tasks=1000, failoverTimeout="1h")
    wait_for("some tasks to be finished", lambda: scheduler.text().count("is in state TASK_FINISHED") >= 3)
    scheduler.kill(signal.SIGSTOP)

    def executor():
        return get_json(agent.address, "/state")["frameworks"][0]["executors"][0]

    wait_for("the executor to have nothing to do", lambda: not executor()["queued_tasks"] and all(
        task["state"] == "TASK_FINISHED" for task in executor()["tasks"]))
    before = executor()["container"]
    (sandbox,) = cluster.sandboxes(agent, "default")
    cluster.kill_agent(agent)
    agent = cluster.start_agent("agent", "--executor_reregistration_timeout=15secs", port=agent.port)
    wait_for("the executor to be back", lambda: (sandbox / "stderr").read_text().count("SUBSCRIBED") == 2)
    assert executor()["container"] == before
    scheduler.kill(signal.SIGCONT)


def test_it_subscribes_again_to_a_restarted_master(cluster, programs):
    scheduler = start_scheduler(cluster, programs, "json", tasks=1000, failoverTimeout="1h")
    wait_for("some tasks to be finished", lambda: scheduler.text().count("is in state TASK_FINISHED") >= 3)
    framework_id = framework_of(cluster, "frameworks")["id"]
    cluster.master.kill()
    cluster.master.wait()
    cluster.start_master()
    wait_for("the scheduler to be back", lambda: (framework_of(cluster, "frameworks") or {}).get("active"))
    assert framework_of(cluster, "frameworks")["id"] == framework_id
    before = scheduler.text().count("is in state TASK_FINISHED")
    wait_for("more tasks to be finished", lambda: scheduler.text().count("is in state TASK_FINISHED") > before + 3)
