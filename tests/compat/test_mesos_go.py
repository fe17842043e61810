# SPDX-License-Identifier: Apache-2.0
"""The programs of mesos-go, unmodified, built from the Go module proxy, on our daemons: the examples of its v1 API, those of its
v0 API, which has its own libprocess, and msh and mwatch."""

import os
import pathlib
import signal
import subprocess

import pytest

from cluster import DEADLINE_S, ROOT, USER, free_port, get_json, wait_for
from zookeeper import ZooKeeper, lead

# The first build takes minutes on a slow machine.
pytestmark = pytest.mark.timeout(1800)
MODULE = pathlib.Path(__file__).parent / "go"
API = "github.com/mesos/mesos-go/api"
PROGRAMS = [f"{API}/v0/examples/{name}" for name in ("scheduler", "executor")] + [
    f"{API}/v1/cmd/{name}" for name in ("example-scheduler", "example-executor", "msh", "mwatch")]
TASKS = 12


@pytest.fixture(scope="session")
def programs():
    """The folder of the programs; all that Go keeps is below build/go. msh wants a C compiler too."""
    home = ROOT / "build" / "go"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOPATH": str(home), "GOCACHE": str(home / "cache"), "CGO_ENABLED": "1",
                   "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false"}
    environment.pop("GOBIN", None)
    result = subprocess.run(["go", "build", "-o", f"{home / 'bin'}/", *PROGRAMS], cwd=MODULE, env=environment,
                            capture_output=True, text=True, check=False)
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


@pytest.mark.parametrize("found", ["by_address", "in_zookeeper"])
def test_the_v0_example_scheduler_runs_its_tasks(cluster, programs, tmp_path, found):
    """Scheduler and executor are libprocess peers written in Go; the executor is fetched from the scheduler's own web server."""
    zookeeper = ZooKeeper(tmp_path / "zk") if found == "in_zookeeper" else None
    try:
        master = cluster.address
        if zookeeper:
            lead(zookeeper.client(), master)
            master = f"zk://{zookeeper.address}/mesos"
        scheduler = cluster.start("go-v0", programs / "scheduler", f"-master={master}", f"-executor={programs / 'executor'}",
                                  f"-artifactPort={free_port()}", f"-task-count={TASKS}", "-logtostderr")
        assert scheduler.wait() == 0, scheduler.text()
    finally:
        if zookeeper:
            zookeeper.close()
    text = scheduler.text()
    assert "Framework Registered with Master" in text and "framework terminating" in text
    for number in range(1, TASKS + 1):
        for state in ("RUNNING", "FINISHED"):
            assert f"task {number}  is in state  TASK_{state}" in text, text
    framework = wait_for("the framework to be completed", lambda: framework_of(cluster, "completed_frameworks"))
    assert (framework["name"], framework["user"]) == ("Test Framework (Go)", USER)
    tasks = framework["completed_tasks"] + framework["tasks"]
    assert {t["id"]: t["state"] for t in tasks} == {str(number): "TASK_FINISHED" for number in range(1, TASKS + 1)}
    (sandbox,) = cluster.sandboxes(cluster.agents["agent"], "default")
    output = (sandbox / "stdout").read_text()
    assert "Registered Executor on slave" in output and f"Total tasks launched  {TASKS}\n" in output
    wait_for("the executor to be gone", lambda: not get_json(cluster.agents["agent"].address, "/containers"))


@pytest.mark.parametrize("as_pod", [False, True])
def test_msh_runs_a_command_while_mwatch_looks_on(cluster, programs, as_pod):
    """msh is a scheduler for a command or, as a pod, for a task group; mwatch reads the operators' stream of events."""
    watch = cluster.start("mwatch", programs / "mwatch", "-master=127.0.0.1", f"-port={cluster.port}")
    wait_for("mwatch to be subscribed", lambda: get_json(
        cluster.address, "/metrics/snapshot")["master/operator_event_stream_subscribers"] == 1)

    def run(name, command):
        return subprocess.run([programs / "msh", f"-master={cluster.address}", f"-task_name={name}", f"-user={USER}",
                               f"-pod={as_pod}", "--", "sh", "-c", command],
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    good, bad = run("good", "echo hello from msh"), run("bad", "exit 7")
    assert good.returncode == 0 and "TASK_FINISHED" in good.stderr, good.stderr
    assert bad.returncode != 0 and "TASK_FAILED" in bad.stderr, bad.stderr
    outputs = [path.read_text() for path in cluster.agents["agent"].work_dir.rglob("stdout") if "latest" not in path.parts]
    assert any("hello from msh\n" in output for output in outputs), outputs
    wait_for("mwatch to have seen both", lambda: watch.text().count("FRAMEWORK_REMOVED") == 2)
    events = [line.split()[0] for line in watch.text().splitlines()]
    for kind in ("FRAMEWORK_ADDED", "TASK_ADDED"):
        assert events.count(kind) == 2, events
    for state in ("STARTING", "RUNNING", "FINISHED", "FAILED"):
        assert any(f" TASK_{state}" in line for line in watch.text().splitlines() if line.startswith("TASK_UPDATED")), watch.text()
