# SPDX-License-Identifier: Apache-2.0
"""The fetcher's cache: what tasks with `cache` ask of a server, and what they find in their sandboxes."""

import http.server
import io
import tarfile
import threading

import pytest

from cluster import get_json, wait_for
from scheduler import Scheduler


class Server:
    """Serves what is in `files`, counts, and can hold answers back."""

    def __init__(self):
        self.files, self.requests = {}, []
        self.may_answer = threading.Event()
        self.may_answer.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                outer.may_answer.wait()
                data = outer.files.get(self.path)
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def stop(self):
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture
def caching(empty_cluster):
    empty_cluster.start_master("--allocation_interval=50ms")
    empty_cluster.start_agent("agent", f"--fetcher_cache_dir={empty_cluster.directory / 'cache'}", "--fetcher_cache_size=1MB")
    return empty_cluster


@pytest.fixture
def scheduler(caching):
    s = Scheduler(caching.address)
    yield s
    s.close()


def launch(scheduler, task_id, command, *uris):
    scheduler.launch(task_id, {"value": command, "uris": list(uris)})


def cached(cluster):
    return [path.name for path in (cluster.directory / "cache").glob("**/c*-*") if path.is_file()]


def test_a_cached_file_is_downloaded_once(caching, scheduler, server):
    server.files["/tool"] = b"#!/bin/sh\necho it is $1\n"
    uri = {"value": server.url("/tool"), "cache": True, "executable": True}
    for number in (1, 2, 3):
        launch(scheduler, f"t{number}", "./tool good | grep 'it is good'", uri)
        scheduler.expect(f"t{number}", "TASK_FINISHED")
    assert server.requests == ["/tool"]
    assert len(cached(caching)) == 1
    metrics = get_json(caching.agents["agent"].address, "/metrics/snapshot")
    assert {name: value for name, value in metrics.items() if name.startswith("containerizer/fetcher/")} == {
        "containerizer/fetcher/task_fetches_succeeded": 3,
        "containerizer/fetcher/task_fetches_failed": 0,
        "containerizer/fetcher/cache_size_total_bytes": 1024 * 1024,
        "containerizer/fetcher/cache_size_used_bytes": len(server.files["/tool"]),
    }


def test_a_file_that_is_not_to_be_cached_is_downloaded_each_time(caching, scheduler, server):
    server.files["/file"] = b"text"
    for number in (1, 2):
        launch(scheduler, f"t{number}", "grep text file", {"value": server.url("/file")})
        scheduler.expect(f"t{number}", "TASK_FINISHED")
    assert server.requests == ["/file", "/file"]
    assert cached(caching) == []


def test_tasks_wait_for_a_download_that_is_under_way(caching, scheduler, server):
    server.files["/file"] = b"text"
    server.may_answer.clear()
    uri = {"value": server.url("/file"), "cache": True, "output_file": "folder/name"}
    for number in (1, 2, 3):
        launch(scheduler, f"t{number}", "grep text folder/name", uri)
    wait_for("the download to begin", lambda: server.requests)
    wait_for("all three to be on their way",
             lambda: len(caching.sandboxes(caching.agents["agent"], "t*")) == 3)
    server.may_answer.set()
    finished = set()
    while len(finished) < 3:
        scheduler.next("UPDATE")
        while scheduler.updates:
            status = scheduler.updates.pop(0)
            scheduler.acknowledge(status)
            if status["state"] not in ("TASK_STARTING", "TASK_RUNNING"):
                assert status["state"] == "TASK_FINISHED", status
                finished.add(status["task_id"]["value"])
    assert server.requests == ["/file"]


def test_a_task_killed_while_it_waits_or_downloads_leaves_the_others_alone(caching, scheduler, server):
    server.files["/file"] = b"text"
    server.may_answer.clear()
    uri = {"value": server.url("/file"), "cache": True}
    launch(scheduler, "first", "true", uri)
    wait_for("the download to begin", lambda: server.requests)
    for name in ("second", "third"):
        launch(scheduler, name, "grep text file", uri)
    wait_for("all three to be on their way", lambda: len(caching.sandboxes(caching.agents["agent"], "*")) == 3)
    for name in ("second", "first"):
        scheduler.kill(name)
    ended = {}
    server.may_answer.set()
    while len(ended) < 3:
        scheduler.next("UPDATE")
        while scheduler.updates:
            status = scheduler.updates.pop(0)
            scheduler.acknowledge(status)
            if status["state"] not in ("TASK_STARTING", "TASK_RUNNING"):
                ended[status["task_id"]["value"]] = status["state"]
    assert ended == {"first": "TASK_KILLED", "second": "TASK_KILLED", "third": "TASK_FINISHED"}


def test_a_failed_download_is_tried_again_by_the_next_task(caching, scheduler, server):
    uri = {"value": server.url("/file"), "cache": True}
    launch(scheduler, "early", "true", uri)
    assert scheduler.expect("early", "TASK_FAILED")["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
    assert cached(caching) == []
    server.files["/file"] = b"text"
    launch(scheduler, "late", "grep text file", uri)
    scheduler.expect("late", "TASK_FINISHED")


def test_archives_are_unpacked_from_the_cache(caching, scheduler, server):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        member = tarfile.TarInfo("folder/member")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"text"))
    server.files["/archive.tar.gz"] = data.getvalue()
    for number in (1, 2):
        launch(scheduler, f"t{number}", "grep text folder/member", {"value": server.url("/archive.tar.gz"), "cache": True})
        scheduler.expect(f"t{number}", "TASK_FINISHED")
    assert server.requests == ["/archive.tar.gz"]


def test_the_cache_keeps_to_its_size(caching, scheduler, server):
    for name in ("/a", "/b", "/c"):
        server.files[name] = bytes(600 * 1024)
        launch(scheduler, name[1], "true", {"value": server.url(name), "cache": True})
        scheduler.expect(name[1], "TASK_FINISHED")
        assert [entry.split("-")[1] for entry in cached(caching)] == [name[1]]
