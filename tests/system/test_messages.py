# SPDX-License-Identifier: Apache-2.0
"""Framework messages, large ones, and a scheduler that does not read what it is sent."""

import base64
import json
import os
import pathlib
import socket
import sys

from cluster import get_json, post, wait_for
from scheduler import Scheduler

ECHO = f"{sys.executable} {pathlib.Path(__file__).parent / 'echo_executor.py'}"
MIB = 1024 * 1024


def launch_echo(scheduler, task_id, *arguments):
    command = " ".join([ECHO, *arguments])
    scheduler.launch(task_id, None, executor=scheduler.executor(task_id + "-executor", command))
    scheduler.expect(task_id, "TASK_RUNNING")


def test_a_message_of_a_mebibyte_comes_back_unchanged(cluster):
    scheduler = Scheduler(cluster.address)
    launch_echo(scheduler, "echo")
    data = os.urandom(MIB)
    for _ in range(3):
        scheduler.message("echo", "echo-executor", data)
        message = scheduler.next("MESSAGE")["message"]
        assert base64.b64decode(message["data"]) == data
        assert message["executor_id"]["value"] == "echo-executor"
        assert message["agent_id"] == scheduler.agents["echo"]
    scheduler.close()


def test_messages_arrive_in_the_order_they_were_sent(cluster):
    scheduler = Scheduler(cluster.address)
    launch_echo(scheduler, "echo")
    for number in range(200):
        scheduler.message("echo", "echo-executor", str(number).encode())
    assert [int(base64.b64decode(scheduler.next("MESSAGE")["message"]["data"])) for _ in range(200)] == list(range(200))
    scheduler.close()


class StalledScheduler:
    """Comes back with the id of another one, reads the head of its stream and then nothing more."""

    def __init__(self, address, framework):
        host, port = address.split(":")
        self.address = address
        self.framework_id = {"value": framework.framework_id}
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self.socket.connect((host, int(port)))
        body = json.dumps({"type": "SUBSCRIBE", "framework_id": self.framework_id,
                           "subscribe": {"framework_info": framework.info | {"id": self.framework_id}}}).encode()
        self.socket.sendall(b"POST /api/v1/scheduler HTTP/1.1\r\nHost: master\r\nContent-Type: application/json\r\n"
                            b"Accept: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(64)
        assert b" 200 " in head.splitlines()[0], head
        self.stream_id = head.split(b"Mesos-Stream-Id: ")[1].split(b"\r\n")[0].decode()

    def message(self, agent_id, executor_id, text):
        call = {"type": "MESSAGE", "framework_id": self.framework_id, "message": {
            "agent_id": agent_id, "executor_id": {"value": executor_id}, "data": text}}
        status, _, body = post(self.address, "/api/v1/scheduler", json.dumps(call).encode(),
                               {"Content-Type": "application/json", "Mesos-Stream-Id": self.stream_id})
        assert status == 202, (status, body)

    def close(self):
        self.socket.close()


def resident_mib(daemon):
    return int(pathlib.Path(f"/proc/{daemon.pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def is_sanitized(daemon):
    return "libasan" in pathlib.Path(f"/proc/{daemon.pid}/maps").read_text()


def test_a_scheduler_that_does_not_read_is_cut_and_disturbs_nobody(cluster):
    bystander = Scheduler(cluster.address, name="bystander")
    bystander.launch("quiet", "sleep 1000")
    bystander.expect("quiet", "TASK_RUNNING")
    first = Scheduler(cluster.address, failover_timeout=600, name="flooded")
    launch_echo(first, "flood", "flood", "64")
    first.drop()

    stalled = StalledScheduler(cluster.address, first)
    stalled.message(first.agents["flood"], "flood-executor", "A" * MIB)

    def is_cut():
        (framework,) = [f for f in get_json(cluster.address, "/state")["frameworks"] if f["name"] == "flooded"]
        return not framework["connected"]

    wait_for("the stalled scheduler to be cut", is_cut)
    bystander.reconcile("quiet")
    assert bystander.expect("quiet", "TASK_RUNNING")["reason"] == "REASON_RECONCILIATION"
    # The limit is 16 MiB; what one message costs on its way comes on top. A sanitizer keeps what was freed.
    assert is_sanitized(cluster.master) or resident_mib(cluster.master) < 100
    stalled.close()
    again = Scheduler(cluster.address, failover_timeout=600, name="flooded", framework_id=first.framework_id)
    again.reconcile("flood")
    assert again.expect("flood", "TASK_RUNNING")["reason"] == "REASON_RECONCILIATION"
    again.close()
    bystander.close()
