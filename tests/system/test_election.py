# SPDX-License-Identifier: Apache-2.0
"""Several masters elect the one that leads by a real ZooKeeper; agents and frameworks go on with the next one."""

import http.client
import json
import signal

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError
from kazoo.security import make_digest_acl

from cluster import BIN, Cluster, Daemon, free_port, get_json, wait_for
from scheduler import Scheduler


class Masters:
    """Masters that contend by one ZooKeeper, and one cluster of agents and frameworks below them."""

    def __init__(self, directory, zookeeper):
        self.directory = directory
        self.zookeeper = zookeeper
        self.clusters = []
        self.client = zookeeper.client()

    def url(self, path="/mesos", credentials=""):
        return f"zk://{credentials}{self.zookeeper.address}{path}"

    def add(self, *flags, zk=None, timeout="2secs"):
        """One more master, which is a candidate when this returns."""
        directory = self.directory / f"master-{len(self.clusters)}"
        directory.mkdir()
        cluster = Cluster(directory)
        self.clusters.append(cluster)
        cluster.start_master(f"--zk={zk or self.url()}", f"--zk_session_timeout={timeout}", *flags)
        wait_for("the candidate", lambda: "A candidate for leadership" in cluster.master.text())
        return cluster

    def leader(self):
        """The one cluster whose master leads, once there is one."""
        def find():
            leading = [c for c in self.clusters if c.master.is_running() and elected(c) == 1]
            assert len(leading) <= 1
            return leading[0] if leading else None
        return wait_for("a leader", find)

    def others(self):
        leader = self.leader()
        return [c for c in self.clusters if c is not leader and c.master.is_running()]

    def znodes(self, path="/mesos"):
        """The session that the test looks with may have expired while the server was away; it gets another one."""
        try:
            return sorted(self.client.retry(self.client.get_children, path))
        except NoNodeError:
            return []

    def stop(self):
        for cluster in reversed(self.clusters):
            cluster.stop()


@pytest.fixture
def masters(tmp_path, zookeeper):
    m = Masters(tmp_path, zookeeper)
    yield m
    m.stop()


def elected(cluster):
    return get_json(cluster.address, "/metrics/snapshot")["master/elected"]


def ask(cluster, method, target, body=None, headers=None):
    """Status and Location of one request, which is not followed to another place."""
    connection = http.client.HTTPConnection(cluster.address, timeout=60)
    connection.request(method, target, body, headers or {})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers["Location"]


def wait_until_led(cluster):
    """A master learns who leads a little later than that one does."""
    wait_for("the leader to be known", lambda: ask(cluster, "GET", "/redirect")[0] == 307)


def last_line(daemon):
    return daemon.text().splitlines()[-1]


def expect_end(cluster, reason):
    assert cluster.master.wait() == 1
    assert reason in last_line(cluster.master), cluster.master.text()


def test_znodes_are_as_mesos_writes_them(masters):
    first, second = masters.add(), masters.add("--hostname=master2.example")
    assert masters.znodes() == ["json.info_0000000000", "json.info_0000000001"]
    for cluster, name, hostname in ((first, "json.info_0000000000", "localhost"),
                                    (second, "json.info_0000000001", "master2.example")):
        data, stat = masters.client.get(f"/mesos/{name}")
        info = json.loads(data)
        identity = info.pop("id")
        assert info == {
            "address": {"hostname": hostname, "ip": "127.0.0.1", "port": cluster.port},
            "capabilities": [{"type": "AGENT_UPDATE"}], "hostname": hostname, "ip": 16777343,
            "pid": f"master@{cluster.address}", "port": cluster.port, "version": "1.11.0"}
        assert f"Master {identity} " in cluster.master.text()
        assert stat.ephemeralOwner != 0
        acls, _ = masters.client.get_acls(f"/mesos/{name}")
        assert [(a.id.scheme, a.id.id, a.acl_list) for a in acls] == [("world", "anyone", ["ALL"])]
    assert masters.client.get("/mesos")[0] == b""


def test_who_does_not_lead_redirects(masters):
    leader, other = masters.add(), masters.add()
    wait_until_led(other)
    place = f"//localhost:{leader.port}"
    assert masters.leader() is leader
    subscribe = json.dumps({"type": "SUBSCRIBE"})
    as_json = {"Content-Type": "application/json"}
    assert ask(other, "GET", "/redirect") == (307, place)
    assert ask(leader, "GET", "/redirect") == (307, place)
    assert ask(other, "GET", "/state?jsonp=a") == (307, place + "/master/state?jsonp=a")
    assert ask(other, "POST", "/api/v1", '{"type":"GET_MASTER"}', as_json) == (307, place + "/master/api/v1")
    assert ask(other, "POST", "/api/v1/scheduler", subscribe, as_json) == (307, place + "/master/api/v1/scheduler")
    assert ask(other, "GET", "/health") == (200, None)
    assert ask(other, "GET", "/version") == (200, None)
    assert get_json(other.address, "/flags")["flags"]["zk"] == masters.url()
    assert elected(other) == 0
    # urllib follows.
    assert get_json(other.address, "/state")["leader"] == f"master@{leader.address}"
    assert get_json(other.address, "/state")["leader_info"]["port"] == leader.port


def test_the_cluster_goes_on_when_its_leader_is_killed(masters, tmp_path):
    first, second, third = masters.add(), masters.add(), masters.add()
    assert masters.leader() is first
    agent = first.start_agent(master=masters.url())
    gate = f"until [ -e {tmp_path / 'go'} ]; do sleep 0.05; done"
    queue = first.start("queue", BIN / "example-queue", f"--master={masters.url()}",
                        f"--state={tmp_path / 'queue'}", gate)
    wait_for("the queue's job to run", lambda: "TASK_RUNNING" in queue.text())
    # These two know one master each that does not lead, and are redirected.
    execute = first.start("execute", BIN / "mesos-execute", f"--master={second.address}", "--name=long",
                          f"--command={gate}", "--resources=cpus:0.1;mem:32")
    wait_for("the command to run", lambda: "TASK_RUNNING" in execute.text())
    wait_until_led(third)
    _, location = ask(third, "POST", "/api/v1/scheduler", "{}", {"Content-Type": "application/json"})
    scheduler = Scheduler(location[2:].split("/")[0], checkpoint=True, failover_timeout=600)
    scheduler.launch("mine", gate)
    scheduler.expect("mine", "TASK_RUNNING")

    first.master.kill()
    first.master.wait()
    leader = masters.leader()
    assert leader in (second, third)
    assert masters.znodes() == ["json.info_0000000001", "json.info_0000000002"]
    wait_for("the agent to register again", lambda: leader.is_registered(agent))
    wait_for("the queue to register again", lambda: "registered again" in queue.text())
    scheduler.drop()
    again = Scheduler(leader.address, checkpoint=True, failover_timeout=600, framework_id=scheduler.framework_id)
    frameworks = wait_for("all frameworks and their tasks", lambda: (
        lambda found: len(found) == 3 and all(f["connected"] and len(f["tasks"]) == 1 for f in found) and found)(
            get_json(leader.address, "/state")["frameworks"]))
    assert {task["state"] for f in frameworks for task in f["tasks"]} == {"TASK_RUNNING"}

    (tmp_path / "go").touch()
    assert queue.wait() == 0, queue.text()
    assert "1 done, 0 failed" in queue.text()
    assert execute.wait() == 0, execute.text()
    again.expect("mine", "TASK_FINISHED")
    again.close()


def test_an_agent_has_a_session_of_its_own_length(masters, zookeeper):
    cluster = masters.add(timeout="1mins")
    assert masters.leader() is cluster
    short = cluster.start_agent("short", "--zk_session_timeout=1secs", master=masters.url())
    cluster.start_agent("long", "--zk_session_timeout=1mins", master=masters.url())
    zookeeper.stop()
    wait_for("the master to be given up", lambda: "Lost leading master" in short.text())
    assert "Lost leading master" not in cluster.agents["long"].text()


def test_who_ends_in_order_hands_over_at_once(masters):
    first, second = masters.add(timeout="1hrs"), masters.add()
    assert masters.leader() is first
    assert first.master.stop() == 0
    wait_for("the znode to be gone", lambda: masters.znodes() == ["json.info_0000000001"])
    assert masters.leader() is second


def test_a_leader_whose_session_is_over_ends(masters):
    first, second = masters.add(), masters.add()
    assert masters.leader() is first
    first.master.kill(signal.SIGSTOP)
    wait_for("the session to be over", lambda: masters.znodes() == ["json.info_0000000001"])
    first.master.kill(signal.SIGCONT)
    expect_end(first, "leader")
    assert masters.leader() is second


def test_a_leader_whose_znode_is_removed_ends(masters):
    first, second = masters.add(), masters.add()
    assert masters.leader() is first
    masters.client.delete("/mesos/json.info_0000000000")
    expect_end(first, "leader")
    assert masters.leader() is second


def test_another_candidate_that_is_removed_contends_again(masters):
    first, second = masters.add(), masters.add()
    assert masters.leader() is first
    masters.client.delete("/mesos/json.info_0000000001")
    wait_for("a new znode", lambda: masters.znodes() == ["json.info_0000000000", "json.info_0000000002"])
    assert second.master.is_running()
    first.master.kill()
    wait_for("the other to lead", lambda: elected(second) == 1)


def test_without_zookeeper_nobody_leads(masters, zookeeper):
    first, second = masters.add(), masters.add()
    assert masters.leader() is first
    wait_until_led(second)
    zookeeper.stop()
    expect_end(first, "leader")
    wait_for("the refusal", lambda: ask(second, "GET", "/state") == (503, None))
    assert ask(second, "POST", "/api/v1/scheduler", "{}") == (503, None)
    assert ask(second, "GET", "/health") == (200, None)
    zookeeper.start()
    wait_for("the other to lead", lambda: elected(second) == 1)
    assert ask(second, "GET", "/state") == (200, None)


def test_a_server_that_is_away_for_a_moment_costs_nothing(masters, zookeeper):
    """The first server named is never there."""
    away = f"zk://127.0.0.2:{free_port()},{zookeeper.address}/mesos"
    first, second = masters.add(zk=away, timeout="1mins"), masters.add(zk=away, timeout="1mins")
    assert masters.leader() is first
    wait_until_led(second)
    noticed = [c.master.text().count("ZooKeeper: ZOO_") for c in masters.clusters]
    zookeeper.stop()
    wait_for("the loss to be noticed", lambda: all(
        c.master.text().count("ZooKeeper: ZOO_") > n for c, n in zip(masters.clusters, noticed)))
    assert ask(second, "GET", "/redirect") == (307, f"//localhost:{first.port}")
    zookeeper.start()
    wait_for("the connections to be back", lambda: all(
        c.master.text().count("Connected to ZooKeeper") == 2 for c in masters.clusters))
    assert masters.znodes() == ["json.info_0000000000", "json.info_0000000001"]
    first.master.stop()
    wait_for("the second to lead", lambda: elected(second) == 1)


def test_a_master_waits_for_zookeeper(masters, zookeeper, tmp_path):
    zookeeper.stop()
    cluster = Cluster(tmp_path)
    masters.clusters.append(cluster)
    cluster.start_master(f"--zk={masters.url('/a/b/c')}")
    assert ask(cluster, "GET", "/state") == (503, None)
    zookeeper.start()
    wait_for("it to lead", lambda: elected(cluster) == 1)
    assert zookeeper.client().get_children("/a/b/c") == ["json.info_0000000000"]


def test_credentials_close_what_masters_write(masters, zookeeper, tmp_path):
    (tmp_path / "zk").write_text(masters.url("/closed", "mesos:secret@") + "\n")
    first = masters.add(zk=f"file://{tmp_path / 'zk'}")
    assert masters.leader() is first
    assert get_json(first.address, "/flags")["flags"]["zk"] == f"file://{tmp_path / 'zk'}"
    digest = make_digest_acl("mesos", "secret", all=True).id.id
    masters.client.add_auth("digest", "mesos:secret")  # others see that there is a digest, but not which
    for path in ("/closed", "/closed/json.info_0000000000"):
        acls, _ = masters.client.get_acls(path)
        assert [(a.id.scheme, a.id.id, a.acl_list) for a in acls] == [
            ("world", "anyone", ["READ"]), ("digest", digest, ["ALL"])]
    # Agents may read without them; masters that do not have them are none.
    first.start_agent(master=masters.url("/closed"))
    stranger = Daemon("stranger", [BIN / "mesos-master", "--ip=127.0.0.1", "--port=0", f"--zk={masters.url('/closed')}"],
                      tmp_path)
    assert stranger.wait() == 1
    assert "Failed to create a znode below '/closed' in ZooKeeper: not authenticated" in last_line(stranger)


def test_unmodified_clients_read_the_leader(masters, zookeeper):
    """As scripts do: the znode with the lowest number, its JSON, the address in it."""
    first, second = masters.add(), masters.add()
    assert masters.leader() is first

    def leader():
        client = KazooClient(zookeeper.address)
        client.start()
        names = [n for n in client.get_children("/mesos") if n.startswith("json.info_")]
        info = json.loads(client.get("/mesos/" + min(names))[0])
        client.stop()
        client.close()
        return f"{info['address']['ip']}:{info['address']['port']}"

    assert leader() == first.address
    assert get_json(leader(), "/state")["pid"] == f"master@{first.address}"
    first.master.stop()
    assert leader() == second.address


def test_a_local_cluster_has_one_master(tmp_path):
    local = Daemon("local", [BIN / "mesos-local", f"--work_dir={tmp_path}", "--port=0"], tmp_path,
                   env={"MESOS_ZK": "zk://127.0.0.1:1/mesos"})
    assert local.wait() == 1
    assert "unset MESOS_ZK" in last_line(local)
