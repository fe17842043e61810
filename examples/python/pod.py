#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A task group: pod.py HOST:PORT [COMMAND]

Two tasks that share a folder; with COMMAND as the second one's. If one fails, the other is killed."""

import sys

import mesos

EXECUTOR = {"cpus": 0.1, "mem": 32, "disk": 16}
TASK = {"cpus": 0.1, "mem": 32}
SHARED = {"type": "MESOS", "volumes": [{
    "container_path": "shared", "mode": "RW",
    "source": {"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": "shared"}}}]}


def launch_group(scheduler, offer, commands):
    tasks = [{"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"], "container": SHARED,
              "resources": mesos.scalars(**TASK), "command": {"value": command}} for name, command in commands.items()]
    executor = {"type": "DEFAULT", "executor_id": {"value": "pod"}, "framework_id": scheduler.framework_id,
                "resources": mesos.scalars(**EXECUTOR)}
    scheduler.accept(offer, {"type": "LAUNCH_GROUP",
                             "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}})


def main():
    commands = {"producer": "echo a note > shared/new && mv shared/new shared/note; sleep 0.1",
                "consumer": sys.argv[2] if len(sys.argv) > 2 else
                "until [ -f shared/note ]; do sleep 0.05; done; cat shared/note"}
    scheduler = mesos.Scheduler(sys.argv[1], "pod")
    is_launched, ended = False, {}
    for event in scheduler.events():
        if event["type"] == "OFFERS":
            for offer in event["offers"]["offers"]:
                is_fit = not is_launched and mesos.amount(offer, "cpus") >= 0.3 and mesos.amount(offer, "disk") >= 16
                if is_fit:
                    launch_group(scheduler, offer, commands)
                    is_launched = True
                else:
                    scheduler.accept(offer)
        elif event["type"] == "UPDATE":
            status = event["update"]["status"]
            scheduler.acknowledge(status)
            if status["state"] not in ("TASK_STARTING", "TASK_RUNNING"):
                ended[status["task_id"]["value"]] = status["state"]
            if len(ended) == len(commands):
                for name in sorted(ended):
                    print(name, ended[name], flush=True)
                scheduler.call("TEARDOWN")
                return 0 if set(ended.values()) == {"TASK_FINISHED"} else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
