# SPDX-License-Identifier: Apache-2.0
"""Sandboxes and logs through /files and through LIST_FILES and READ_FILE, and nothing beside them."""

import base64
import os

import pytest

from cluster import get, get_json
from replay import post

SHOWN = "/frameworks/{framework}/executors/runner/runs/latest"


@pytest.fixture(scope="module")
def sandbox(scene):
    """The agent's address and the runner's sandbox, with a file, a folder and links into and out of it."""
    agent = scene.agents["agent"]
    (executor,) = [e for f in get_json(agent.address, "/state")["frameworks"] for e in f["executors"]]
    directory = executor["directory"]
    os.makedirs(f"{directory}/folder")
    with open(f"{directory}/folder/data", "wb") as file:
        file.write(bytes(range(256)) * 4096)
    os.symlink("folder/data", f"{directory}/near")
    os.symlink("/etc/passwd", f"{directory}/far")
    return agent.address, directory


def shown_names(scene, directory):
    framework = directory.split("/frameworks/")[1].split("/")[0]
    latest = directory.rsplit("/", 1)[0] + "/latest"
    return [directory, latest, SHOWN.format(framework=framework)]


def test_a_sandbox_is_shown_by_three_names(scene, sandbox):
    address, directory = sandbox
    names = shown_names(scene, directory)
    shown = get_json(address, "/files/debug")
    assert [shown[name] for name in names] == [directory] * 3
    for name in names:
        listing = get_json(address, f"/files/browse?path={name}")
        assert [file["path"][len(name) + 1:] for file in listing] == ["folder", "near", "stderr", "stdout"]
        assert set(listing[0]) == {"gid", "mode", "mtime", "nlink", "path", "size", "uid"}
        assert listing[0]["mode"].startswith("drwx")


def test_ended_sandboxes_are_shown_too(scene, sandbox):
    address, _ = sandbox
    done = [name for name in get_json(address, "/files/debug")
            if name.startswith("/frameworks/") and "/executors/done/" in name]
    assert len(done) == 1
    assert "hi\n" in get_json(address, f"/files/read?path={done[0]}/stdout&offset=0")["data"]


def test_a_file_is_read_in_pieces_and_downloaded_whole(sandbox):
    address, directory = sandbox
    path = f"{directory}/folder/data"
    content = bytes(range(256)) * 4096
    assert get_json(address, f"/files/read?path={path}")["offset"] == len(content)
    assert get_json(address, f"/files/read?path={path}&offset=65&length=3") == {"data": "ABC", "offset": 65}
    status, headers, body = get(address, f"/files/download?path={directory}/near")
    assert (status, body) == (200, content)
    assert headers["Content-Type"] == "application/octet-stream"
    answer = post(address, "/api/v1", {"type": "READ_FILE", "read_file": {"path": path, "offset": 1}}).json()
    assert answer["read_file"]["size"] == len(content)
    assert base64.b64decode(answer["read_file"]["data"]) == content[1:1 + 65536]
    end = {"path": path, "offset": len(content), "length": 7}
    assert post(address, "/api/v1", {"type": "READ_FILE", "read_file": end}).json()["read_file"] == {
        "size": len(content), "data": ""}


def test_the_call_lists_what_the_endpoint_lists(sandbox):
    address, directory = sandbox
    infos = post(address, "/api/v1", {"type": "LIST_FILES", "list_files": {"path": directory}}).json()["list_files"]
    listing = get_json(address, f"/files/browse?path={directory}")
    assert [(i["path"], i["size"], i["nlink"], i["uid"], i["gid"]) for i in infos["file_infos"]] == [
        (f["path"], f["size"], f["nlink"], f["uid"], f["gid"]) for f in listing]
    assert [i["mtime"]["nanoseconds"] for i in infos["file_infos"]] == [int(f["mtime"]) * 10**9 for f in listing]


@pytest.mark.parametrize("beyond", ["far", "..", "../../../..", "folder/../../..", "%2e%2e/latest/../.."])
def test_nothing_outside_of_a_sandbox_is_shown(sandbox, beyond):
    address, directory = sandbox
    for endpoint in ["browse", "read", "download"]:
        status, _, body = get(address, f"/files/{endpoint}?path={directory}/{beyond}&offset=0")
        assert (status, b"root:" in body) == (400, False), body
    decoded = beyond.replace("%2e", ".")
    for call in [{"type": "LIST_FILES", "list_files": {"path": f"{directory}/{decoded}"}},
                 {"type": "READ_FILE", "read_file": {"path": f"{directory}/{decoded}", "offset": 0}}]:
        assert post(address, "/api/v1", call).status == 400


@pytest.mark.parametrize("path", ["/", "/etc/passwd", "{work}", "{work}/meta", "{work}/slaves", "{agent}/frameworks",
                                  "{agent}/frameworks/../../../meta", "/frameworks/../executors/e/runs/latest",
                                  "{run}/../other"])
def test_only_sandboxes_are_shown(scene, sandbox, path):
    address, directory = sandbox
    work = str(scene.agents["agent"].work_dir)
    path = path.format(work=work, agent=directory.split("/frameworks/")[0], run=directory.rsplit("/", 1)[0])
    for endpoint in ["browse", "read", "download"]:
        assert get(address, f"/files/{endpoint}?path={path}&offset=0")[0] == 404


def test_logs_are_shown(cluster, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    cluster.start_master(f"--log_dir={logs}")
    agent = cluster.start_agent("logging", f"--log_dir={logs}")
    for address, name, file in [(cluster.address, "/master/log", "mesos-master.INFO"),
                                (agent.address, "/slave/log", "mesos-agent.INFO")]:
        assert name in get_json(address, "/files/debug")
        written = (logs / file).read_bytes()
        assert get_json(address, f"/files/read?path={name}&offset=0&length=99")["data"] == written[:99].decode()
        answer = post(address, "/api/v1", {"type": "READ_FILE", "read_file": {"path": name, "offset": 0}})
        assert base64.b64decode(answer.json()["read_file"]["data"]).startswith(written)
        assert post(address, "/api/v1", {"type": "LIST_FILES", "list_files": {"path": name}}).json() == {
            "type": "LIST_FILES", "list_files": {}}
