# SPDX-License-Identifier: Apache-2.0
"""pymesos_scheduler.py MASTER NAME USER [ID]: a scheduler on pymesos.

Reads commands and writes callbacks, each a line of JSON; see ../test_drivers.py."""

import json
import sys
import threading

import pymesos


def say(event, **members):
    print(json.dumps({**members, "event": event}), flush=True)


class Scheduler(pymesos.Scheduler):
    def __init__(self):
        self.lock = threading.Lock()
        self.wanted = []

    def registered(self, driver, frameworkId, masterInfo):
        say("registered", id=frameworkId["value"], port=masterInfo["port"], version=masterInfo["version"])

    def reregistered(self, driver, masterInfo):
        say("reregistered", port=masterInfo["port"])

    def disconnected(self, driver):
        say("disconnected")

    def resourceOffers(self, driver, offers):
        filters = {"refuse_seconds": 0}
        for offer in offers:
            with self.lock:
                wanted = self.wanted.pop(0) if self.wanted else None
            if wanted:
                driver.launchTasks(offer["id"], [self.task(wanted, offer)], filters)
            else:
                driver.declineOffer(offer["id"], filters)

    @staticmethod
    def task(wanted, offer):
        task = {"name": wanted["task"], "task_id": {"value": wanted["task"]}, "agent_id": offer["agent_id"],
                "resources": [{"name": name, "type": "SCALAR", "scalar": {"value": value}}
                              for name, value in (("cpus", 0.1), ("mem", 32))]}
        command = {"value": wanted["command"]}
        if "executor" in wanted:
            task["executor"] = {"executor_id": {"value": wanted["executor"]}, "command": command}
        else:
            task["command"] = command
        return task

    def statusUpdate(self, driver, status):
        say("update", task=status["task_id"]["value"], state=status["state"], message=status.get("message", ""),
            agent=status.get("agent_id", {}).get("value", ""), data=pymesos.decode_data(status.get("data", "")).decode(),
            reconciled=status.get("reason") == "REASON_RECONCILIATION")

    def frameworkMessage(self, driver, executorId, agentId, message):
        say("message", executor=executorId["value"], text=pymesos.decode_data(message).decode())

    def error(self, driver, message):
        say("error", message=message)

    def obey(self, driver):
        for line in sys.stdin:
            command = json.loads(line)
            kind = command.pop("do")
            if kind == "launch":
                with self.lock:
                    self.wanted.append(command)
            elif kind == "kill":
                driver.killTask({"value": command["task"]})
            elif kind == "reconcile":
                driver.reconcileTasks([{"task_id": {"value": task}} for task in command["tasks"]])
            elif kind == "message":
                driver.sendFrameworkMessage({"value": command["executor"]}, {"value": command["agent"]},
                                            pymesos.encode_data(command["text"].encode()))
            elif kind == "stop":
                driver.stop(command["failover"])


def main():
    framework = {"name": sys.argv[2], "user": sys.argv[3], "failover_timeout": 600, "checkpoint": True}
    if len(sys.argv) > 4:
        framework["id"] = {"value": sys.argv[4]}
    scheduler = Scheduler()
    driver = pymesos.MesosSchedulerDriver(scheduler, framework, sys.argv[1])
    threading.Thread(target=scheduler.obey, args=(driver,), daemon=True).start()
    driver.run()
    say("stopped", status="DRIVER_STOPPED")


main()
