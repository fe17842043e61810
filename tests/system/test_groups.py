# SPDX-License-Identifier: Apache-2.0
"""Task groups on the default executor: what its tasks share, what each has of its own, and how they end together."""

import http.server
import json
import threading

import pytest

from cluster import get_json, wait_for
from scheduler import Scheduler

SHARED = {"type": "MESOS", "volumes": [{
    "container_path": "common", "mode": "RW",
    "source": {"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": "shared"}}}]}
EXECUTOR = {"cpus": 0.1, "mem": 32, "disk": 16}
DEAF = 'trap "" TERM; touch ready; while true; do sleep 0.05; done'


def scalars(**amounts):
    return [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in amounts.items()]


class Groups(Scheduler):
    """A scheduler that keeps the states of all tasks; ended[task] is the last status."""

    def __init__(self, address, **options):
        super().__init__(address, capabilities=("MULTI_ROLE", "TASK_KILLING_STATE"), **options)
        self.states, self.statuses, self.ended = {}, [], {}

    def launch_group(self, *tasks, executor_id="pod"):
        """Each task is a name, a command and further members."""
        offer = self.offer()
        infos = [{"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"], "resources": scalars(cpus=0.1, mem=32),
                  "command": {"value": command}, **members} for name, command, members in tasks]
        executor = {"type": "DEFAULT", "executor_id": {"value": executor_id}, "resources": scalars(**EXECUTOR),
                    "framework_id": {"value": self.framework_id}}
        self.call("ACCEPT", accept={"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}, "operations": [
            {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": infos}}}]})

    def until(self, condition):
        while not condition():
            self.next("UPDATE")
            while self.updates:
                status = self.updates.pop(0)
                self.acknowledge(status)
                name = status["task_id"]["value"]
                self.statuses.append(status)
                self.states.setdefault(name, []).append(status["state"])
                if status["state"] not in ("TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"):
                    self.ended[name] = status

    def until_running(self, *names):
        self.until(lambda: all("TASK_RUNNING" in self.states.get(name, []) for name in names))

    def until_ended(self, *names):
        self.until(lambda: all(name in self.ended for name in names))
        return [self.ended[name]["state"] for name in names]


@pytest.fixture
def scheduler(cluster):
    s = Groups(cluster.address)
    yield s
    s.close()


def sandbox(cluster, executor_id="pod"):
    (path,) = cluster.sandboxes(cluster.agents["agent"], executor_id)
    return path


def test_tasks_share_a_folder_of_the_executors_sandbox(cluster, scheduler):
    scheduler.launch_group(("writer", "echo word > common/new && mv common/new common/file", {"container": SHARED}),
                           ("reader", "until [ -f common/file ]; do sleep 0.05; done; cat common/file", {"container": SHARED}))
    assert scheduler.until_ended("writer", "reader") == ["TASK_FINISHED", "TASK_FINISHED"]
    assert (sandbox(cluster) / "shared" / "file").read_text() == "word\n"


def test_a_task_without_the_volume_does_not_see_the_folder(cluster, scheduler):
    scheduler.launch_group(("with", "touch common/file", {"container": SHARED}), ("without", "! [ -e common ]", {}))
    assert scheduler.until_ended("with", "without") == ["TASK_FINISHED", "TASK_FINISHED"]


def test_each_task_has_a_sandbox_and_output_of_its_own(cluster, scheduler):
    scheduler.launch_group(("one", "echo out-one; echo err-one >&2; pwd > where", {}), ("two", "echo out-two; echo err-two >&2", {}))
    assert scheduler.until_ended("one", "two") == ["TASK_FINISHED", "TASK_FINISHED"]
    tasks = sandbox(cluster) / "tasks"
    for name in ("one", "two"):
        assert (tasks / name).is_symlink()
        # The fetcher and the monitor write nothing there: it is all the command's.
        assert (tasks / name / "stdout").read_text() == f"out-{name}\n"
        assert (tasks / name / "stderr").read_text() == f"err-{name}\n"
    assert (tasks / "one" / "where").read_text().strip() == str((tasks / "one").resolve())


def test_tasks_find_their_sandbox_role_and_address_in_the_environment(cluster, scheduler):
    command = {"value": 'test "$MESOS_SANDBOX" = "$(pwd)" && test "$MESOS_ALLOCATION_ROLE" = "*" && test "$OWN" = value && '
                        'test "$MESOS_CONTAINER_IP" = 127.0.0.1 && test -n "$PATH" && ! env | grep -E "MESOS_(EXECUTOR|FRAMEWORK|SLAVE)"',
               "environment": {"variables": [{"name": "OWN", "value": "value"}]}}
    scheduler.launch_group(("t", "", {"command": command}))
    assert scheduler.until_ended("t") == ["TASK_FINISHED"]


def test_a_killed_task_takes_its_group_along_but_no_other(cluster, scheduler):
    scheduler.launch_group(("a1", "sleep 1000", {}), ("a2", "sleep 1000", {}))
    scheduler.launch_group(("b", "sleep 1000", {}))
    scheduler.until_running("a1", "a2", "b")
    assert len(cluster.sandboxes(cluster.agents["agent"], "pod")) == 1
    scheduler.kill("a1")
    assert scheduler.until_ended("a1", "a2") == ["TASK_KILLED", "TASK_KILLED"]
    assert scheduler.states["a1"][-2:] == ["TASK_KILLING", "TASK_KILLED"]
    scheduler.reconcile("b")
    scheduler.until(lambda: scheduler.statuses[-1]["task_id"]["value"] == "b")
    assert scheduler.statuses[-1]["state"] == "TASK_RUNNING"


def test_a_finished_task_leaves_its_group_alone(cluster, scheduler):
    scheduler.launch_group(("short", "true", {}), ("long", "sleep 1000", {}))
    assert scheduler.until_ended("short") == ["TASK_FINISHED"]
    scheduler.reconcile("long")
    scheduler.until(lambda: scheduler.statuses[-1]["task_id"]["value"] == "long" and "reason" in scheduler.statuses[-1])
    assert scheduler.statuses[-1]["state"] == "TASK_RUNNING"


def test_one_invalid_task_keeps_the_group_from_being_launched(cluster, scheduler):
    scheduler.launch_group(("good", "true", {}), ("bad", "true", {"kill_policy": {"grace_period": {"nanoseconds": -1}}}))
    assert scheduler.until_ended("good", "bad") == ["TASK_ERROR", "TASK_ERROR"]
    assert scheduler.ended["good"]["reason"] == "REASON_TASK_GROUP_INVALID"
    assert get_json(cluster.agents["agent"].address, "/containers") == []


def test_a_task_that_can_not_be_launched_fails_the_group(cluster, scheduler):
    missing = {"command": {"value": "true", "uris": [{"value": "/no/such/file"}]}}
    scheduler.launch_group(("good", "sleep 1000", {}), ("bad", "", missing))
    assert sorted(scheduler.until_ended("good", "bad")) == ["TASK_FAILED", "TASK_KILLED"]
    assert scheduler.ended["bad"]["state"] == "TASK_FAILED"


def test_a_task_that_ignores_sigterm_is_killed_after_its_grace_period(cluster, scheduler):
    policy = {"kill_policy": {"grace_period": {"nanoseconds": 200_000_000}}}
    scheduler.launch_group(("deaf", DEAF, policy))
    wait_for("the trap to be set", lambda: list(sandbox_glob(cluster, "tasks/deaf/ready")))
    scheduler.until_running("deaf")
    scheduler.kill("deaf")
    assert scheduler.until_ended("deaf") == ["TASK_KILLED"]
    assert "Killed" in scheduler.ended["deaf"]["message"]


def test_the_kill_call_may_bring_another_policy(cluster, scheduler):
    scheduler.launch_group(("deaf", DEAF, {"kill_policy": {"grace_period": {"nanoseconds": 3600 * 10**9}}}))
    wait_for("the trap to be set", lambda: list(sandbox_glob(cluster, "tasks/deaf/ready")))
    scheduler.until_running("deaf")
    scheduler.call("KILL", kill={"task_id": {"value": "deaf"}, "kill_policy": {"grace_period": {"nanoseconds": 0}}})
    assert scheduler.until_ended("deaf") == ["TASK_KILLED"]


def test_a_task_has_its_time_and_no_more(cluster, scheduler):
    scheduler.launch_group(("slow", "sleep 1000", {"max_completion_time": {"nanoseconds": 200_000_000}}), ("other", "sleep 1000", {}))
    assert scheduler.until_ended("slow", "other") == ["TASK_FAILED", "TASK_KILLED"]
    assert scheduler.ended["slow"]["reason"] == "REASON_MAX_COMPLETION_TIME_REACHED"


def sandbox_glob(cluster, pattern):
    for path in cluster.sandboxes(cluster.agents["agent"], "pod"):
        yield from path.glob(pattern)


# Checks


@pytest.fixture
def web():
    """Answers with the status that `status` is."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(server.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status = 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


OFTEN = {"delay_seconds": 0, "interval_seconds": 0.1}


@pytest.mark.parametrize("kind, expected", [("COMMAND", {"exit_code": 3}), ("HTTP", {"status_code": 204}),
                                            ("TCP", {"succeeded": True})])
def test_checks_of_tasks_in_groups_report_what_they_see(cluster, scheduler, web, kind, expected):
    web.status = 204
    part = {"COMMAND": {"command": {"value": "[ -f own ] && exit 3"}}, "HTTP": {"port": web.server_port, "path": "/"},
            "TCP": {"port": web.server_port}}[kind]
    scheduler.launch_group(("t", "touch own; sleep 1000", {"check": {"type": kind, kind.lower(): part, **OFTEN}}))
    scheduler.until(lambda: any(s.get("reason") == "REASON_TASK_CHECK_STATUS_UPDATED" and
                                s["check_status"][kind.lower()] == expected for s in scheduler.statuses))
    assert scheduler.statuses[0]["check_status"] == {"type": kind, kind.lower(): {}}


@pytest.mark.parametrize("kind", ["COMMAND", "HTTP", "TCP"])
def test_a_failing_health_check_kills_task_and_group(cluster, scheduler, web, kind):
    web.status = 500
    part = {"COMMAND": {"value": "exit 1"}, "HTTP": {"port": web.server_port, "path": "/", "scheme": "http"},
            "TCP": {"port": 1}}[kind]
    scheduler.launch_group(("ill", "sleep 1000", {"health_check": {
        "type": kind, kind.lower(): part, **OFTEN, "grace_period_seconds": 0, "consecutive_failures": 2}}), ("other", "sleep 1000", {}))
    assert scheduler.until_ended("ill", "other") == ["TASK_KILLED", "TASK_KILLED"]
    told = [s for s in scheduler.statuses if s.get("reason") == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"]
    assert [s["healthy"] for s in told] == [False, False]


@pytest.mark.parametrize("kind", ["COMMAND", "HTTP", "TCP"])
def test_a_passing_health_check_says_healthy(cluster, scheduler, web, kind):
    part = {"COMMAND": {"value": "true"}, "HTTP": {"port": web.server_port, "path": "/"}, "TCP": {"port": web.server_port}}[kind]
    scheduler.launch_group(("fit", "sleep 1000", {"health_check": {"type": kind, kind.lower(): part, **OFTEN}}))
    scheduler.until(lambda: any(s.get("healthy") for s in scheduler.statuses))


# Restarts


def test_a_group_survives_a_restart_of_the_agent(cluster):
    scheduler = Groups(cluster.address, checkpoint=True, failover_timeout=600)
    scheduler.launch_group(("one", "until [ -f go ]; do sleep 0.05; done", {}), ("two", "sleep 1000", {}))
    scheduler.until_running("one", "two")
    agent = cluster.agents["agent"]
    cluster.kill_agent(agent)
    cluster.start_agent("agent", port=agent.port)
    (next(sandbox_glob(cluster, "tasks/one")) / "go").touch()
    assert scheduler.until_ended("one") == ["TASK_FINISHED"]
    scheduler.kill("two")
    assert scheduler.until_ended("two") == ["TASK_KILLED"]
    scheduler.close()


def test_the_operator_api_shows_what_is_nested(cluster, scheduler):
    scheduler.launch_group(("t", "sleep 1000", {}))
    scheduler.until_running("t")
    containers = get_json(cluster.agents["agent"].address, "/containers")
    assert [c["executor_id"] for c in containers] == ["pod"], json.dumps(containers)
