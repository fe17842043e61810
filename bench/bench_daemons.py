#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of real daemons on loopback: memory and start-up of an idle master and agent, tasks a second end to end, what
1,000 idle frameworks weigh, updates a second, a stream of offers, and idle drivers.

    bench_daemons.py <folder of mesos-master> <bench_load> [what ...]

`what` is idle, tasks, updates, frameworks, offers or drivers; without it all are run. Work directories are in TMPDIR, and stay
until the end: some file systems are slow to make files where many have just been removed."""

import atexit
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
TICKS_S = os.sysconf("SC_CLK_TCK")
DEADLINE_S = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def memory_kib(pid):
    """Resident and proportional memory."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("Rss", "Pss"):
            found[name] = int(rest.split()[0])
    return found["Rss"], found["Pss"]


def cpu_s(pid):
    """User and system time of a process and of its children that have been waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / TICKS_S, sum(map(int, fields[13:15])) / TICKS_S


def until(condition, what):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench_daemons: gave up waiting for {what}")
        time.sleep(0.0005)


class Daemon:
    def __init__(self, arguments, log):
        self.log = log
        self.port = free_port()
        self.began = time.monotonic()
        self.process = subprocess.Popen([*arguments, "--ip=127.0.0.1", f"--port={self.port}"], stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL)
        self.pid = self.process.pid

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def wait_for_health(self):
        """Milliseconds from exec to the first answer."""
        until(lambda: self.get("/health")[0] == 200, "a first answer")
        return (time.monotonic() - self.began) * 1000

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=DEADLINE_S)


class Cluster:
    """A master, and an agent if wanted, in a folder of their own."""

    def __init__(self, bin_dir, *master_flags):
        self.bin = pathlib.Path(bin_dir)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="bench-daemons-"))
        # Where the system's default for --runtime_dir lies: in memory.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="bench-daemons-", dir=memory))
        for folder in (self.path, self.run):
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self.log = (self.path / "log").open("ab")
        self.agent = None
        self.master = Daemon([self.bin / "mesos-master", f"--work_dir={self.path}/master", *master_flags], self.log)
        try:
            self.master_ms = self.master.wait_for_health()
        except BaseException:
            self.stop()
            raise

    def start_agent(self):
        """Milliseconds until it is registered."""
        self.agent = Daemon([self.bin / "mesos-agent", f"--master={self.master.address}",
                             f"--work_dir={self.path}/agent", f"--runtime_dir={self.run}",
                             "--resources=cpus:100;mem:100000;disk:1000"], self.log)
        until(lambda: b'"active":true' in self.master.get("/slaves")[1], "the agent to be registered")
        return (time.monotonic() - self.agent.began) * 1000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Also after a failure: nothing is left running."""
        self.stop()

    def stop(self):
        if self.agent is not None:
            self.agent.stop()
        self.master.stop()
        self.log.close()


def run_load(load, *arguments):
    done = subprocess.run([load, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        sys.exit(f"bench_daemons: {' '.join(map(str, arguments))}: {done.stderr}")
    return json.loads(done.stdout)


def bench_idle(bin_dir, load):
    rows = {name: [] for name in ("master ms", "agent ms", "master MiB", "agent MiB", "master Pss", "agent Pss")}
    for _ in range(ROUNDS):
        with Cluster(bin_dir) as cluster:
            rows["master ms"].append(cluster.master_ms)
            rows["agent ms"].append(cluster.start_agent())
            for name, daemon in (("master", cluster.master), ("agent", cluster.agent)):
                rss, pss = memory_kib(daemon.pid)
                rows[f"{name} MiB"].append(rss / 1024)
                rows[f"{name} Pss"].append(pss / 1024)
    middle = {name: statistics.median(values) for name, values in rows.items()}
    print(f"master, idle: {middle['master MiB']:.1f} MiB resident ({middle['master Pss']:.1f} proportional), "
          f"{middle['master ms']:.0f} ms to its first answer")
    print(f"agent, idle: {middle['agent MiB']:.1f} MiB resident ({middle['agent Pss']:.1f} proportional), "
          f"{middle['agent ms']:.0f} ms until it is registered")


def bench_tasks(bin_dir, load):
    count = 300
    for kind, more in (("checkpointed", ["checkpoint"]), ("not checkpointed", [])):
        firsts, rates, costs = [], [], []
        for _ in range(3):
            with Cluster(bin_dir, "--allocation_interval=10ms") as cluster:
                cluster.start_agent()
                firsts.append(run_load(load, "tasks", cluster.master.address, 100, 100, *more)["first_running_ms"])
                before = [*cpu_s(cluster.agent.pid), cpu_s(cluster.master.pid)[0]]
                rates.append(count / run_load(load, "tasks", cluster.master.address, count, 20, *more)["seconds"])
                after = [*cpu_s(cluster.agent.pid), cpu_s(cluster.master.pid)[0]]
                costs.append([(a - b) * 1000 / count for a, b in zip(after, before)])
        agent, containers, master = (statistics.median(column) for column in zip(*costs))
        print(f"command tasks, {kind}: {statistics.median(rates):.0f} a second with 20 at once; CPU of each: "
              f"{agent:.1f} ms of the agent, {containers:.1f} of monitor, executor and shell, {master:.2f} of the "
              f"master; of a batch of 100 the first runs after {statistics.median(firsts):.0f} ms")


def bench_updates(bin_dir, load):
    tasks, each = 100, 100
    for kind, more in (("checkpointed", ["checkpoint"]), ("not checkpointed", [])):
        rates, costs = [], []
        for _ in range(3):
            with Cluster(bin_dir, "--allocation_interval=10ms") as cluster:
                cluster.start_agent()
                before = [sum(cpu_s(daemon.pid)) for daemon in (cluster.agent, cluster.master)]
                result = run_load(load, "updates", cluster.master.address, tasks, each, *more)
                after = [sum(cpu_s(daemon.pid)) for daemon in (cluster.agent, cluster.master)]
                rates.append(result["updates"] / result["seconds"])
                costs.append([(a - b) * 1e6 / result["updates"] for a, b in zip(after, before)])
        agent, master = (statistics.median(column) for column in zip(*costs))
        print(f"updates of {tasks} tasks, {kind}, each sent, acknowledged and followed by the next: "
              f"{statistics.median(rates):.0f} a second; CPU of each: {agent:.0f} us of the agent, {master:.0f} of the "
              f"master")


def bench_frameworks(bin_dir, load):
    count = 1000
    with Cluster(bin_dir) as cluster:
        before, _ = memory_kib(cluster.master.pid)
        with subprocess.Popen([load, "frameworks", cluster.master.address, str(count)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as schedulers:
            if not schedulers.stdout.readline():
                sys.exit("bench_daemons: the frameworks did not come")
            after, _ = memory_kib(cluster.master.pid)
            cpu = sum(cpu_s(cluster.master.pid))
            time.sleep(5)
            cpu = sum(cpu_s(cluster.master.pid)) - cpu
            schedulers.stdin.close()
        print(f"{count} idle frameworks: {(after - before) / count:.1f} KiB of the master each, "
              f"{cpu / 5 * 100:.1f} % of a core")


def bench_offers(bin_dir, load):
    with Cluster(bin_dir, "--allocation_interval=1ms") as cluster:
        result = run_load(load, "offers", cluster.master.address, 1000, 100000)
        cpu = sum(cpu_s(cluster.master.pid))
        rss, _ = memory_kib(cluster.master.pid)
        offers = result["offers"]
        print(f"{offers} offers of 1,000 agents, sent and declined: {offers / result['seconds']:.0f} a second, "
              f"{cpu * 1e6 / offers:.1f} us of the master's CPU each; then {rss / 1024:.1f} MiB resident")


def bench_drivers(bin_dir, load):
    driver = pathlib.Path(load).with_name("bench_driver")
    with Cluster(bin_dir) as cluster:
        for what, address, more in (("registered", cluster.master.address, []),
                                    ("its master is away", f"127.0.0.1:{free_port()}", ["away"])):
            result = run_load(driver, address, 100, 20, *more)
            print(f"an idle driver of libmesos, {what}: {result['kib_each']:.0f} KiB of its process, "
                  f"{result['cpu_ms_each_second'] * 1000:.0f} us of CPU and {result['wake_ups_each_second']:.2f} wake-ups "
                  "a second")


BENCHES = {"idle": bench_idle, "tasks": bench_tasks, "updates": bench_updates, "frameworks": bench_frameworks,
           "offers": bench_offers, "drivers": bench_drivers}


def main():
    if len(sys.argv) < 3 or any(what not in BENCHES for what in sys.argv[3:]):
        sys.exit(__doc__)
    for what in sys.argv[3:] or BENCHES:
        BENCHES[what](sys.argv[1], sys.argv[2])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
