# SPDX-License-Identifier: Apache-2.0
"""The cluster that was watched: a master and one agent; two command tasks that ended and a third one that runs."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "system"))

from cluster import Cluster, get_json, wait_for  # noqa: E402
from watched import run_to_its_end, start_framework  # noqa: E402


@pytest.fixture
def cluster(tmp_path):
    """No daemon yet."""
    c = Cluster(tmp_path)
    try:
        yield c
    finally:
        c.stop()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """The cluster with its three frameworks."""
    cluster = Cluster(tmp_path_factory.mktemp("scene"))
    try:
        cluster.start_master("--hostname=localhost", "--allocation_interval=50ms")
        agent = cluster.start_agent("agent", "--hostname=localhost", "--attributes=rack:r1;n:3",
                                    resources="cpus:2;mem:23081;disk:252899;ports:[31000-32000]")
        run_to_its_end(cluster, "done", "echo hi", "TASK_FINISHED")
        run_to_its_end(cluster, "fail", "exit 3", "TASK_FAILED")
        runner = start_framework(cluster.address, "rr")
        runner.launch("runner", "sleep 3000", cpus=0.5, mem=64, refuse_seconds=3600)
        runner.expect("runner", "TASK_RUNNING")
        wait_for("the ended frameworks to be gone from the agent",
                 lambda: len(get_json(agent.address, "/state")["completed_frameworks"]) == 2)
        yield cluster
        runner.close()
    finally:
        cluster.stop()
