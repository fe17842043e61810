# SPDX-License-Identifier: Apache-2.0
"""Masters found by ZooKeeper: agents, libmesos and mesos-execute follow whoever leads by a real server."""

import pathlib

import pytest
from kazoo.security import CREATOR_ALL_ACL

from cluster import BIN, Cluster, get_json, wait_for
from zookeeper import lead


@pytest.fixture
def cluster(zookeeper, empty_cluster):
    """A master, nothing of which is in ZooKeeper yet."""
    empty_cluster.start_master()
    return empty_cluster


def url(zookeeper, path="/mesos"):
    return f"zk://{zookeeper.address}{path}"


def start_queue(cluster, name, zookeeper, *commands):
    return cluster.start(name, BIN / "example-queue", f"--master={url(zookeeper)}",
                         f"--state={cluster.directory / 'queue'}", *commands)


def test_d2_agents_and_frameworks_find_the_master_that_leads(cluster, zookeeper):
    agent = cluster.start_agent(master=url(zookeeper), wait=False)
    client = zookeeper.client()
    wait_for("the agent to look", lambda: "ZooKeeper names no leading master" in agent.text())
    lead(client, cluster.address)
    wait_for("the agent to be registered", lambda: cluster.is_registered(agent))
    result = cluster.run("mesos-execute", f"--master={url(zookeeper)}", "--name=hello", "--command=echo hello",
                         "--resources=cpus:0.1;mem:32")
    assert result.returncode == 0, result.stderr
    hello = cluster.run("example-hello", f"--master={url(zookeeper)}")
    assert "5 tasks, 5 messages, DRIVER_STOPPED" in hello.stdout


def test_a_file_may_name_zookeeper(cluster, zookeeper, tmp_path):
    lead(zookeeper.client(), cluster.address)
    (tmp_path / "master-url").write_text(url(zookeeper) + "\n")
    cluster.start_agent()
    hello = cluster.run("example-hello", f"--master=file://{tmp_path / 'master-url'}")
    assert "5 tasks, 5 messages, DRIVER_STOPPED" in hello.stdout


def test_the_lowest_sequence_number_leads_and_hands_over(cluster, zookeeper, tmp_path):
    (tmp_path / "second").mkdir()
    second = Cluster(tmp_path / "second")
    try:
        second.start_master()
        first_client, second_client = zookeeper.client(), zookeeper.client()
        first_client.create("/mesos/log_replicas", makepath=True)
        lead(first_client, cluster.address)
        lead(second_client, second.address)
        agent = cluster.start_agent(master=url(zookeeper))
        queue = start_queue(cluster, "queue", zookeeper, f"until [ -e {tmp_path / 'go'} ]; do sleep 0.05; done")
        wait_for("the job to run", lambda: "TASK_RUNNING" in queue.text())
        # The first master dies with its session: agent and framework move to the second, and the task goes on.
        cluster.master.kill()
        first_client.stop()
        wait_for("the agent to move", lambda: second.is_registered(agent))
        wait_for("the framework to move", lambda: "registered again" in queue.text())
        (tmp_path / "go").touch()
        assert queue.wait() == 0
        assert "1 done, 0 failed" in queue.text()
        assert queue.text().count("TASK_FAILED") == 0
    finally:
        second.stop()


def test_a_master_that_loses_its_leadership_is_left(cluster, zookeeper):
    client = zookeeper.client()
    znode = lead(client, cluster.address)
    queue = start_queue(cluster, "queue", zookeeper, "true")
    wait_for("the framework", lambda: "registered as" in queue.text())
    client.delete(znode)
    wait_for("the disconnection", lambda: not get_json(cluster.address, "/frameworks")["frameworks"][0]["connected"])
    lead(client, cluster.address)
    wait_for("the return", lambda: "registered again" in queue.text())


def test_a_server_that_is_away_for_a_moment_costs_nothing(cluster, zookeeper):
    client = zookeeper.client()
    lead(client, cluster.address)
    agent = cluster.start_agent(master=url(zookeeper))
    zookeeper.stop()
    wait_for("the loss to be noticed", lambda: "ZooKeeper: ZOO_" in agent.text())
    zookeeper.start()
    hello = cluster.run("example-hello", f"--master={url(zookeeper)}")
    assert "5 tasks, 5 messages, DRIVER_STOPPED" in hello.stdout
    assert cluster.is_registered(agent)
    assert "Lost leading master" not in agent.text()


def test_a_session_that_is_over_is_replaced(cluster, zookeeper):
    """The server is away for longer than a session lasts: nobody leads then, and again somebody once it is back."""
    lead(zookeeper.client(), cluster.address)
    agent = cluster.start_agent(master=url(zookeeper))
    zookeeper.stop()
    wait_for("the master to be given up", lambda: "Lost leading master" in agent.text())
    zookeeper.start()
    lead(zookeeper.client(), cluster.address)
    wait_for("the agent to come back", lambda: agent.text().count(f"The master at {cluster.address} leads") == 2)
    wait_for("the agent to be registered", lambda: cluster.is_registered(agent))


def test_credentials_open_what_is_closed_to_others(cluster, zookeeper):
    client = zookeeper.client()
    client.add_auth("digest", "mesos:secret")
    lead(client, cluster.address, path="/closed")
    client.set_acls("/closed", CREATOR_ALL_ACL)
    closed = cluster.start("closed", BIN / "example-hello", f"--master={url(zookeeper, '/closed')}")
    wait_for("the refusal", lambda: "ZooKeeper does not let us read /closed" in closed.text())
    cluster.start_agent()
    hello = cluster.run("example-hello", f"--master=zk://mesos:secret@{zookeeper.address}/closed")
    assert "5 tasks, 5 messages, DRIVER_STOPPED" in hello.stdout


def test_a_driver_without_zookeeper_ends_at_once(tmp_path, empty_cluster):
    """The session's threads do not hold up the end."""
    queue = empty_cluster.start("queue", BIN / "example-keeper", "--master=zk://127.0.0.1:1,127.0.0.1:2/mesos",
                                "--command=true")
    wait_for("the first try", lambda: "ZooKeeper: ZOO_" in queue.text())
    threads = len(list(pathlib.Path(f"/proc/{queue.pid}/task").iterdir()))
    assert threads >= 5
    queue.kill(15)
    assert queue.wait() == 0
