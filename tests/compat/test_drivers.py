# SPDX-License-Identifier: Apache-2.0
"""Drivers for Python, unmodified, in small schedulers of ours (drivers/): Apache Mesos's own C++ driver, as the packages
mesos.scheduler of PyPI have it for Python 2, with their libprocess; and pymesos, which speaks the v1 scheduler and executor APIs.

The schedulers are told what to do, and tell their callbacks, by lines of JSON, so that the same tests serve all."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

import pytest

import apache_mesos
from cluster import DEADLINE_S, ROOT, USER, get_json, wait_for
from zookeeper import ZooKeeper, lead

pytestmark = pytest.mark.timeout(1800)
HERE = pathlib.Path(__file__).parent
PROGRAMS = HERE / "drivers"
HOME = ROOT / "build" / "drivers"
TERMINAL = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_ERROR")


def run(*arguments, **options):
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def find_python2():
    """A Python 2.7 that runs, or None: Debian has had none since 11."""
    roots = [os.environ.get("PYENV_ROOT"), pathlib.Path.home() / ".pyenv"]
    found = [python for root in roots if root for python in pathlib.Path(root).glob("versions/2.7.*/bin/python2.7")]
    for python in [shutil.which("python2.7"), *found]:
        if python and subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0:
            return python
    return None


class Native:
    """Apache Mesos's driver of a version: libmesos and libprocess in one shared object."""

    executor = f"{sys.executable} {HERE.parent / 'system' / 'echo_executor.py'}"
    data = ""
    # Masters say so to libprocess frameworks that they have not seen themselves, and the driver passes it on.
    with_next_master = "registered"

    def __init__(self, version):
        python = find_python2()
        if not python:
            pytest.skip("the package is for Python 2.7, which this machine does not have, nor Debian 12")
        library = apache_mesos.fetch(version)
        home = library.parents[2]
        if not (home / "complete-site").exists():
            run(python, "-m", "pip", "install", "-q", "--target", home / "site", "mesos.interface==1.11.0", "protobuf==3.17.3")
            shutil.copytree(library.parent, home / "site" / "mesos" / "scheduler", dirs_exist_ok=True, copy_function=os.link)
            (home / "site" / "mesos" / "__init__.py").touch()
            (home / "complete-site").touch()
        self.command = [python, PROGRAMS / "native_scheduler.py"]
        # The shared object has a protobuf of its own, which the C++ one of Python's must not meet.
        self.environment = {"LD_LIBRARY_PATH": str(home), "PYTHONPATH": str(home / "site"), "LIBPROCESS_IP": "127.0.0.1",
                            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python", "PYTHONDONTWRITEBYTECODE": "1"}


class Pymesos:
    """pymesos, by Debian's Python, for which Debian has the http_parser that it needs."""

    executor = f"PYTHONPATH={HOME / 'pymesos'} /usr/bin/python3 {PROGRAMS / 'pymesos_executor.py'}"
    data = "up"
    with_next_master = "reregistered"

    def __init__(self, version):
        home = HOME / "pymesos"
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", home, f"pymesos=={version}", "addict==2.4.0",
                "six==1.17.0", "kazoo==2.10.0")
            (home / "complete").touch()
        self.command = ["/usr/bin/python3", PROGRAMS / "pymesos_scheduler.py"]
        self.environment = {"PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


DRIVERS = {"mesos-1.11.0": lambda: Native("1.11.0"), "mesos-1.8.1": lambda: Native("1.8.1"), "pymesos-0.3.15": lambda: Pymesos("0.3.15")}


@pytest.fixture(scope="module", params=DRIVERS)
def driver(request):
    return DRIVERS[request.param]()


class Scheduler:
    """A scheduler at work: say() a command, await an event."""

    def __init__(self, cluster, driver, framework_id=None, master=None):
        self.errors = (cluster.directory / "scheduler.err").open("a+")
        self.process = subprocess.Popen(
            [*map(str, driver.command), master or cluster.address, "driven", USER, *([framework_id] if framework_id else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env={**os.environ, **driver.environment})
        self.events = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def say(self, do, **members):
        self.process.stdin.write(json.dumps({**members, "do": do}) + "\n")
        self.process.stdin.flush()

    def wait(self, event, **members):
        """The first event not waited for yet that has these members; those before it stay."""
        def find():
            for found in self.events:
                if {**found, **members, "event": event} == found:
                    self.events.remove(found)
                    return found
            assert self.process.poll() is None, (self.events, self.log())
            return None
        try:
            return wait_for(f"{event} {members}", find)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.events} {self.log()}") from error

    def log(self):
        self.errors.seek(0)
        return self.errors.read()[-4000:]

    def launch(self, task, command, **members):
        self.say("launch", task=task, command=command, **members)
        return self.wait("update", task=task, state="TASK_RUNNING", reconciled=False)

    def stop(self, failover=False):
        self.say("stop", failover=failover)
        self.process.wait(timeout=DEADLINE_S)
        assert self.process.returncode == 0, self.log()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.errors.close()


@pytest.fixture
def start(cluster, driver):
    """Starts schedulers on the driver; all are ended."""
    started = []

    def start_one(**options):
        started.append(Scheduler(cluster, driver, **options))
        return started[-1]

    yield start_one
    for scheduler in started:
        scheduler.end()


def frameworks(cluster, kind):
    return {f["id"]: f for f in get_json(cluster.address, "/state")[kind]}


def test_tasks_run_and_end_as_they_may(cluster, start):
    scheduler = start()
    registered = scheduler.wait("registered", version="1.11.0", port=cluster.port)
    scheduler.launch("good", "echo hello from a driver")
    assert "exited with status 0" in scheduler.wait("update", task="good", state="TASK_FINISHED")["message"]
    scheduler.launch("bad", "exit 9")
    assert "exited with status 9" in scheduler.wait("update", task="bad", state="TASK_FAILED")["message"]
    scheduler.launch("long", "sleep 1000")
    scheduler.say("reconcile", tasks=["long", "stranger"])
    scheduler.wait("update", task="long", state="TASK_RUNNING", reconciled=True)
    scheduler.wait("update", task="stranger", state="TASK_LOST", reconciled=True)
    scheduler.say("kill", task="long")
    scheduler.wait("update", task="long", state="TASK_KILLED")
    (sandbox,) = cluster.sandboxes(cluster.agents["agent"], "good")
    assert "hello from a driver" in (sandbox / "stdout").read_text()
    wait_for("all to be acknowledged", lambda: not frameworks(cluster, "frameworks")[registered["id"]]["tasks"])
    scheduler.stop()
    wait_for("it to be unregistered", lambda: registered["id"] in frameworks(cluster, "completed_frameworks"))


def test_messages_go_to_an_executor_and_back(cluster, start, driver):
    scheduler = start()
    scheduler.wait("registered")
    running = scheduler.launch("chat", driver.executor, executor="echo")
    assert running["data"] == driver.data
    scheduler.say("message", executor="echo", agent=running["agent"], text="ping")
    scheduler.wait("message", executor="echo", text="ping")
    scheduler.say("kill", task="chat")
    scheduler.wait("update", task="chat", state="TASK_KILLED")
    scheduler.stop()
    wait_for("the executor to be gone", lambda: not get_json(cluster.agents["agent"].address, "/containers"))


def test_it_registers_again_with_the_next_master(cluster, start, driver, tmp_path):
    """Apache Mesos's driver asks nobody but ZooKeeper whether its master is still there."""
    zookeeper = ZooKeeper(tmp_path / "zk")
    try:
        client = zookeeper.client()
        znode = lead(client, cluster.address)
        scheduler = start(master=f"zk://{zookeeper.address}/mesos")
        framework_id = scheduler.wait("registered", port=cluster.port)["id"]
        scheduler.launch("survivor", "sleep 1000")
        cluster.master.kill()
        cluster.master.wait()
        client.delete(znode)
        scheduler.wait("disconnected")
        cluster.start_master("--allocation_interval=50ms")
        lead(client, cluster.address)
        scheduler.wait(driver.with_next_master, port=cluster.port)
        assert list(frameworks(cluster, "frameworks")) == [framework_id]
        wait_for("the agent to be back", lambda: cluster.is_registered(cluster.agents["agent"]))
        scheduler.say("kill", task="survivor")
        scheduler.wait("update", task="survivor", state="TASK_KILLED")
        scheduler.stop()
    finally:
        zookeeper.close()


def test_another_takes_over_by_the_id(cluster, start):
    first = start()
    framework_id = first.wait("registered")["id"]
    first.launch("survivor", "sleep 1000")
    first.stop(failover=True)
    second = start(framework_id=framework_id)
    second.say("launch", task="new", command="true")
    second.wait("update", task="new", state="TASK_FINISHED")
    second.say("reconcile", tasks=["survivor"])
    second.wait("update", task="survivor", state="TASK_RUNNING", reconciled=True)
    second.stop()
    wait_for("it to be unregistered", lambda: framework_id in frameworks(cluster, "completed_frameworks"))
