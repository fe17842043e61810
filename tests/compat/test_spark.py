# SPDX-License-Identifier: Apache-2.0
"""Spark 2.2.0 from Maven Central, unmodified, in client mode on a master and two agents of ours.

Its jars hold their own copy of the Mesos API, of Mesos 1.0.0 and with protobuf classes under another name, which loads our
libmesos.so: the scheduler of both modes and, in fine-grained mode, the executor."""

import collections
import os
import pathlib
import shutil
import subprocess

import pytest

from cluster import BIN, ROOT, USER, Cluster, get_json, wait_for
from sanitized import libmesos_loads  # noqa: F401

# The first download takes minutes on a slow line.
pytestmark = pytest.mark.timeout(1800)
SOURCES = pathlib.Path(__file__).parent / "spark"
RESULT_DEADLINE_S = 240


@pytest.fixture(scope="session")
def home():
    """A Spark home: jars from Maven Central, the class of our jobs, and bin/spark-class."""
    path = ROOT / "build" / "spark"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(SOURCES / "bin", path / "bin")
    subprocess.run(["mvn", "-q", "-B", "-f", SOURCES / "pom.xml", "dependency:copy-dependencies",
                    f"-DoutputDirectory={path / 'jars'}"], check=True)
    # Spark reads the classes it is given with a library that knows those of Java 8.
    subprocess.run(["javac", "--release", "8", "-Xlint:-options", "-d", path / "classes", "-cp", path / "jars" / "*",
                    SOURCES / "Jobs.java"], check=True)
    return path


@pytest.fixture
def two_agents(tmp_path):
    c = Cluster(tmp_path)
    try:
        c.start_master("--allocation_interval=50ms")
        for name in ("one", "two"):
            c.start_agent(name, resources="cpus:2;mem:1500;disk:1024;ports:[31000-31100]")
        yield c
    finally:
        c.stop()


def run_jobs(cluster, home, text, **settings):
    properties = {"spark.master": f"mesos://{cluster.address}", "spark.app.name": "jobs", "spark.ui.enabled": "false",
                  "spark.driver.host": "127.0.0.1", "spark.mesos.executor.home": home, "spark.executor.memory": "512m",
                  "spark.executorEnv.MESOS_NATIVE_JAVA_LIBRARY": BIN / "libmesos.so",
                  "spark.local.dir": cluster.directory / "local", "user.name": USER, **settings}
    driver = cluster.start("spark", home / "bin" / "spark-class", "Jobs", text, env={
        "MESOS_NATIVE_JAVA_LIBRARY": str(BIN / "libmesos.so"), "SPARK_USER": USER, "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_EXECUTOR_OPTS": " ".join(f"-D{name}={value}" for name, value in properties.items())})
    assert driver.wait(RESULT_DEADLINE_S) == 0, driver.text()
    return driver.text()


@pytest.mark.parametrize("mode", ["coarse", "fine"])
def test_spark_computes_on_both_agents(two_agents, home, tmp_path, mode):
    text = tmp_path / "words.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\n" * 500 + "so says the fox\n" * 7)
    words = collections.Counter(text.read_text().split())
    settings = {"coarse": {"spark.mesos.coarse": "true", "spark.cores.max": 4, "spark.scheduler.minRegisteredResourcesRatio": 1},
                "fine": {"spark.mesos.coarse": "false", "spark.mesos.mesosExecutor.cores": 1}}[mode]
    output = run_jobs(two_agents, home, text, **settings)
    assert "pi 3.14159265\n" in output, output
    assert "words {" + ", ".join(f"{word}={count}" for word, count in sorted(words.items())) + "}\n" in output, output

    framework = wait_for("the framework to be completed", lambda: get_json(two_agents.address, "/state")["completed_frameworks"])[0]
    assert framework["name"] == "jobs"
    tasks = framework["completed_tasks"] + framework["tasks"]
    agents = {agent["id"] for agent in get_json(two_agents.address, "/slaves")["slaves"]}
    assert len(agents) == 2 and {task["slave_id"] for task in tasks} == agents
    if mode == "fine":
        assert len(tasks) >= 24 and {task["state"] for task in tasks} == {"TASK_FINISHED"}, tasks
    for agent in two_agents.agents.values():
        wait_for("its executors to be gone", lambda agent=agent: not get_json(agent.address, "/containers"))
