# SPDX-License-Identifier: Apache-2.0
"""The example frameworks of examples/ on real daemons."""

import os
import re
import signal

import pytest

from cluster import BIN, get_json, is_alive, wait_for


def start(cluster, name, *arguments):
    return cluster.start(name, BIN / name, f"--master={cluster.address}", *arguments)


def run(cluster, name, *arguments):
    result = cluster.run(name, f"--master={cluster.address}", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def frameworks(cluster, kind):
    return [f["id"] for f in get_json(cluster.address, "/frameworks")[kind]]


def test_hello_greets_five_tasks(cluster):
    assert "5 tasks, 5 messages, DRIVER_STOPPED" in run(cluster, "example-hello")


def test_the_queue_runs_its_jobs_and_gives_up_on_hopeless_ones(cluster, tmp_path):
    marker = tmp_path / "marker"
    result = cluster.run("example-queue", f"--master={cluster.address}", f"--state={tmp_path / 'queue'}", "true",
                         f"test -e {marker} || {{ touch {marker}; exit 1; }}", "exit 3")
    assert result.returncode == 1, result.stderr
    assert "2 done, 1 failed" in result.stdout
    assert "job-1.1 is TASK_FAILED" in result.stdout and "job-1.2 is TASK_FINISHED" in result.stdout
    assert [line.split(" ", 2)[:2] for line in (tmp_path / "queue").read_text().splitlines()[1:]] == [
        ["done", "1"], ["done", "2"], ["failed", "3"]]


def test_the_queue_goes_on_where_it_was_killed(cluster, tmp_path):
    state, go = tmp_path / "queue", tmp_path / "go"
    commands = [f"echo {i} >> {tmp_path / 'ran'}; until [ -e {go} ]; do sleep 0.05; done" for i in range(3)]
    first = start(cluster, "example-queue", f"--state={state}", *commands)
    wait_for("all jobs to run", lambda: first.text().count("TASK_RUNNING") == 3)
    identity = re.search(r"registered as (\S+)", first.text()).group(1)
    first.kill(signal.SIGKILL)
    first.wait()
    second = cluster.start("second", BIN / "example-queue", f"--master={cluster.address}", f"--state={state}")
    wait_for("the takeover", lambda: "registered again" in second.text())
    assert f"registered again as {identity}" in second.text()
    go.touch()
    assert second.wait() == 0, second.text()
    assert "3 done, 0 failed" in second.text()
    # No job has been run twice, and it was one framework all along.
    assert sorted((tmp_path / "ran").read_text().split()) == ["0", "1", "2"]
    assert frameworks(cluster, "completed_frameworks") == [identity]


@pytest.mark.parametrize("moment", range(3))
def test_the_queue_loses_no_job_whenever_it_is_killed(cluster, tmp_path, moment):
    state, ran = tmp_path / "queue", tmp_path / "ran"
    commands = [f"echo {i} >> {ran}" for i in range(4)]
    first = start(cluster, "example-queue", f"--state={state}", *commands)
    wait_for("some of its life", lambda: first.text().count("\n") >= 1 + 3 * moment)
    first.kill(signal.SIGKILL)
    first.wait()
    assert "4 done, 0 failed" in run(cluster, "example-queue", f"--state={state}")
    assert set(ran.read_text().split()) == {"0", "1", "2", "3"}


@pytest.fixture
def service(cluster):
    """Three instances, each with its process id in its sandbox, healthy while there is no file `sick` there."""
    keeper = start(cluster, "example-keeper", "--instances=3", "--command=echo $$ > pid; exec sleep 1000",
                   "--check=! test -e sick")
    wait_for("three healthy instances", lambda: len(set(re.findall("(.*) is TASK_RUNNING, healthy", keeper.text()))) == 3)
    return keeper


def sandbox(cluster, instance):
    (folder,) = cluster.sandboxes(cluster.agents["agent"], instance)
    return folder


def test_the_keeper_replaces_an_instance_that_dies(cluster, service):
    os.kill(int((sandbox(cluster, "instance-2") / "pid").read_text()), signal.SIGKILL)
    wait_for("a replacement", lambda: "instance-4 is TASK_RUNNING, healthy" in service.text())
    assert "instance-2 is TASK_FAILED" in service.text()


def test_the_keeper_replaces_an_instance_that_is_unhealthy(cluster, service):
    (sandbox(cluster, "instance-1") / "sick").touch()
    wait_for("a replacement", lambda: "instance-4 is TASK_RUNNING, healthy" in service.text())
    assert "instance-1 is TASK_RUNNING, unhealthy" in service.text()
    assert re.search("instance-1 is TASK_(FAILED|KILLED), unhealthy", service.text())


def test_the_keeper_moves_to_another_agent(cluster, service):
    other = cluster.start_agent("other")
    cluster.agents["agent"].kill(signal.SIGUSR1)
    wait_for("three replacements", lambda: all(f"instance-{i} is TASK_RUNNING, healthy" in service.text() for i in (4, 5, 6)))
    identity = next(s["id"] for s in get_json(cluster.address, "/slaves")["slaves"] if s["pid"].endswith(f":{other.port}"))
    assert service.text().count(f"on {identity}") == 3


def test_the_keeper_takes_its_service_along_when_it_is_stopped(cluster, service):
    pids = [int((sandbox(cluster, f"instance-{i}") / "pid").read_text()) for i in (1, 2, 3)]
    assert all(is_alive(pid) for pid in pids)
    service.kill(signal.SIGTERM)
    assert service.wait() == 0
    assert frameworks(cluster, "frameworks") == []
    wait_for("the instances to end", lambda: not any(is_alive(pid) for pid in pids))


def test_the_volume_keeps_a_note_from_one_task_to_the_next(cluster):
    text = run(cluster, "example-volume")
    steps = ["reserved 32 MiB", "writer is TASK_FINISHED", "launched the reader", "reader is TASK_FINISHED",
             "destroyed the volume", "nothing is reserved any more"]
    assert [text.find(step) >= 0 for step in steps] == [True] * len(steps), text
    assert sorted(steps, key=text.find) == steps
    (agent,) = get_json(cluster.address, "/slaves")["slaves"]
    assert agent["reserved_resources"] == {}
    # What is left of the volume on the agent's disk.
    assert not list(cluster.agents["agent"].work_dir.glob("volumes/roles/*/*"))


def test_the_tasks_of_the_pod_share_a_folder(cluster):
    text = run(cluster, "example-pod")
    assert "producer is TASK_FINISHED" in text and "consumer is TASK_FINISHED" in text
    notes = [p for p in cluster.agents["agent"].work_dir.glob("slaves/*/frameworks/*/executors/pod/runs/latest/containers/*/stdout")
             if "a note from the producer" in p.read_text()]
    assert len(notes) == 1
