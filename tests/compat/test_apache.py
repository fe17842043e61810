# SPDX-License-Identifier: Apache-2.0
"""Apache Mesos 1.11.0's own master with our agent, and its own agent with our master: tests of tests/system and the examples, on such
clusters. The executors are ours; with Apache's agent they are started by our containerizer.py, as its own does not come along."""

import inspect
import os
import pathlib

import pytest

import test_examples
import test_groups
import test_kill9
import test_messages
import test_tasks
import test_volumes
from apache_mesos import build_local
from cluster import BIN, Cluster, free_port, get_json, wait_for
from test_examples import service  # noqa: F401
from test_groups import scheduler, web  # noqa: F401
from test_tasks import file_server  # noqa: F401

VERSION = "1.11.0"
pytestmark = pytest.mark.timeout(600)


class ApacheMaster(Cluster):
    """Apache's master, our agents."""

    def start_master(self):
        command, environment = build_local(VERSION)
        self.master = self.start("apache-master", *command, env={
            **environment, "LIBPROCESS_IP": "127.0.0.1", "LIBPROCESS_PORT": str(self.port), "MESOS_NUM_SLAVES": "0",
            "MESOS_WORK_DIR": str(self.directory / "master"), "MESOS_ALLOCATION_INTERVAL": "50ms"})
        wait_for("Apache's master to answer", lambda: self.answers(self.address, self.master))
        assert get_json(self.address, "/version")["git_sha"] == "04bc7ee1984d86fbb0bd782ccc69ce44c13ae4b9"


class ApacheAgent(Cluster):
    """Our master, Apache's agent."""

    pause_s = 0  # before it knows its paths

    def start_agent(self, name="agent", port=None):
        command, environment = build_local(VERSION)
        launcher = self.directory / "launcher"
        port = port or free_port()
        if not launcher.exists():
            launcher.mkdir()
            for program in ("mesos-executor", "mesos-default-executor", "mesos-fetcher"):
                (launcher / program).symlink_to(BIN / program)
            (launcher / "mesos-containerizer").symlink_to(pathlib.Path(environment["MESOS_LAUNCHER_DIR"]) / "mesos-containerizer")
        agent = self.start("apache-agent", *command, self.port, env={
            **environment, "LIBPROCESS_IP": "127.0.0.1", "LIBPROCESS_PORT": str(port), "MESOS_NUM_SLAVES": "1",
            "MESOS_WORK_DIR": str(self.directory / "apache"), "MESOS_LAUNCHER": "posix", "MESOS_LAUNCHER_DIR": str(launcher),
            "MESOS_ISOLATION": "filesystem/posix,volume/sandbox_path,posix/cpu,posix/mem", "MESOS_RESOURCES": "cpus:4;mem:1024;disk:1024;ports:[31000-31100]",
            "MESOS_REGISTRATION_BACKOFF_FACTOR": "50ms", "PAUSE": str(self.pause_s)})
        agent.port = port
        agent.address = f"127.0.0.1:{port}"
        agent.work_dir = self.directory / "apache" / "agents" / "0" / "work"
        self.agents[name] = agent
        wait_for("Apache's agent to be registered", lambda: self.is_registered(agent))
        (described,) = get_json(self.address, "/slaves")["slaves"]
        assert described["version"] == VERSION
        return agent


@pytest.fixture
def cluster(request, tmp_path):
    c = request.param(tmp_path)
    try:
        c.start_master(*(["--allocation_interval=50ms"] if request.param is ApacheAgent else []))
        c.start_agent()
        yield c
    finally:
        c.stop()


# What a daemon of Apache's can not be asked for here, and why.
NOT_FOR_APACHE = {
    "test_a_scheduler_that_does_not_read_is_cut_and_disturbs_nobody": {ApacheMaster, ApacheAgent},  # a limit that is ours
    # Agents in the process of a driver let containers write to its own output, not to files in the sandbox.
    "test_the_tasks_of_the_pod_share_a_folder": {ApacheAgent},
    "test_each_task_has_a_sandbox_and_output_of_its_own": {ApacheAgent},
    "test_an_executor_that_ignores_its_shutdown_is_killed": {ApacheAgent},
    "test_a_task_group_finishes_together": {ApacheAgent},
    "test_a_command_that_ignores_sigterm_is_killed_after_its_grace_period": {ApacheAgent},
    "test_a_kill_call_may_shorten_the_grace_period": {ApacheAgent},
    "test_a_command_that_heeds_sigterm_ends_in_its_own_time": {ApacheAgent},
    "test_uris_are_in_the_sandbox_before_the_command_runs": {ApacheAgent},
    "test_the_keeper_moves_to_another_agent": {ApacheAgent},  # there is one
    "test_an_agent_that_does_not_know_its_paths_yet_is_waited_for": {ApacheMaster},  # ours listens when it knows them
    # It does not survive that itself: "Failed to rename target resources".
    "test_master_and_agent_agree_after_a_crash_in_the_middle_of_a_reservation": {ApacheAgent},
}
if os.geteuid() != 0:  # ours looks for no users then, and the test expects that
    NOT_FOR_APACHE["test_a_user_that_does_not_exist_loses_the_task"] = {ApacheAgent}


def pytest_generate_tests(metafunc):
    if "cluster" in metafunc.fixturenames:
        kinds = [k for k in (ApacheMaster, ApacheAgent) if k not in NOT_FOR_APACHE.get(metafunc.function.__name__, ())]
        metafunc.parametrize("cluster", kinds, indirect=True, ids=[k.__name__ for k in kinds])


def test_an_agent_that_does_not_know_its_paths_yet_is_waited_for(cluster):
    """Apache's answers 404 for a moment when it starts. A pause longer than an executor's makes sure that it meets one."""
    cluster.pause_s = 3
    test_kill9.test_killed_agent_comes_back_and_its_task_goes_on(cluster)


def all_of(module):
    """The tests that want a cluster, not flags of their own for it."""
    tests = {name: test for name, test in vars(module).items() if name.startswith("test_")}
    wants = {name: set(inspect.signature(test).parameters) for name, test in tests.items()}
    return {name: test for name, test in tests.items() if "cluster" in wants[name] and "empty_cluster" not in wants[name]
            and NOT_FOR_APACHE.get(name) != {ApacheMaster, ApacheAgent}}


for tested in (test_examples, test_groups, test_kill9, test_messages, test_tasks, test_volumes):
    globals().update(all_of(tested))
