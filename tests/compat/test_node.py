# SPDX-License-Identifier: Apache-2.0
"""mesos-framework 0.5.3 from npm, unmodified: a scheduler in Node.js (node/framework.js) on our daemons.

It takes each chunk of the HTTP response for one event, as the chunks of Mesos's master are; so ours must be, too. Its own
executor subscribes without what Mesos demands of a subscription: tests/system/echo_executor.py is used in its place."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from cluster import ROOT, USER, get_json, wait_for

pytestmark = pytest.mark.timeout(600)
SOURCES = pathlib.Path(__file__).parent / "node"
ECHO = f"{sys.executable} {pathlib.Path(__file__).parents[1] / 'system' / 'echo_executor.py'}"
DRIVEN = ("failover_first", "failover_second", "it_subscribes_again_to_a_restarted_master")
SCENARIOS = [name for name in re.findall(r"^    async (\w+)\(\) \{", (SOURCES / "framework.js").read_text().split("const scenarios")[1],
                                         re.MULTILINE) if name not in DRIVEN]


@pytest.fixture(scope="session")
def program():
    """framework.js beside what npm installed for it, in build/node."""
    home = ROOT / "build" / "node"
    home.mkdir(parents=True, exist_ok=True)
    for path in SOURCES.iterdir():
        shutil.copy(path, home)
    result = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=home, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return home / "framework.js"


def start(cluster, program, scenario, **settings):
    settings = {"user": USER, "echo": ECHO, "logs": str(cluster.directory), **settings}
    # HOST and PORT0 would become the framework's host name and web page.
    return cluster.start(f"node-{scenario}", "env", "-u", "HOST", "-u", "PORT0", "node", program, scenario, cluster.address, json.dumps(settings))


def finish(daemon):
    assert daemon.wait() == 0, daemon.text()
    return daemon.text()


def completed(cluster):
    """The one framework that was torn down; nothing of it runs any more."""
    (framework,) = wait_for("the framework to be completed", lambda: get_json(cluster.address, "/state")["completed_frameworks"])
    wait_for("its executors to be gone", lambda: not get_json(cluster.agents["agent"].address, "/containers"))
    return framework


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_node(cluster, program, scenario):
    finish(start(cluster, program, scenario))
    framework = completed(cluster)
    assert (framework["name"], framework["user"]) == ("node", USER)
    if scenario == "a_task_runs_to_its_end":
        (task,) = framework["completed_tasks"]
        (sandbox,) = cluster.sandboxes(cluster.agents["agent"], task["id"])
        assert re.search(r"^hello from node on 127\.0\.0\.1$", (sandbox / "stdout").read_text(), re.MULTILINE)


def test_another_scheduler_takes_over_by_the_id(cluster, program):
    output = finish(start(cluster, program, "failover_first"))
    framework = re.search(r"^framework (\S+)$", output, re.MULTILINE).group(1)
    assert not get_json(cluster.address, "/state")["completed_frameworks"]
    finish(start(cluster, program, "failover_second", framework=framework))
    assert completed(cluster)["id"] == framework


def test_it_subscribes_again_to_a_restarted_master(cluster, program):
    daemon = start(cluster, program, "it_subscribes_again_to_a_restarted_master")
    wait_for("the task to run", lambda: "\nready\n" in daemon.text() or not daemon.is_running())
    cluster.master.kill()
    cluster.master.wait()
    cluster.start_master("--allocation_interval=50ms")
    finish(daemon)
    completed(cluster)
