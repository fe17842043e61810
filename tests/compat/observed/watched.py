# SPDX-License-Identifier: Apache-2.0
"""Frameworks like those that were watched."""

from cluster import USER
from scheduler import Scheduler

CAPABILITIES = ("RESERVATION_REFINEMENT", "TASK_KILLING_STATE", "REVOCABLE_RESOURCES", "PARTITION_AWARE")


def start_framework(address, role="*"):
    """A framework of one role, as mesos-execute of Mesos is one."""
    framework = Scheduler(address, subscribe=False)
    framework.info = {"user": USER, "name": "mesos-execute instance", "role": role,
                      "capabilities": [{"type": c} for c in CAPABILITIES]}
    framework.subscribe()
    return framework


def wait_for_state(framework, task_id, state):
    """Acknowledge what comes before the state, but not the state itself."""
    while True:
        while framework.updates:
            status = framework.updates.pop(0)
            if status["task_id"]["value"] == task_id and status["state"] == state:
                return status
            framework.acknowledge(status)
        framework.next("UPDATE")


def run_to_its_end(cluster, task_id, command, state):
    """The framework tears itself down before it has acknowledged the last state."""
    framework = start_framework(cluster.address)
    framework.launch(task_id, command, cpus=1, mem=128)
    wait_for_state(framework, task_id, state)
    framework.close()
