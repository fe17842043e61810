# SPDX-License-Identifier: Apache-2.0
"""Real daemons for tests: a master and agents on loopback, ports of their own, a folder of their own."""

import contextlib
import json
import os
import pathlib
import pwd
import random
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build")) / "bin"
DEADLINE_S = float(os.environ.get("CMESOS_TEST_DEADLINE", "60"))
# Whoever runs the tests: only root can run tasks as somebody else.
USER = pwd.getpwuid(os.geteuid()).pw_name
CRASHES = [-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE]


def free_port():
    """A port that is free now, below those that the kernel gives to connections, which could take it before a daemon does."""
    while True:
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", random.randrange(12000, 31000)))
            return s.getsockname()[1]


def wait_for(what, condition, deadline_s=DEADLINE_S):
    """Poll until condition() is true and return what it returned; fail with what was waited for."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"gave up waiting for {what}")
        time.sleep(0.02)


def get(address, path, headers=None):
    """Status, headers and body of a GET."""
    request = urllib.request.Request(f"http://{address}{path}", headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def get_json(address, path):
    status, _, body = get(address, path)
    assert status == 200, (path, status, body)
    return json.loads(body)


def post(address, path, body, headers):
    request = urllib.request.Request(f"http://{address}{path}", data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def is_alive(pid):
    """Whether the process exists and has not merely left its status behind."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid):
    """The ids of all processes below pid."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


SANITIZER = re.compile(r"(ERROR: \w+Sanitizer|\S+: runtime error:).*")


def sanitizer_report(text):
    """The text from a sanitizer's first complaint on, shortened, or None."""
    match = SANITIZER.search(text)
    return text[match.start():match.start() + 2000] if match else None


class Daemon:
    """One process with its log in a file."""

    def __init__(self, name, arguments, directory, env=None):
        self.name = name
        self.log = directory / f"{name}.log"
        self.file = self.log.open("ab")
        self.process = subprocess.Popen(
            [str(a) for a in arguments], stdout=self.file, stderr=self.file, stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def kill(self, number=signal.SIGKILL):
        if self.is_running():
            self.process.send_signal(number)

    def wait(self, deadline_s=DEADLINE_S):
        return self.process.wait(timeout=deadline_s)

    def stop(self):
        """SIGTERM, then SIGKILL if that is not enough. Returns the exit status."""
        self.kill(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self.process.wait()
        self.file.close()
        return status


RESOURCES = "cpus:4;mem:1024;disk:1024;ports:[31000-31100]"


class Cluster:
    """A master and agents; everything is stopped by stop(), by process id."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.master = None
        self.agents = {}
        self.others = []
        self.daemons = []
        self.remains = set()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start_master(self, *flags):
        (self.directory / "master").mkdir(exist_ok=True)
        self.master = Daemon("master", [BIN / "mesos-master", "--ip=127.0.0.1", f"--port={self.port}",
                                        f"--work_dir={self.directory / 'master'}", *flags], self.directory)
        self.daemons.append(self.master)
        wait_for("the master to answer", lambda: self.answers(self.address, self.master))
        return self.master

    @staticmethod
    def answers(address, daemon):
        assert daemon.is_running(), daemon.text()
        try:
            return get(address, "/health")[0] == 200
        except OSError:
            return False

    def start_agent(self, name="agent", *flags, port=None, wait=True, env=None, resources=RESOURCES, master=None):
        port = port or free_port()
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        agent = Daemon(name, [BIN / "mesos-agent", f"--master={master or self.address}", "--ip=127.0.0.1", f"--port={port}",
                              f"--work_dir={directory / 'work'}", f"--runtime_dir={directory / 'run'}",
                              f"--resources={resources}",
                              "--registration_backoff_factor=50ms", *flags], self.directory, env)
        agent.port = port
        agent.address = f"127.0.0.1:{port}"
        agent.work_dir = directory / "work"
        self.agents[name] = agent
        self.daemons.append(agent)
        if wait:
            wait_for(f"{name} to be registered", lambda: self.is_registered(agent))
        return agent

    def is_registered(self, agent):
        assert agent.is_running(), agent.text()
        return any(s["active"] and s["pid"].endswith(f":{agent.port}") for s in get_json(self.address, "/slaves")["slaves"])

    def run(self, *arguments, deadline_s=DEADLINE_S, **options):
        """Run a program of ours to its end; returns the CompletedProcess with text."""
        return subprocess.run([str(BIN / arguments[0]), *map(str, arguments[1:])], capture_output=True, text=True,
                              timeout=deadline_s, check=False, **options)

    def start(self, name, *arguments, env=None):
        daemon = Daemon(name, arguments, self.directory, env)
        self.others.append(daemon)
        self.daemons.append(daemon)
        return daemon

    def sandboxes(self, agent, executor_id):
        """The latest run folders of an executor, of any framework."""
        return sorted(p for p in agent.work_dir.glob(f"slaves/*/frameworks/*/executors/{executor_id}/runs/latest"))

    def kill_agent(self, agent):
        """kill -9; what ran below it goes on, and is ended by stop()."""
        self.remains.update(descendants(agent.pid))
        agent.kill()
        agent.wait()

    def stop(self):
        daemons = self.others + list(self.agents.values()) + ([self.master] if self.master else [])
        for daemon in daemons:
            self.remains.update(descendants(daemon.pid))
        for daemon in daemons:
            daemon.stop()
        for pid in self.remains:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.check_for_crashes()

    def check_for_crashes(self):
        """No daemon may have died of itself, and no sanitizer may have found something in what was built with one."""
        for daemon in self.daemons:
            assert daemon.process.returncode not in CRASHES, (daemon.name, daemon.text()[-4000:])
            report = sanitizer_report(daemon.text())
            assert not report, (daemon.name, report)
        for stderr in self.directory.glob("**/stderr"):
            report = sanitizer_report(stderr.read_text(errors="replace"))
            assert not report, (stderr, report)
