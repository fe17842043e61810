# SPDX-License-Identifier: Apache-2.0
"""What the scheduler API promises, in C against real daemons."""

import pathlib
import re
import signal
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

from cluster import BIN, Cluster, get_json, wait_for  # noqa: E402

PROMISES = re.findall(r"^    PROMISE\((\w+)\),", (HERE / "promises.c").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    made.start_master()
    made.start_agent()
    yield made
    made.stop()


def restart_master(cluster):
    cluster.master.kill()
    cluster.master.wait()
    cluster.start_master()


def send_agent_away(cluster):
    cluster.agents["agent"].kill(signal.SIGUSR1)


# What is done to the cluster once the program says that it is ready.
TROUBLE = {"s2_a_restarted_master_gives_reregistered": restart_master,
           "s5_s9_an_agent_that_leaves_takes_offers_and_tasks_along": send_agent_away}


@pytest.mark.parametrize("promise", PROMISES)
def test_promise(cluster, promise):
    program = cluster.start(promise, BIN.parent / "tests" / "library" / "promises", promise, cluster.address)
    if promise in TROUBLE:
        wait_for("the program", lambda: "ready\n" in program.text())
        TROUBLE[promise](cluster)
    assert program.wait(100) == 0, program.text()
    assert get_json(cluster.address, "/frameworks")["frameworks"] == []
    assert all(not f["tasks"] for f in get_json(cluster.address, "/frameworks")["completed_frameworks"])
