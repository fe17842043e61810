# SPDX-License-Identifier: Apache-2.0
"""mesoshttp from PyPI, unmodified: a small scheduler in Python against our master and agent."""

import base64
import pathlib
import queue
import sys
import threading

import pytest
from mesoshttp.client import MesosClient

from cluster import DEADLINE_S, USER, get_json, wait_for

ECHO = f"{sys.executable} {pathlib.Path(__file__).parents[1] / 'system' / 'echo_executor.py'}"
POKE = "nobody-has-this-task"
TERMINAL = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_ERROR")


class Framework:
    """A scheduler on mesoshttp. Its callbacks run in the thread that register() blocks; they fill queues.

    mesoshttp hands on an event once the first byte after it has come, that is with the next event: at the latest with
    a heartbeat, after 15 s. Whoever waits for something therefore asks for a task nobody has, which is an event.
    """

    def __init__(self, cluster, framework_id=None):
        self.client = MesosClient([f"http://{cluster.address}"], frameworkId=framework_id, frameworkName="mesoshttp",
                                  frameworkUser=USER, max_reconnect=1)
        self.client.set_failover_timeout(600)
        self.updates, self.messages, self.offers, self.failures = (queue.Queue() for _ in range(4))
        self.driver = None
        self.wanted = []
        self.registered = threading.Event()
        self.client.on(MesosClient.SUBSCRIBED, self.on_subscribed)
        self.client.on(MesosClient.OFFERS, self.on_offers)
        self.client.on(MesosClient.UPDATE, lambda update: self.updates.put(update["status"]))
        self.client.on(MesosClient.FAILURE, self.failures.put)
        self.client.on(MesosClient.ERROR, self.failures.put)
        # on() knows no MESSAGE, while events of that type do reach its callbacks.
        self.client.callbacks["MESSAGE"] = [self.messages.put]
        self.thread = threading.Thread(target=self.client.register, daemon=True)
        self.thread.start()
        assert self.registered.wait(DEADLINE_S)
        self.id = self.driver.frameworkId

    def on_subscribed(self, driver):
        self.driver = driver
        self.registered.set()

    def on_offers(self, offers):
        for offer in offers:
            if self.wanted:
                task, accept = self.wanted.pop(0)
                task["agent_id"] = offer.get_offer()["agent_id"]
                accept(offer, task)
                self.offers.put(offer.get_offer())
            else:
                offer.decline({"filters": {"refuse_seconds": 0}})

    def poke(self):
        self.driver.reconcile([{"task_id": {"value": POKE}}])

    def wait(self, what, condition):
        def poked():
            self.poke()
            return condition()
        return wait_for(what, poked)

    def take(self, from_queue):
        return self.wait("an event", lambda: None if from_queue.empty() else (from_queue.get(),))[0]

    def launch(self, task_id, command=None, executor=None, combine=False):
        """Launch with the next offer, which is returned."""
        task = {"name": task_id, "task_id": {"value": task_id},
                "resources": [{"name": name, "type": "SCALAR", "scalar": {"value": value}}
                              for name, value in [("cpus", 0.1), ("mem", 32)]]}
        if executor:
            task["executor"] = executor
        else:
            task["command"] = {"value": command}
        options = {"filters": {"refuse_seconds": 0}}
        if combine:
            self.wanted.append((task, lambda offer, t: self.client.combine_offers([offer], [t], options)))
        else:
            self.wanted.append((task, lambda offer, t: offer.accept([t], options)))
        return self.take(self.offers)

    def expect(self, task_id, state):
        while True:
            status = self.take(self.updates)
            if status["task_id"]["value"] != task_id:
                continue
            if status["state"] == state:
                return status
            assert status["state"] not in TERMINAL, status

    def disconnect(self):
        """Go away without a word, as for a failover."""
        self.client.disconnect_framework()
        self.wait("the scheduler to be gone", lambda: not self.thread.is_alive())

    def tear_down(self):
        self.client.tearDown()
        self.wait("the framework to be torn down", lambda: not self.thread.is_alive())


@pytest.fixture
def framework(cluster):
    f = Framework(cluster)
    yield f
    if f.thread.is_alive():
        f.tear_down()


def state_of(cluster, framework):
    state = get_json(cluster.address, "/state")
    for kind in ("frameworks", "completed_frameworks"):
        for found in state[kind]:
            if found["id"] == framework.id:
                return kind, found
    return None, None


def test_it_registers_with_what_it_says_of_itself(cluster, framework):
    kind, found = state_of(cluster, framework)
    assert kind == "frameworks"
    assert (found["name"], found["user"], found["failover_timeout"]) == ("mesoshttp", USER, 600.0)
    assert framework.client.get_master_info()["port"] == cluster.port


@pytest.mark.parametrize("combine", [False, True])
def test_a_task_runs_to_its_end_and_is_acknowledged(cluster, framework, combine):
    framework.launch("hello", "echo hello from mesoshttp", combine=combine)
    framework.expect("hello", "TASK_RUNNING")
    status = framework.expect("hello", "TASK_FINISHED")
    assert "exited with status 0" in status["message"]
    (sandbox,) = cluster.sandboxes(cluster.agents["agent"], "hello")
    assert "hello from mesoshttp" in (sandbox / "stdout").read_text()

    def is_acknowledged():
        _, found = state_of(cluster, framework)
        return [t["id"] for t in found["completed_tasks"]] == ["hello"] and not found["tasks"]

    wait_for("the last update to be acknowledged", is_acknowledged)


def test_a_failing_task_says_why(framework):
    framework.launch("bad", "exit 9")
    assert "exited with status 9" in framework.expect("bad", "TASK_FAILED")["message"]


def test_a_task_is_killed(framework):
    offer = framework.launch("sleeper", "sleep 1000")
    framework.expect("sleeper", "TASK_RUNNING")
    framework.driver.kill(offer["agent_id"]["value"], "sleeper")
    framework.expect("sleeper", "TASK_KILLED")


def echo_executor(framework):
    return {"type": "CUSTOM", "executor_id": {"value": "echo"}, "framework_id": {"value": framework.id},
            "command": {"value": ECHO}}


def test_messages_go_to_an_executor_and_back(framework):
    offer = framework.launch("chat", executor=echo_executor(framework))
    framework.expect("chat", "TASK_RUNNING")
    framework.driver.message(offer["agent_id"]["value"], "echo", base64.b64encode(b"ping").decode())
    message = framework.take(framework.messages)
    assert base64.b64decode(message["data"]) == b"ping"
    assert message["executor_id"] == {"value": "echo"}


def test_an_executor_is_shut_down(framework):
    offer = framework.launch("chat", executor=echo_executor(framework))
    framework.expect("chat", "TASK_RUNNING")
    framework.driver.shutdown(offer["agent_id"]["value"], "echo")
    framework.expect("chat", "TASK_FAILED")
    failure = framework.take(framework.failures)
    assert failure["executor_id"] == {"value": "echo"}


def test_reconciliation_tells_of_known_and_unknown_tasks(framework):
    offer = framework.launch("known", "sleep 1000")
    framework.expect("known", "TASK_RUNNING")
    framework.driver.reconcile([{"task_id": {"value": "known"}, "agent_id": offer["agent_id"]},
                                {"task_id": {"value": "stranger"}}])
    known = framework.expect("known", "TASK_RUNNING")
    assert known["reason"] == "REASON_RECONCILIATION" and "uuid" not in known
    assert framework.expect("stranger", "TASK_LOST")["reason"] == "REASON_RECONCILIATION"


def test_another_scheduler_takes_over_by_the_id(cluster, framework):
    offer = framework.launch("survivor", "sleep 1000")
    framework.expect("survivor", "TASK_RUNNING")
    framework.disconnect()
    second = Framework(cluster, framework_id=framework.id)
    assert second.id == framework.id
    second.driver.reconcile([{"task_id": {"value": "survivor"}, "agent_id": offer["agent_id"]}])
    second.expect("survivor", "TASK_RUNNING")
    second.driver.kill(offer["agent_id"]["value"], "survivor")
    second.expect("survivor", "TASK_KILLED")
    second.tear_down()


def test_a_declined_offer_stays_away_until_revived(cluster, framework):
    filtered = threading.Event()

    def decline_for_long(offer, _):
        offer.decline({"filters": {"refuse_seconds": 3600}})
        filtered.set()

    framework.wanted.append(({}, decline_for_long))
    framework.take(framework.offers)
    assert filtered.is_set()
    before = get_json(cluster.address, "/metrics/snapshot")["allocator/mesos/allocation_runs"]
    wait_for("some more rounds of allocation", lambda: get_json(
        cluster.address, "/metrics/snapshot")["allocator/mesos/allocation_runs"] >= before + 5)
    _, found = state_of(cluster, framework)
    assert not found["offers"]
    framework.driver.revive()
    framework.launch("revived", "true")
    framework.expect("revived", "TASK_FINISHED")


def test_teardown_ends_the_framework_and_its_tasks(cluster, framework):
    framework.launch("orphan", "sleep 1000")
    framework.expect("orphan", "TASK_RUNNING")
    framework.tear_down()
    wait_for("the framework to be completed", lambda: state_of(cluster, framework)[0] == "completed_frameworks")
    wait_for("its executor to be gone", lambda: not get_json(cluster.agents["agent"].address, "/containers"))
