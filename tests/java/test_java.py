# SPDX-License-Identifier: Apache-2.0
"""The unmodified org.apache.mesos:mesos 1.11.0 of Maven Central with our libmesos.so: scheduler and executor in Java on
real daemons. Each test of src/*Tests.java runs in a JVM of its own, under -Xcheck:jni, which must have nothing to say."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

from cluster import BIN, Cluster, get_json, wait_for  # noqa: E402
from sanitized import libmesos_loads  # noqa: E402, F401
from zookeeper import ZooKeeper, lead  # noqa: E402

SOURCES = sorted((HERE / "src").glob("*.java"))
DEADLINE_S = 150


# Tests that need a hand from here.
DRIVEN = {"d4_failover_first", "d4_failover_second", "s2_s8_a_restarted_master", "e2_e3_x2_a_restarted_agent",
          "s5_s9_a_lost_agent", "x4_an_executor_without_its_agent_ends", "updated_frameworks_keep_their_id"}


def methods_of(name):
    """The test methods of a class: those that take nothing, but for what only others run."""
    text = (HERE / "src" / f"{name}.java").read_text().split("// The tests")[1]
    return [m for m in re.findall(r"^    void (\w+)\(\)", text, re.MULTILINE) if m not in DRIVEN]


class Java:
    """The classes, and how to run one."""

    def __init__(self, directory):
        self.jars = directory / "jars"
        self.classes = directory / "classes"
        subprocess.run(["mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:copy-dependencies",
                        f"-DoutputDirectory={self.jars}"], check=True, timeout=300)
        self.class_path = ":".join(map(str, [self.classes, *sorted(self.jars.glob("*.jar"))]))
        subprocess.run(["javac", "-Xlint:-options", "-d", self.classes, "-cp", self.class_path, *SOURCES], check=True,
                       timeout=300)

    def command(self, name, *arguments, properties=()):
        executor = (f"MESOS_NATIVE_JAVA_LIBRARY={BIN}/libmesos.so exec java -Xcheck:jni -Xmx64m -cp {self.class_path} "
                    "TestExecutor")
        return ["java", "-Xcheck:jni", "-Xmx128m", "-cp", self.class_path, f"-Dexecutor.command={executor}",
                *properties, name, *arguments]


@pytest.fixture(scope="session")
def java(tmp_path_factory):
    return Java(tmp_path_factory.mktemp("java"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A master and one agent for all tests that leave them as they were."""
    c = Cluster(tmp_path_factory.mktemp("cluster"))
    c.start_master()
    c.start_agent()
    yield c
    check_executors(c)
    c.stop()


@pytest.fixture(scope="module")
def zookeeper(tmp_path_factory):
    server = ZooKeeper(tmp_path_factory.mktemp("zookeeper"))
    yield server
    server.close()


@pytest.fixture
def own(tmp_path):
    """A master and one agent that are restarted."""
    c = Cluster(tmp_path)
    c.start_master()
    c.start_agent()
    yield c
    check_executors(c)
    c.stop()


def check_quiet(text):
    """Neither -Xcheck:jni nor the JVM itself has complained."""
    for word in ("WARNING", "FATAL ERROR", "SIGSEGV", "SIGABRT"):
        assert word not in text, text


def check_executors(cluster):
    for agent in cluster.agents.values():
        for sandbox in cluster.sandboxes(agent, "E"):
            # An executor whose framework ended before it began has a sandbox without output.
            check_quiet("".join(p.read_text() for p in sorted(sandbox.glob("std*"))))


def environment(**more):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MESOS_")}
    return {**inherited, **more}


def run(java, name, *arguments, properties=(), env=None):
    result = subprocess.run(java.command(name, *arguments, properties=properties), capture_output=True, text=True,
                            timeout=DEADLINE_S, check=False,
                            env=env or environment(MESOS_NATIVE_JAVA_LIBRARY=str(BIN / "libmesos.so")))
    text = result.stdout + result.stderr
    check_quiet(text)
    assert result.returncode == 0 and result.stdout.splitlines()[-1] == "passed", text
    return result.stdout


@pytest.mark.parametrize("name", methods_of("DriverTests"))
def test_driver(java, shared, name):
    run(java, "DriverTests", name, shared.address)


@pytest.mark.parametrize("name", methods_of("SemanticsTests"))
def test_semantics(java, shared, name):
    run(java, "SemanticsTests", name, shared.address)


@pytest.mark.parametrize("name", methods_of("FrameworkTests"))
def test_framework(java, shared, zookeeper, name):
    run(java, "FrameworkTests", name, shared.address, properties=[f"-Dzookeeper={zookeeper.address}"])


def test_d2_zookeeper_names_the_master(java, shared, zookeeper):
    lead(zookeeper.client(), shared.address, "/masters")
    run(java, "DriverTests", "d8_a_command_runs_and_finishes", f"zk://{zookeeper.address}/masters")
    run(java, "V1Tests", "v1_a_task_runs_to_its_end", f"zk://{zookeeper.address}/masters")


@pytest.mark.parametrize("name", methods_of("V1Tests"))
def test_v1(java, shared, name):
    run(java, "V1Tests", name, shared.address)


@pytest.mark.parametrize("name", methods_of("ExecutorTests"))
def test_executor(java, name):
    """With an agent that is not there: its port is nobody's."""
    run(java, "ExecutorTests", name, "-",
        env=environment(MESOS_NATIVE_JAVA_LIBRARY=str(BIN / "libmesos.so"), MESOS_AGENT_ENDPOINT="127.0.0.1:1",
                        MESOS_FRAMEWORK_ID="F", MESOS_EXECUTOR_ID="E", MESOS_SLAVE_ID="A", MESOS_LOCAL="1"))


# Of the storage: what needs ZooKeeper, what needs a folder, and what runs with either.
STATE_TESTS = [name for name in methods_of("StateTests") if not name.startswith("zookeeper_")]
FOLDER_TESTS = ("a_bad_path_is_an_exception", "without_zookeeper_nothing_is_done", "the_replicated_log_is_refused",
                "what_readers_and_writers_do_is_refused_as_well")


@pytest.mark.parametrize("name", STATE_TESTS)
def test_state(java, name, tmp_path):
    run(java, "StateTests", name, "-", properties=[f"-Djava.io.tmpdir={tmp_path}"])


def run_with_zookeeper(java, zookeeper, name, tmp_path):
    run(java, "StateTests", name, "-", properties=[f"-Djava.io.tmpdir={tmp_path}", f"-Dzookeeper={zookeeper.address}"])


@pytest.mark.parametrize("name", [*(name for name in STATE_TESTS if name not in FOLDER_TESTS),
                                  "zookeeper_takes_a_mebibyte_and_no_more"])
def test_state_in_zookeeper(java, zookeeper, name, tmp_path):
    run_with_zookeeper(java, zookeeper, name, tmp_path)


def entry(name, uuid, value):
    """An Entry of Mesos: fields 1, 2 and 3, all of bytes."""
    return b"".join(bytes([number << 3 | 2, len(field)]) + field for number, field in enumerate((name, uuid, value), 1))


def test_zookeeper_has_entries_as_mesos_writes_them(java, zookeeper, tmp_path):
    client = zookeeper.client()
    client.create("/mesos/state/known", entry(b"known", bytes(range(16)), b"of Mesos"), makepath=True)
    client.create("/mesos/state/bad", b"no entry")
    run_with_zookeeper(java, zookeeper, "zookeeper_has_entries_as_mesos_writes_them", tmp_path)
    for name, value in ((b"known", b"of ours"), (b"made", b"")):
        data, stat = client.get(f"/mesos/state/{name.decode()}")
        uuid = data[2 + len(name) + 2:][:16]
        assert data == entry(name, uuid, value) and uuid != bytes(range(16))
        assert stat.version == (name == b"known")


def test_zookeeper_credentials_guard_what_all_may_read(java, zookeeper, tmp_path):
    run_with_zookeeper(java, zookeeper, "zookeeper_credentials_guard_what_all_may_read", tmp_path)
    acls, _ = zookeeper.client().get_acls("/guarded/a")
    assert {(acl.id.scheme, acl.perms) for acl in acls} == {("world", 1), ("digest", 31)}


def test_zookeeper_comes_back(java, tmp_path):
    """What is begun while the server is away is done once it is there again, and once only."""
    server = ZooKeeper(tmp_path / "zookeeper")
    try:
        process = subprocess.Popen(
            java.command("StateTests", "zookeeper_comes_back", "-",
                         properties=[f"-Djava.io.tmpdir={tmp_path}", f"-Dzookeeper={server.address}"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment(MESOS_NATIVE_JAVA_LIBRARY=str(BIN / "libmesos.so")))
        output = read_until(process, "ready")
        server.stop()
        process.stdin.write("\n")
        process.stdin.flush()
        output += read_until(process, "waiting")
        server.start()
        rest, _ = process.communicate(timeout=DEADLINE_S)
        check_quiet(output + rest)
        assert process.returncode == 0, output + rest
    finally:
        server.close()


def read_until(process, word):
    output = ""
    while f"\n{word}\n" not in "\n" + output:
        line = process.stdout.readline()
        assert line, output
        output += line
    return output


@pytest.mark.parametrize("where", ["MESOS_NATIVE_JAVA_LIBRARY", "MESOS_NATIVE_LIBRARY", "java.library.path"])
def test_the_library_is_found_through(java, where):
    if where == "java.library.path":
        run(java, "DriverTests", "the_native_library_says_its_version", "", properties=[f"-D{where}={BIN}"],
            env=environment())
    else:
        run(java, "DriverTests", "the_native_library_says_its_version", "",
            env=environment(**{where: str(BIN / "libmesos.so")}))


def test_d4_another_process_takes_over(java, shared):
    output = run(java, "DriverTests", "d4_failover_first", shared.address)
    framework = re.search(r"^framework (\S+)$", output, re.MULTILINE).group(1)
    run(java, "DriverTests", "d4_failover_second", shared.address, properties=[f"-Dframework={framework}"])


def start(java, cluster, name, kind="DriverTests", properties=()):
    daemon = cluster.start(name, *java.command(kind, name, cluster.address, properties=properties),
                           env={"MESOS_NATIVE_JAVA_LIBRARY": str(BIN / "libmesos.so")})
    wait_for(f"{name} to be ready", lambda: "\nready\n" in "\n" + daemon.text() or not daemon.is_running())
    return daemon


def finish(daemon):
    assert daemon.wait(DEADLINE_S) == 0, daemon.text()
    check_quiet(daemon.text())


def test_s2_s8_a_restarted_master(java, own):
    daemon = start(java, own, "s2_s8_a_restarted_master")
    own.master.kill()
    own.master.wait()
    own.start_master()
    finish(daemon)


def test_e2_e3_x2_a_restarted_agent(java, own):
    daemon = start(java, own, "e2_e3_x2_a_restarted_agent")
    agent = own.agents["agent"]
    agent.kill()
    agent.wait()
    own.start_agent(port=agent.port)
    finish(daemon)


def test_s5_s9_a_lost_agent(java, own):
    daemon = start(java, own, "s5_s9_a_lost_agent", "SemanticsTests")
    own.agents["agent"].kill(signal.SIGUSR1)
    finish(daemon)


@pytest.mark.parametrize("checkpoint", ["true", "false"])
def test_x4_an_executor_without_its_agent_ends(java, tmp_path, checkpoint):
    """At once, or after the recovery timeout."""
    c = Cluster(tmp_path)
    try:
        c.start_master()
        agent = c.start_agent("agent", "--recovery_timeout=1secs")
        daemon = start(java, c, "x4_an_executor_without_its_agent_ends", "SemanticsTests", [f"-Dcheckpoint={checkpoint}"])
        c.kill_agent(agent)
        finish(daemon)
    finally:
        c.stop()


def test_updated_frameworks_keep_their_id(java, shared):
    process = subprocess.Popen(java.command("DriverTests", "updated_frameworks_keep_their_id", shared.address),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=environment(MESOS_NATIVE_JAVA_LIBRARY=str(BIN / "libmesos.so")))
    output = ""
    while not (match := re.search(r"^renamed (\S+)$", output, re.MULTILINE)):
        line = process.stdout.readline()
        assert line, output
        output += line

    def is_renamed():
        return any(f["id"] == match.group(1) and f["name"] == "renamed"
                   for f in get_json(shared.address, "/frameworks")["frameworks"])

    wait_for("the framework to be renamed", is_renamed)
    rest, _ = process.communicate("\n", timeout=DEADLINE_S)
    check_quiet(output + rest)
    assert process.returncode == 0, output + rest
