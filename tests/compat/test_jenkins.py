# SPDX-License-Identifier: Apache-2.0
"""Jenkins, played: the calls its Mesos plug-in makes of the v1 scheduler API, in their order and in protobuf
(docs/frameworks.md)."""

import functools
import http.server
import pathlib
import sys
import threading
import uuid

import pytest
from google.protobuf import json_format

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "message"))

from cluster import get_json, wait_for  # noqa: E402
from codec import TYPES  # noqa: E402
from scheduler import Scheduler  # noqa: E402

CAPABILITIES = ("MULTI_ROLE", "REGION_AWARE", "PARTITION_AWARE")


class ProtobufScheduler(Scheduler):
    """As the client of the plug-in, it knows no JSON."""

    media_type = "application/x-protobuf"

    def encode(self, call):
        return json_format.ParseDict(call, TYPES["mesos.v1.scheduler.Call"]()).SerializeToString()

    def decode(self, record):
        return json_format.MessageToDict(TYPES["mesos.v1.scheduler.Event"].FromString(record),
                                         preserving_proto_field_name=True)


@pytest.fixture
def jenkins(tmp_path):
    """The web server of Jenkins, which has the program of its agents; yields its address."""
    folder = tmp_path / "jenkins"
    folder.mkdir()
    (folder / "agent.jar").write_text("an agent")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def subscribe(cluster, framework_id):
    return ProtobufScheduler(cluster.address, failover_timeout=600, framework_id=framework_id, name="Jenkins Scheduler",
                             roles=("jenkins",), capabilities=CAPABILITIES)


def launch(scheduler, name, jenkins, script):
    """The shell command of a Unix agent, with an agent.jar that is no program."""
    command = {"shell": True, "value": f'test "$(cat "${{MESOS_SANDBOX-.}}/agent.jar")" = "an agent" && {script}',
               "uris": [{"value": f"{jenkins}/agent.jar", "executable": False, "extract": False, "cache": False}],
               "environment": {"variables": [{"name": "JENKINS_URL", "value": jenkins}]}}
    scheduler.launch(name, command)


def test_jenkins_provisions_agents_and_takes_over_after_its_restart(cluster, jenkins):
    # The plug-in makes its framework id itself, and keeps it.
    framework_id = str(uuid.uuid4())
    scheduler = subscribe(cluster, framework_id)
    assert scheduler.framework_id == framework_id
    scheduler.reconcile()
    scheduler.call("DECLINE", decline={"offer_ids": [scheduler.offer()["id"]], "filters": {"refuse_seconds": 100000}})
    scheduler.call("SUPPRESS", suppress={"roles": ["jenkins"]})
    scheduler.call("REVIVE", revive={"roles": ["jenkins"]})
    launch(scheduler, "once", jenkins, "exit 0")
    for state in ("TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"):
        assert scheduler.expect("once", state)["state"] == state
    scheduler.call("REVIVE", revive={"roles": ["jenkins"]})
    launch(scheduler, "agent", jenkins, "sleep 1000")
    scheduler.expect("agent", "TASK_RUNNING")
    scheduler.drop()

    scheduler = subscribe(cluster, framework_id)
    # A pod that the new one does not know is told of by reconciliation, and killed.
    scheduler.reconcile()
    status = scheduler.expect("agent", "TASK_RUNNING")
    assert status["reason"] == "REASON_RECONCILIATION" and "uuid" not in status
    scheduler.kill("agent")
    scheduler.expect("agent", "TASK_KILLED")
    (framework,) = get_json(cluster.address, "/state")["frameworks"]
    assert (framework["id"], framework["roles"], sorted(framework["capabilities"])) == (framework_id, ["jenkins"], sorted(CAPABILITIES))
    scheduler.close()
    wait_for("its executors to be gone", lambda: not get_json(cluster.agents["agent"].address, "/containers"))
