# SPDX-License-Identifier: Apache-2.0
"""Other versions of org.apache.mesos:mesos than the newest, unmodified, which load our libmesos.so; and the adapter by which DC/OS's
frameworks use the v1 API, on one that it was made for. Each is a JVM of its own, under -Xcheck:jni."""

import os
import pathlib
import subprocess

import pytest

from cluster import BIN, DEADLINE_S, ROOT, USER, get_json, wait_for
from sanitized import libmesos_loads  # noqa: F401

pytestmark = pytest.mark.timeout(1800)
SOURCES = pathlib.Path(__file__).parent / "jars"
HOME = ROOT / "build" / "jars"


def class_path(version):
    """The jars of a version and the class of our scheduler, compiled against them."""
    jars, classes = HOME / version / "jars", HOME / version / "classes"
    if not (classes / "Plan.class").exists():
        subprocess.run(["mvn", "-q", "-B", "-f", SOURCES / "pom.xml", f"-Dmesos={version}", "dependency:copy-dependencies",
                        f"-DoutputDirectory={jars}"], check=True)
        subprocess.run(["javac", "-d", classes, "-cp", jars / "*", SOURCES / "Plan.java"], check=True)
    return f"{classes}:{jars}/*"


@pytest.mark.parametrize("version,how,api", [
    ("0.28.2", "driver", ""), ("1.4.0", "driver", ""), ("1.9.0", "driver", ""), ("1.4.0", "adapter", "V0"), ("1.4.0", "adapter", "V1")])
def test_a_scheduler_runs_its_tasks(cluster, version, how, api):
    result = subprocess.run(
        ["java", "-Xcheck:jni", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", class_path(version), "Plan", cluster.address, USER, how],
        env={**os.environ, "MESOS_NATIVE_JAVA_LIBRARY": str(BIN / "libmesos.so"), "MESOS_API_VERSION": api},
        capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    assert "WARNING in native method" not in output and "FATAL ERROR" not in output, output
    lines = [line for line in result.stdout.splitlines() if not line.startswith("I")]
    assert f"registered with {cluster.port}" in lines
    for line in ("good TASK_FINISHED: Command exited with status 0", "bad TASK_FAILED: Command exited with status 9",
                 "stranger TASK_LOST: Reconciliation: Task is unknown"):
        assert line in lines, output
    assert any(line.startswith("long TASK_KILLED: ") for line in lines), output
    assert lines[-1] == "DRIVER_STOPPED", output
    framework = wait_for("the framework to be completed", lambda: get_json(cluster.address, "/state")["completed_frameworks"])[0]
    assert {t["id"]: t["state"] for t in framework["completed_tasks"] + framework["tasks"]} == {
        "good": "TASK_FINISHED", "bad": "TASK_FAILED", "long": "TASK_KILLED"}
