#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run one command on the cluster: command.py HOST:PORT COMMAND

What a scheduler has to do at least: subscribe, accept an offer, acknowledge updates, tear down."""

import sys

import mesos

TERMINAL = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE",
            "TASK_GONE_BY_OPERATOR")


def main():
    master, command = sys.argv[1:3]
    scheduler = mesos.Scheduler(master, "command", ["PARTITION_AWARE"])
    is_launched = False
    for event in scheduler.events():
        if event["type"] == "OFFERS":
            for offer in event["offers"]["offers"]:
                is_fit = not is_launched and mesos.amount(offer, "cpus") >= 0.1 and mesos.amount(offer, "mem") >= 32
                scheduler.accept(offer, *[{"type": "LAUNCH", "launch": {"task_infos": [
                    {"name": "command", "task_id": {"value": "command"}, "agent_id": offer["agent_id"],
                     "resources": mesos.scalars(cpus=0.1, mem=32), "command": {"value": command}}]}}] if is_fit else [])
                is_launched |= is_fit
        elif event["type"] == "UPDATE":
            status = event["update"]["status"]
            print(status["state"], status.get("message", ""), flush=True)
            scheduler.acknowledge(status)
            if status["state"] in TERMINAL:
                scheduler.call("TEARDOWN")
                return 0 if status["state"] == "TASK_FINISHED" else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
