# SPDX-License-Identifier: Apache-2.0
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from cluster import Cluster  # noqa: E402
from zookeeper import ZooKeeper  # noqa: E402


@pytest.fixture
def empty_cluster(tmp_path):
    """No daemon yet."""
    c = Cluster(tmp_path)
    yield c
    c.stop()


@pytest.fixture
def cluster(empty_cluster):
    """A master and one agent."""
    empty_cluster.start_master()
    empty_cluster.start_agent()
    return empty_cluster


@pytest.fixture
def zookeeper(tmp_path):
    """A server of its own, with nothing in it."""
    server = ZooKeeper(tmp_path / "zookeeper")
    yield server
    server.close()
