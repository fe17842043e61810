# SPDX-License-Identifier: Apache-2.0
"""The daemons of tests/system, for frameworks written by others."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))

from cluster import Cluster  # noqa: E402


@pytest.fixture
def cluster(tmp_path):
    """A master that makes offers often and one agent."""
    c = Cluster(tmp_path)
    try:
        c.start_master("--allocation_interval=50ms")
        c.start_agent()
        yield c
    finally:
        c.stop()
