#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scheduler with an executor of its own: messages.py HOST:PORT

It starts executor.py with a task, sends it a message, and kills the task once the message has come back."""

import base64
import pathlib
import sys

import mesos

EXECUTOR = pathlib.Path(__file__).resolve().parent / "executor.py"


def launch(scheduler, offer):
    executor = {"type": "CUSTOM", "executor_id": {"value": "echo"}, "framework_id": scheduler.framework_id,
                "command": {"value": f"{sys.executable} {EXECUTOR}"}, "resources": mesos.scalars(cpus=0.1, mem=32)}
    scheduler.accept(offer, {"type": "LAUNCH", "launch": {"task_infos": [
        {"name": "task", "task_id": {"value": "task"}, "agent_id": offer["agent_id"],
         "resources": mesos.scalars(cpus=0.1, mem=32), "executor": executor}]}})


def main():
    scheduler = mesos.Scheduler(sys.argv[1], "messages", checkpoint=True, failover_timeout=60)
    is_launched = False
    for event in scheduler.events():
        if event["type"] == "OFFERS":
            for offer in event["offers"]["offers"]:
                if is_launched or mesos.amount(offer, "cpus") < 0.2:
                    scheduler.accept(offer)
                else:
                    launch(scheduler, offer)
                    is_launched = True
        elif event["type"] == "UPDATE":
            status = event["update"]["status"]
            scheduler.acknowledge(status)
            print(status["state"], status.get("message", ""), flush=True)
            if status["state"] == "TASK_RUNNING":
                scheduler.call("MESSAGE", message={"agent_id": status["agent_id"], "executor_id": {"value": "echo"},
                                                   "data": base64.b64encode(b"hello").decode()})
            else:
                scheduler.call("TEARDOWN")
                return 0 if status["state"] == "TASK_KILLED" else 1
        elif event["type"] == "MESSAGE":
            print("message:", base64.b64decode(event["message"]["data"]).decode(), flush=True)
            scheduler.call("KILL", kill={"task_id": {"value": "task"}})
        elif event["type"] == "FAILURE":
            print("the executor has ended:", event["failure"], flush=True)
            return 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
