# SPDX-License-Identifier: Apache-2.0
"""A real ZooKeeper server for tests, and what masters write into it."""

import json
import socket
import struct
import subprocess

from kazoo.client import KazooClient

from cluster import free_port, wait_for


class ZooKeeper:
    """One server, with its files in a folder of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.process = None
        self.clients = []
        (directory / "data").mkdir(parents=True)
        (directory / "zoo.cfg").write_text(
            f"dataDir={directory / 'data'}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\ntickTime=200\n"
            "maxSessionTimeout=60000\nadmin.enableServer=false\n4lw.commands.whitelist=ruok\n", encoding="utf-8")
        self.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dzookeeper.jmx.log4j.disable=true", "-cp",
                 "/usr/share/java/zookeeper.jar", "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                 str(self.directory / "zoo.cfg")], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for("ZooKeeper", self.is_well)

    def is_well(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"ruok")
                return connection.recv(4) == b"imok"
        except OSError:
            return False

    def stop(self):
        """The server alone, as kill -9 has it; what is written stays."""
        self.process.kill()
        self.process.wait()

    def client(self):
        client = KazooClient(self.address, timeout=5)
        client.start(timeout=30)
        self.clients.append(client)
        return client

    def close(self):
        for client in self.clients:
            client.stop()
            client.close()
        self.stop()


def lead(client, address, path="/mesos"):
    """Write what the master at `address` writes; returns the znode, which is gone with the client."""
    ip, port = address.split(":")
    info = {"address": {"hostname": ip, "ip": ip, "port": int(port)}, "capabilities": [{"type": "AGENT_UPDATE"}],
            "hostname": ip, "id": f"master-{port}", "ip": struct.unpack("<I", socket.inet_aton(ip))[0],
            "pid": f"master@{address}", "port": int(port), "version": "1.11.0"}
    return client.create(f"{path}/json.info_", json.dumps(info).encode(), ephemeral=True, sequence=True, makepath=True)
