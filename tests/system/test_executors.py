# SPDX-License-Identifier: Apache-2.0
"""The executor API by hand: the container is a sleeping shell, and the test is the executor that should be in it."""

import base64
import http.client
import json
import queue
import threading
import uuid

import pytest

from cluster import DEADLINE_S, get_json, post, wait_for
from scheduler import Scheduler

LATE = "--executor_reregistration_timeout=15secs"


class Executor:
    def __init__(self, agent, scheduler, executor_id="e", headers=None):
        self.agent = agent
        self.ids = {"framework_id": {"value": scheduler.framework_id}, "executor_id": {"value": executor_id}}
        self.headers = headers or {}
        self.events = queue.Queue()

    def post(self, kind, **members):
        connection = http.client.HTTPConnection(self.agent.address, timeout=DEADLINE_S)
        connection.request("POST", "/api/v1/executor", json.dumps({**self.ids, "type": kind, **members}),
                           {"Content-Type": "application/json", "Accept": "application/json", **self.headers})
        return connection.getresponse()

    def subscribe(self, updates=(), tasks=()):
        """Returns SUBSCRIBED; asks again while the agent recovers."""
        response = wait_for("the agent to take executors", lambda: self.try_subscribe(updates, tasks))
        self.events = queue.Queue()
        threading.Thread(target=self.read, args=(response, self.events), daemon=True).start()
        return self.next("SUBSCRIBED")

    def try_subscribe(self, updates, tasks):
        try:
            response = self.post("SUBSCRIBE", subscribe={"unacknowledged_updates": [{"status": s} for s in updates],
                                                         "unacknowledged_tasks": list(tasks)})
        except OSError:
            return None
        assert response.status in (200, 503), response.read()
        return response if response.status == 200 else None

    @staticmethod
    def read(response, events):
        try:
            while length := response.readline():
                events.put(json.loads(response.read(int(length))))
        except (OSError, ValueError, http.client.HTTPException):
            pass
        events.put({"type": "CLOSED"})

    def next(self, wanted):
        event = self.events.get(timeout=DEADLINE_S)
        assert event["type"] == wanted, event
        return event

    def status(self, task_id, state):
        return {"task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR",
                "uuid": base64.b64encode(uuid.uuid4().bytes).decode(), "executor_id": self.ids["executor_id"]}

    def update(self, status):
        assert self.post("UPDATE", update={"status": status}).status == 202


@pytest.fixture
def checkpointing(cluster):
    s = Scheduler(cluster.address, checkpoint=True, failover_timeout=600, capabilities=("MULTI_ROLE", "PARTITION_AWARE"))
    yield s
    s.close()


def launch(scheduler, *task_ids):
    for task_id in task_ids:
        scheduler.launch(task_id, None, executor=scheduler.executor("e", "exec sleep 1000"))


def begin(cluster, scheduler, *task_ids, **options):
    """An executor that has subscribed and got its tasks; returns it and their TaskInfos."""
    agent = cluster.agents["agent"]
    launch(scheduler, *task_ids)
    wait_for("the container to run", lambda: any(c["status"].get("executor_pid") for c in get_json(agent.address, "/containers")))
    executor = Executor(agent, scheduler, **options)
    executor.subscribe()
    return executor, [executor.next("LAUNCH")["launch"]["task"] for _ in task_ids]


def restart(cluster, executor):
    agent = cluster.agents["agent"]
    cluster.kill_agent(agent)
    executor.agent = cluster.start_agent("agent", LATE, port=agent.port, wait=False)


def test_a_task_is_launched_updated_and_acknowledged(cluster, checkpointing):
    executor, (task,) = begin(cluster, checkpointing, "t")
    assert task["task_id"]["value"] == "t"
    status = executor.status("t", "TASK_RUNNING")
    executor.update(status)
    assert executor.next("ACKNOWLEDGED")["acknowledged"] == {"task_id": {"value": "t"}, "uuid": status["uuid"]}
    assert checkpointing.expect("t", "TASK_RUNNING")["uuid"] == status["uuid"]
    checkpointing.kill("t")
    assert executor.next("KILL")["kill"]["task_id"]["value"] == "t"
    executor.update(executor.status("t", "TASK_KILLED"))
    checkpointing.expect("t", "TASK_KILLED")


def test_an_update_that_the_agent_never_saw_comes_with_the_subscription(cluster, checkpointing):
    executor, tasks = begin(cluster, checkpointing, "t")
    restart(cluster, executor)
    status = executor.status("t", "TASK_RUNNING")
    executor.subscribe([status], tasks)
    assert executor.next("ACKNOWLEDGED")["acknowledged"]["uuid"] == status["uuid"]
    assert checkpointing.expect("t", "TASK_RUNNING")["uuid"] == status["uuid"]


def test_an_update_that_the_agent_has_is_acknowledged_and_told_once(cluster, checkpointing):
    executor, tasks = begin(cluster, checkpointing, "t")
    first = executor.status("t", "TASK_RUNNING")
    executor.update(first)
    executor.next("ACKNOWLEDGED")
    checkpointing.expect("t", "TASK_RUNNING")
    restart(cluster, executor)
    last = executor.status("t", "TASK_FINISHED")
    executor.subscribe([first, last], tasks)
    assert [executor.next("ACKNOWLEDGED")["acknowledged"]["uuid"] for _ in range(2)] == [first["uuid"], last["uuid"]]
    # Had the first one been told again it would come before.
    while not checkpointing.updates:
        checkpointing.next("UPDATE")
    assert checkpointing.updates[0]["uuid"] == last["uuid"]


def test_a_task_that_never_arrived_is_dropped(cluster, checkpointing):
    executor, tasks = begin(cluster, checkpointing, "here", "lost")
    restart(cluster, executor)
    executor.subscribe(tasks=tasks[:1])
    status = checkpointing.expect("lost", "TASK_DROPPED")
    assert status["reason"] == "REASON_AGENT_RESTARTED"
    executor.update(executor.status("here", "TASK_RUNNING"))
    checkpointing.expect("here", "TASK_RUNNING")


def test_a_restarted_agent_sends_new_tasks_to_the_executor_of_before(cluster, checkpointing):
    executor, tasks = begin(cluster, checkpointing, "first")
    executor.update(executor.status("first", "TASK_RUNNING"))
    executor.next("ACKNOWLEDGED")
    checkpointing.expect("first", "TASK_RUNNING")
    restart(cluster, executor)
    executor.subscribe()
    wait_for("the agent to be registered", lambda: cluster.is_registered(executor.agent))
    launch(checkpointing, "second")
    assert executor.next("LAUNCH")["launch"]["task"]["task_id"]["value"] == "second"
    assert len(cluster.sandboxes(executor.agent, "e")) == 1 and tasks


def test_an_executor_that_does_not_come_back_is_killed_with_its_tasks(cluster, checkpointing):
    executor, _ = begin(cluster, checkpointing, "t")
    executor.update(executor.status("t", "TASK_RUNNING"))
    checkpointing.expect("t", "TASK_RUNNING")
    agent = cluster.agents["agent"]
    cluster.kill_agent(agent)
    cluster.start_agent("agent", "--executor_reregistration_timeout=100ms", port=agent.port)
    status = checkpointing.expect("t", "TASK_GONE")
    assert status["reason"] == "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"


def test_a_second_subscription_closes_the_first_stream(cluster, checkpointing):
    executor, tasks = begin(cluster, checkpointing, "t")
    again = Executor(cluster.agents["agent"], checkpointing)
    again.subscribe(tasks=tasks)
    executor.next("CLOSED")
    again.update(again.status("t", "TASK_RUNNING"))
    again.next("ACKNOWLEDGED")


def test_calls_before_the_subscription_are_forbidden(cluster, checkpointing):
    launch(checkpointing, "t")
    wait_for("the executor's sandbox", lambda: cluster.sandboxes(cluster.agents["agent"], "e"))
    executor = Executor(cluster.agents["agent"], checkpointing)
    response = executor.post("UPDATE", update={"status": executor.status("t", "TASK_RUNNING")})
    assert (response.status, response.read()) == (403, b"Executor is not subscribed")


def test_a_token_is_accepted(cluster, checkpointing):
    """MESOS_EXECUTOR_AUTHENTICATION_TOKEN: an executor that has one sends it, and this agent does not mind."""
    executor, _ = begin(cluster, checkpointing, "t", headers={"Authorization": "Bearer abc.def.ghi"})
    executor.update(executor.status("t", "TASK_RUNNING"))
    executor.next("ACKNOWLEDGED")


def test_our_executors_take_a_token_from_their_environment_and_keep_it_to_themselves(cluster):
    """The default executor's tasks do not see it."""
    scheduler = Scheduler(cluster.address)
    offer = scheduler.offer()
    resources = [{"name": n, "type": "SCALAR", "scalar": {"value": v}} for n, v in [("cpus", 0.1), ("mem", 32), ("disk", 16)]]
    scheduler.agents["t"] = offer["agent_id"]
    scheduler.call("ACCEPT", accept={"offer_ids": [offer["id"]], "operations": [{"type": "LAUNCH_GROUP", "launch_group": {
        "executor": {"type": "DEFAULT", "executor_id": {"value": "pod"}, "framework_id": {"value": scheduler.framework_id},
                     "resources": resources},
        "task_group": {"tasks": [{"name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"],
                                  "resources": resources, "command": {"value": 'test -z "$MESOS_EXECUTOR_AUTHENTICATION_TOKEN"'}}]}}}]})
    scheduler.expect("t", "TASK_FINISHED")
    scheduler.close()


def test_labels_and_discovery_are_shown_as_they_were_given(cluster, checkpointing):
    labels = {"labels": [{"key": "tier", "value": "front"}, {"key": "tier", "value": "again"}, {"key": "bare"}]}
    discovery = {"visibility": "CLUSTER", "name": "web", "environment": "test", "location": "here", "version": "1",
                 "ports": {"ports": [{"number": 8080, "name": "http", "protocol": "tcp"}]},
                 "labels": {"labels": [{"key": "a", "value": "b"}]}}
    checkpointing.launch("t", "sleep 1000", labels=labels, discovery=discovery)
    checkpointing.expect("t", "TASK_RUNNING")
    (framework,) = get_json(cluster.address, "/state")["frameworks"]
    (of_master,) = framework["tasks"]
    (of_tasks,) = get_json(cluster.address, "/tasks")["tasks"]
    state = get_json(cluster.agents["agent"].address, "/state")
    (of_agent,) = state["frameworks"][0]["executors"][0]["tasks"]
    for task in (of_master, of_tasks, of_agent):
        assert task["labels"] == labels["labels"]
        assert task["discovery"] == discovery
    status, _, body = post(cluster.address, "/api/v1", b'{"type":"GET_TASKS"}',
                           {"Content-Type": "application/json", "Accept": "application/json"})
    assert status == 200
    (task,) = json.loads(body)["get_tasks"]["tasks"]
    assert (task["labels"], task["discovery"]) == (labels, discovery)
