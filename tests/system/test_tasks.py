# SPDX-License-Identifier: Apache-2.0
"""What a task may ask for: grace periods, users, files fetched, checks, time limits; many quick ones; groups."""

import contextlib
import grp
import http.server
import io
import json
import os
import pathlib
import pwd
import shutil
import sys
import tarfile
import tempfile
import threading
import time

import pytest

from cluster import BIN, USER, get_json, is_alive, wait_for
from scheduler import Scheduler

ECHO = f"{sys.executable} {pathlib.Path(__file__).parent / 'echo_executor.py'}"
DEAF = 'trap "" TERM; echo ready; while true; do sleep 0.05; done'


@pytest.fixture
def scheduler(cluster):
    s = Scheduler(cluster.address, capabilities=("MULTI_ROLE", "TASK_KILLING_STATE"))
    yield s
    s.close()


def sandbox_of(cluster, executor_id):
    (sandbox,) = cluster.sandboxes(cluster.agents["agent"], executor_id)
    return sandbox


def output_of(cluster, executor_id):
    return (sandbox_of(cluster, executor_id) / "stdout").read_text()


# Grace periods


def test_a_command_that_ignores_sigterm_is_killed_after_its_grace_period(cluster, scheduler):
    scheduler.launch("deaf", DEAF, kill_policy={"grace_period": {"nanoseconds": 300_000_000}})
    scheduler.expect("deaf", "TASK_RUNNING")
    wait_for("the trap", lambda: "ready" in output_of(cluster, "deaf"))
    begin = time.monotonic()
    scheduler.kill("deaf")
    scheduler.expect("deaf", "TASK_KILLING")
    status = scheduler.expect("deaf", "TASK_KILLED")
    assert time.monotonic() - begin >= 0.3
    assert "Killed" in status["message"]


def test_a_kill_call_may_shorten_the_grace_period(cluster, scheduler):
    scheduler.launch("deaf", DEAF, kill_policy={"grace_period": {"nanoseconds": 3600_000_000_000}})
    scheduler.expect("deaf", "TASK_RUNNING")
    wait_for("the trap", lambda: "ready" in output_of(cluster, "deaf"))
    scheduler.call("KILL", kill={"task_id": {"value": "deaf"},
                                 "kill_policy": {"grace_period": {"nanoseconds": 100_000_000}}})
    scheduler.expect("deaf", "TASK_KILLED")


def test_a_command_that_heeds_sigterm_ends_in_its_own_time(cluster, scheduler):
    scheduler.launch("tidy", 'trap "echo tidied up; exit 0" TERM; echo ready; while true; do sleep 0.05; done',
                     kill_policy={"grace_period": {"nanoseconds": 60_000_000_000}})
    scheduler.expect("tidy", "TASK_RUNNING")
    wait_for("the trap", lambda: "ready" in output_of(cluster, "tidy"))
    scheduler.kill("tidy")
    scheduler.expect("tidy", "TASK_KILLED")
    assert "tidied up" in output_of(cluster, "tidy")


def test_an_executor_that_ignores_its_shutdown_is_killed(cluster, scheduler):
    executor = scheduler.executor("mule", ECHO + " stubborn",
                                  shutdown_grace_period={"nanoseconds": 300_000_000})
    scheduler.launch("load", None, executor=executor)
    scheduler.expect("load", "TASK_RUNNING")
    pid = int(output_of(cluster, "mule").split("pid ")[1].split()[0])
    scheduler.call("SHUTDOWN", shutdown={"executor_id": {"value": "mule"}, "agent_id": scheduler.agents["load"]})
    failure = scheduler.next("FAILURE")["failure"]
    assert failure["executor_id"] == {"value": "mule"}
    assert os.WIFSIGNALED(failure["status"]) and os.WTERMSIG(failure["status"]) == 9
    assert not is_alive(pid)
    assert "shutdown" in output_of(cluster, "mule")


def test_a_task_has_its_time_and_no_more(cluster, scheduler):
    scheduler.launch("slow", "sleep 1000", max_completion_time={"nanoseconds": 300_000_000})
    status = scheduler.expect("slow", "TASK_FAILED")
    assert status["reason"] == "REASON_MAX_COMPLETION_TIME_REACHED"


# Users


@pytest.fixture
def open_agent(empty_cluster):
    """What its executors need is open to every user, wherever the build folder is."""
    with tempfile.TemporaryDirectory() as programs:
        for name in ("mesos-executor", "mesos-containerizer-monitor", "mesos-fetcher"):
            shutil.copy(BIN / name, programs)
        os.chmod(programs, 0o755)
        empty_cluster.directory.chmod(0o755)
        empty_cluster.start_master()
        empty_cluster.start_agent("agent", f"--launcher_dir={programs}")
        yield empty_cluster


def test_a_task_runs_as_the_user_it_names(open_agent):
    """An agent of somebody else than root runs everything as itself."""
    user = "nobody" if os.geteuid() == 0 else USER
    with contextlib.closing(Scheduler(open_agent.address)) as scheduler:
        scheduler.launch("who", {"value": "id -un; id -gn; echo $USER; touch mine", "user": "nobody"})
        scheduler.expect("who", "TASK_FINISHED")
    sandbox = sandbox_of(open_agent, "who")
    entry = pwd.getpwnam(user)
    assert output_of(open_agent, "who").splitlines()[-3:-1] == [user, grp.getgrgid(entry.pw_gid).gr_name]
    assert (sandbox / "mine").stat().st_uid == entry.pw_uid
    assert sandbox.stat().st_uid == entry.pw_uid


def test_a_user_that_does_not_exist_loses_the_task(cluster, scheduler):
    scheduler.launch("ghost", {"value": "true", "user": "no-such-user"})
    if os.geteuid() != 0:  # nobody else is looked for
        scheduler.expect("ghost", "TASK_FINISHED")
        return
    status = scheduler.expect("ghost", "TASK_LOST")
    assert (status["source"], status["reason"]) == ("SOURCE_AGENT", "REASON_EXECUTOR_TERMINATED")
    assert "no-such-user" in status["message"]


# Files


@pytest.fixture
def file_server(tmp_path):
    """A folder behind HTTP."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **members):
            super().__init__(*arguments, directory=str(folder), **members)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.folder = folder
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def make_archive(path, name, text):
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))


def test_uris_are_in_the_sandbox_before_the_command_runs(cluster, scheduler, file_server):
    (file_server.folder / "plain.txt").write_text("plain\n")
    (file_server.folder / "tool").write_text("#!/bin/sh\necho tool ran\n")
    make_archive(file_server.folder / "pack.tar.gz", "inside/file.txt", "packed\n")
    local = cluster.directory / "local.txt"
    local.write_text("local\n")
    uris = [{"value": f"{file_server.url}/plain.txt"}, {"value": f"{file_server.url}/tool", "executable": True},
            {"value": f"{file_server.url}/pack.tar.gz"}, {"value": str(local)},
            {"value": f"{file_server.url}/plain.txt", "output_file": "below/renamed.txt"},
            {"value": f"{file_server.url}/pack.tar.gz", "extract": False, "output_file": "kept.tar.gz"}]
    scheduler.launch("fetch", {"value": "cat plain.txt local.txt inside/file.txt below/renamed.txt && ./tool && test -f kept.tar.gz",
                               "uris": uris})
    scheduler.expect("fetch", "TASK_FINISHED")
    assert output_of(cluster, "fetch").split("Forked")[-1].count("plain") == 2
    for word in ["local", "packed", "tool ran"]:
        assert word in output_of(cluster, "fetch")


def test_a_uri_that_is_not_there_fails_the_task(cluster, scheduler, file_server):
    scheduler.launch("missing", {"value": "true", "uris": [{"value": f"{file_server.url}/nothing"}]})
    status = scheduler.expect("missing", "TASK_FAILED")
    assert status["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
    assert "fetch" in status["message"]


def test_an_archive_can_not_write_outside_the_sandbox(cluster, scheduler, file_server):
    make_archive(file_server.folder / "evil.tar.gz", "../../../evil.txt", "evil\n")
    scheduler.launch("evil", {"value": "true", "uris": [{"value": f"{file_server.url}/evil.tar.gz"}]})
    assert scheduler.expect("evil", "TASK_FAILED")["source"] == "SOURCE_AGENT"
    assert not list(cluster.directory.glob("**/evil.txt"))


# Checks


def test_a_failing_health_check_kills_the_task(scheduler):
    scheduler.launch("ill", "sleep 1000", health_check={
        "type": "COMMAND", "command": {"value": "exit 1"}, "delay_seconds": 0, "interval_seconds": 0.1,
        "grace_period_seconds": 0, "consecutive_failures": 2})
    status = scheduler.expect("ill", "TASK_RUNNING")
    while "healthy" not in status:
        status = scheduler.expect("ill", "TASK_RUNNING")
    assert status["healthy"] is False
    assert status["reason"] == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
    ended = scheduler.expect("ill", "TASK_KILLED")
    assert ended["healthy"] is False


def test_a_passing_health_check_says_healthy(scheduler):
    scheduler.launch("fit", "touch ready; sleep 1000", health_check={
        "type": "COMMAND", "command": {"value": "test -f ready"}, "delay_seconds": 0, "interval_seconds": 0.1})
    status = scheduler.expect("fit", "TASK_RUNNING")
    while not status.get("healthy"):
        status = scheduler.expect("fit", "TASK_RUNNING")
    scheduler.kill("fit")
    scheduler.expect("fit", "TASK_KILLED")


def test_checks_over_tcp_and_http_report_what_they_see(scheduler, file_server):
    (file_server.folder / "index.txt").write_text("")
    scheduler.launch("http", "sleep 1000", check={
        "type": "HTTP", "http": {"port": file_server.server_port, "path": "/index.txt"},
        "delay_seconds": 0, "interval_seconds": 0.1})
    status = scheduler.expect("http", "TASK_RUNNING")
    while "status_code" not in status.get("check_status", {}).get("http", {}):
        status = scheduler.expect("http", "TASK_RUNNING")
    assert status["check_status"]["http"]["status_code"] == 200
    scheduler.launch("tcp", "sleep 1000", check={
        "type": "TCP", "tcp": {"port": file_server.server_port}, "delay_seconds": 0, "interval_seconds": 0.1})
    status = scheduler.expect("tcp", "TASK_RUNNING")
    while "succeeded" not in status.get("check_status", {}).get("tcp", {}):
        status = scheduler.expect("tcp", "TASK_RUNNING")
    assert status["check_status"]["tcp"]["succeeded"] is True


# Many


def test_two_hundred_quick_tasks_on_one_agent(cluster, scheduler):
    """All at once as far as the agent's processors go; every one finishes and leaves nothing behind."""
    names = [f"quick-{n}" for n in range(200)]
    waiting, finished = list(names), set()
    while len(finished) < len(names):
        while scheduler.updates:
            status = scheduler.updates.pop(0)
            scheduler.acknowledge(status)
            if status["state"] == "TASK_FINISHED":
                assert status["task_id"]["value"] not in finished
                finished.add(status["task_id"]["value"])
            else:
                assert status["state"] in ("TASK_STARTING", "TASK_RUNNING"), status
        while scheduler.offers and waiting:
            offer = scheduler.offers.pop(0)
            cpus = sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == "cpus")
            batch = [waiting.pop(0) for _ in range(min(int(cpus / 0.1 + 0.001), len(waiting)))]
            tasks = [{"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"], "command": {"value": "true"},
                      "resources": [{"name": kind, "type": "SCALAR", "scalar": {"value": value}}
                                    for kind, value in [("cpus", 0.1), ("mem", 8)]]} for name in batch]
            scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0},
                                             "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]})
        if len(finished) < len(names) and not scheduler.updates:
            scheduler.next_any()
    assert finished == set(names)
    wait_for("the agent to be free",
             lambda: get_json(cluster.address, "/slaves")["slaves"][0]["used_resources"]["cpus"] == 0)
    wait_for("the executors to be gone", lambda: not get_json(cluster.agents["agent"].address, "/containers"))


# Groups


def group_task(name, command):
    return {"name": name, "task_id": {"value": name}, "agent_id": {"value": ""}, "command": {"value": command},
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                          {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]}


def run_group(cluster, *tasks):
    return cluster.run("mesos-execute", f"--master={cluster.address}",
                       "--task_group=" + json.dumps({"tasks": list(tasks)}))


def test_a_task_group_finishes_together(cluster):
    result = run_group(cluster, group_task("one", "echo first; true"), group_task("two", "echo second; sleep 0.2"))
    assert result.returncode == 0, result.stdout + result.stderr
    for name in ("one", "two"):
        assert f"TASK_FINISHED for task '{name}'" in result.stdout
    outputs = [p.read_text() for p in cluster.agents["agent"].work_dir.glob("slaves/*/frameworks/*/executors/*/runs/latest/**/stdout")]
    assert any("first" in text for text in outputs) and any("second" in text for text in outputs)


def test_a_failed_task_takes_its_group_along(cluster):
    result = run_group(cluster, group_task("bad", "sleep 0.2; exit 4"), group_task("good", "sleep 1000"))
    assert result.returncode == 1
    assert "TASK_FAILED for task 'bad'" in result.stdout
    assert "TASK_KILLED for task 'good'" in result.stdout
