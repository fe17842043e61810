# SPDX-License-Identifier: Apache-2.0
"""What the pages for framework writers tell readers to type: each ```sh block is run, against daemons of this test, and
prints what the ```text block behind it says. There, a line "…" stands for any lines, and "…" in a line for any text;
"```text unordered" lists lines of which only the order is not certain."""

import os
import re
import subprocess
import sys

import pytest

from cluster import BIN, DEADLINE_S, ROOT, Cluster

PAGES = ["scheduler-api", "executor-api", "task-groups", "checks", "capabilities", "limits"]
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```text( unordered)?\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def blocks():
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text()
        for number, match in enumerate(BLOCK.finditer(text), 1):
            yield pytest.param(match[1], match[3], bool(match[2]), id=f"{page}-{number}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    c = Cluster(tmp_path_factory.mktemp("docs"))
    c.start_master("--allocation_interval=100ms")
    c.start_agent()
    yield c
    c.stop()


def fits(line, pattern):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), line) is not None


def describes(patterns, lines):
    """Whether the lines are those of the patterns, in their order."""
    if not patterns:
        return not lines
    if patterns[0] == "…":
        return describes(patterns[1:], lines) or (bool(lines) and describes(patterns, lines[1:]))
    return bool(lines) and fits(lines[0], patterns[0]) and describes(patterns[1:], lines[1:])


def is_same_set(patterns, lines):
    rest = list(lines)
    for pattern in patterns:
        found = next((line for line in rest if fits(line, pattern)), None)
        if found is None:
            return False
        rest.remove(found)
    return not rest


@pytest.mark.parametrize("command, expected, is_unordered", list(blocks()))
def test_commands_do_what_the_page_says(cluster, tmp_path, command, expected, is_unordered):
    # Programs are called build/bin/… from the top of the tree, wherever that is.
    command = command.replace("build/bin/", f"{BIN}/").replace("python3 ", f"{sys.executable} ")
    environment = {**os.environ, "MASTER": cluster.address, "AGENT": cluster.agents["agent"].address,
                   "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(["bash", "-euc", command], cwd=ROOT, env=environment, capture_output=True, text=True,
                            timeout=DEADLINE_S, check=False)
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    assert expected is not None, "nothing says what this prints"
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert (is_same_set if is_unordered else describes)(expected.splitlines(), lines), result.stdout


def test_every_example_is_in_a_page():
    text = "".join((ROOT / "docs" / f"{page}.md").read_text() for page in PAGES)
    for folder in ("python", "curl"):
        for path in (ROOT / "examples" / folder).iterdir():
            if path.suffix in (".py", ".sh") and path.name != "mesos.sh":
                assert f"examples/{folder}/{path.name}" in text, path
