#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A task with a check and a health check: checks.py HOST:PORT

The check tells the exit status of a command whenever it changes. The health check fails once the file "sick" is there,
and the task is killed after two failures in a row."""

import sys

import mesos

COMMAND = "until [ -f asked ]; do sleep 0.05; done; touch ready; until [ -f seen ]; do sleep 0.05; done; touch sick; sleep 1000"
CHECK = {"type": "COMMAND", "delay_seconds": 0, "interval_seconds": 0.1, "timeout_seconds": 5, "command": {"command": {
    "value": "if [ -f ready ]; then touch seen; else touch asked; exit 1; fi"}}}
HEALTH_CHECK = {"type": "COMMAND", "command": {"value": "! [ -f sick ]"}, "delay_seconds": 0, "interval_seconds": 0.1,
                "timeout_seconds": 5, "grace_period_seconds": 0, "consecutive_failures": 2}


def describe(status):
    parts = [status["state"]]
    if status.get("reason") == "REASON_TASK_CHECK_STATUS_UPDATED":
        parts.append(f"check: {status['check_status']['command'].get('exit_code')}")
    if status.get("reason") == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED":
        parts.append("healthy" if status["healthy"] else "not healthy")
    return " ".join(parts)


def main():
    scheduler = mesos.Scheduler(sys.argv[1], "checks")
    is_launched = False
    for event in scheduler.events():
        if event["type"] == "OFFERS":
            for offer in event["offers"]["offers"]:
                scheduler.accept(offer, *[] if is_launched else [{"type": "LAUNCH", "launch": {"task_infos": [
                    {"name": "task", "task_id": {"value": "task"}, "agent_id": offer["agent_id"],
                     "resources": mesos.scalars(cpus=0.1, mem=32), "command": {"value": COMMAND},
                     "check": CHECK, "health_check": HEALTH_CHECK,
                     "kill_policy": {"grace_period": {"nanoseconds": 1000000000}}}]}}])
                is_launched = True
        elif event["type"] == "UPDATE":
            status = event["update"]["status"]
            scheduler.acknowledge(status)
            print(describe(status), flush=True)
            if status["state"] not in ("TASK_STARTING", "TASK_RUNNING"):
                scheduler.call("TEARDOWN")
                return 0 if status["state"] == "TASK_KILLED" else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
