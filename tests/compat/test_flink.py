# SPDX-License-Identifier: Apache-2.0
"""Flink 1.8.0 from Maven Central, unmodified: its session cluster is a framework on our master and starts its workers as tasks.

Its jar holds its own copy of the Mesos API, with protobuf classes under another name, which loads our libmesos.so. Workers get a
copy of the Flink home, file by file, from a web server in the framework, by our fetcher."""

import pathlib
import shutil
import subprocess
import urllib.request

import pytest

from cluster import BIN, DEADLINE_S, ROOT, USER, free_port, get, get_json, wait_for
from sanitized import libmesos_loads  # noqa: F401

# The first download takes minutes on a slow line.
pytestmark = pytest.mark.timeout(1800)
SOURCES = pathlib.Path(__file__).parent / "flink"
WORKERS = ["taskmanager-00001", "taskmanager-00002"]


@pytest.fixture(scope="session")
def home():
    """A Flink home: jars from Maven Central, the scripts and settings beside this file, and the jar of our job."""
    path = ROOT / "build" / "flink"
    shutil.rmtree(path, ignore_errors=True)
    for name in ("bin", "conf"):
        shutil.copytree(SOURCES / name, path / name)
    subprocess.run(["mvn", "-q", "-B", "-f", SOURCES / "pom.xml", "dependency:copy-dependencies",
                    f"-DoutputDirectory={path / 'lib'}"], check=True)
    classes = path / "classes"
    subprocess.run(["javac", "--release", "8", "-Xlint:-options", "-d", classes, "-cp", path / "lib" / "*",
                    SOURCES / "Sum.java"], check=True)
    subprocess.run(["jar", "-c", "-f", path / "lib" / "sum.jar", "-C", classes, "."], check=True)
    return path


class Session:
    """Flink's session cluster: the framework with its web server."""

    def __init__(self, cluster, home):
        self.cluster, self.home, self.port = cluster, home, free_port()
        settings = {"mesos.master": cluster.address, "jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": free_port(),
                    "rest.port": self.port, "rest.bind-address": "127.0.0.1", "taskmanager.numberOfTaskSlots": 2,
                    "mesos.resourcemanager.tasks.mem": 448, "mesos.resourcemanager.tasks.cpus": 0.5,
                    "mesos.resourcemanager.framework.user": USER, "containerized.heap-cutoff-min": 100,
                    "taskmanager.memory.size": "48m", "resourcemanager.taskmanager-timeout": 1000}
        configuration = cluster.directory / "conf"  # so is the copy called that workers get
        configuration.mkdir()
        (configuration / "flink-conf.yaml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
        shutil.copy(home / "conf" / "log4j.properties", configuration)
        self.daemon = cluster.start(
            "flink", home / "bin" / "flink-java", "org.apache.flink.mesos.entrypoint.MesosSessionClusterEntrypoint",
            env={"FLINK_HOME": str(home), "FLINK_BIN_DIR": str(home / "bin"), "FLINK_LIB_DIR": str(home / "lib"),
                 "FLINK_CONF_DIR": str(configuration), "LIBPROCESS_IP": "127.0.0.1",
                 "MESOS_NATIVE_JAVA_LIBRARY": str(BIN / "libmesos.so")})
        wait_for("Flink to answer", self.answers)

    def answers(self):
        assert self.daemon.is_running(), self.daemon.text()
        try:
            return get(f"127.0.0.1:{self.port}", "/overview")[0] == 200
        except OSError:
            return False

    def compute(self):
        result = subprocess.run([self.home / "bin" / "flink-java", "Sum", str(self.port), self.home / "lib" / "sum.jar"],
                                capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        assert result.returncode == 0, result.stdout + result.stderr + self.daemon.text()
        return result.stdout

    def end(self):
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}/cluster", method="DELETE"),
                               timeout=DEADLINE_S).close()


def framework_of(cluster, kind):
    found = get_json(cluster.address, "/state")[kind]
    return found[0] if found else None


def states_of(cluster):
    framework = framework_of(cluster, "frameworks")
    return {task["id"]: task["state"] for task in framework["tasks"] + framework["completed_tasks"]}


def test_flink_computes_on_workers_that_it_starts_and_lets_go(cluster, home):
    session = Session(cluster, home)
    wait_for("Flink to be registered", lambda: framework_of(cluster, "frameworks"))
    assert "sum [333833500]" in session.compute()
    framework = framework_of(cluster, "frameworks")
    assert (framework["name"], framework["role"], framework["user"]) == ("Flink", "*", USER)
    assert framework["webui_url"] == f"http://127.0.0.1:{session.port}"
    assert sorted(states_of(cluster)) == WORKERS

    agent = cluster.agents["agent"]
    for worker in WORKERS:
        (sandbox,) = cluster.sandboxes(agent, worker)
        copies = {file.name: file.stat().st_size for file in (sandbox / "flink" / "lib").iterdir()}
        assert copies == {file.name: file.stat().st_size for file in (home / "lib").iterdir()}
    wait_for("the idle workers to be killed", lambda: set(states_of(cluster).values()) == {"TASK_KILLED"})

    session.end()
    session.daemon.wait()
    assert wait_for("Flink to be unregistered", lambda: framework_of(cluster, "completed_frameworks"))["id"] == framework["id"]
    wait_for("its workers to be gone", lambda: not get_json(agent.address, "/containers"))
