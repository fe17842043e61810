#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An executor of one's own: messages.py starts it. A task runs until it is killed; every message is sent back."""

import os
import time

import mesos

RETRY_S = 0.2


def handle(executor, event):
    """Returns whether to go on."""
    if event["type"] == "LAUNCH":
        executor.update(event["launch"]["task"]["task_id"]["value"], "TASK_RUNNING")
    elif event["type"] == "KILL":
        executor.update(event["kill"]["task_id"]["value"], "TASK_KILLED", message="as you wish")
    elif event["type"] == "MESSAGE":
        executor.call("MESSAGE", message={"data": event["message"]["data"]})
    elif event["type"] == "ERROR":
        raise RuntimeError(event["error"]["message"])
    return event["type"] != "SHUTDOWN"


def main():
    executor = mesos.Executor()
    may_return = os.environ["MESOS_CHECKPOINT"] == "1"
    while True:
        try:
            for event in executor.events():
                print(event["type"], flush=True)
                if not handle(executor, event):
                    return
        except OSError as error:
            print(error, flush=True)
        if not may_return:
            return
        time.sleep(RETRY_S)  # MESOS_SUBSCRIPTION_BACKOFF_MAX at most; up to MESOS_RECOVERY_TIMEOUT in all


if __name__ == "__main__":
    main()
