# SPDX-License-Identifier: Apache-2.0
"""The metrics and flags that Mesos was seen to have are ours too, but for those that belong to what we have not."""

import re

import pytest

from cluster import get_json
from differences import NAMES_WE_LACK
from replay import facts

NAMES = facts("names.jsonl")
FRAMEWORK_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{4}")


@pytest.mark.parametrize("fact", NAMES, ids=[f"{fact['to']}{fact['path']}" for fact in NAMES])
def test_the_names_of_mesos_are_there(scene, fact):
    address = scene.address if fact["to"] == "master" else scene.agents["agent"].address
    answer = get_json(address, fact["path"])
    ours = {FRAMEWORK_ID.sub("{framework}", name) for name in answer.get("flags", answer)}
    lacking = set(fact["names"]) - ours
    assert [n for n in sorted(lacking) if not any(re.fullmatch(p, n) for p in NAMES_WE_LACK[fact["to"]])] == []
