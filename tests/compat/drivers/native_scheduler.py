# SPDX-License-Identifier: Apache-2.0
"""native_scheduler.py MASTER NAME USER [ID]: a scheduler on Apache Mesos's own C++ driver, as mesos.scheduler brings it for Python 2.

Reads commands and writes callbacks, each a line of JSON; see ../test_drivers.py."""

from __future__ import print_function

import json
import sys
import threading

import mesos.interface
from mesos.interface import mesos_pb2
from mesos.scheduler import MesosSchedulerDriver


def say(event, **members):
    print(json.dumps(dict(members, event=event)))
    sys.stdout.flush()


def make(message, value):
    result = message()
    result.value = value
    return result


class Scheduler(mesos.interface.Scheduler):
    def __init__(self):
        self.lock = threading.Lock()
        self.framework_id = None
        self.wanted = []

    def registered(self, driver, framework_id, master):
        self.framework_id = framework_id.value
        say("registered", id=framework_id.value, port=master.port, version=master.version)

    def reregistered(self, driver, master):
        say("reregistered", port=master.port)

    def disconnected(self, driver):
        say("disconnected")

    def resourceOffers(self, driver, offers):
        filters = mesos_pb2.Filters()
        filters.refuse_seconds = 0
        for offer in offers:
            with self.lock:
                wanted = self.wanted.pop(0) if self.wanted else None
            if not wanted:
                driver.declineOffer(offer.id, filters)
                continue
            operation = mesos_pb2.Offer.Operation()
            operation.type = mesos_pb2.Offer.Operation.LAUNCH
            self.fill(operation.launch.task_infos.add(), wanted, offer)
            driver.acceptOffers([offer.id], [operation], filters)

    def fill(self, task, wanted, offer):
        task.name = task.task_id.value = wanted["task"]
        task.slave_id.value = offer.slave_id.value
        for name, value in (("cpus", 0.1), ("mem", 32)):
            resource = task.resources.add()
            resource.name, resource.type, resource.scalar.value = name, mesos_pb2.Value.SCALAR, value
        if "executor" in wanted:
            task.executor.executor_id.value = wanted["executor"]
            task.executor.framework_id.value = self.framework_id
            task.executor.command.value = wanted["command"]
        else:
            task.command.value = wanted["command"]

    def statusUpdate(self, driver, status):
        say("update", task=status.task_id.value, state=mesos_pb2.TaskState.Name(status.state), message=status.message,
            agent=status.slave_id.value, data=status.data.decode("ascii"),
            reconciled=status.reason == mesos_pb2.TaskStatus.REASON_RECONCILIATION)

    def frameworkMessage(self, driver, executor, agent, message):
        say("message", executor=executor.value, text=message)

    def error(self, driver, message):
        say("error", message=message)

    def obey(self, driver):
        for line in iter(sys.stdin.readline, ""):
            command = json.loads(line)
            kind = command.pop("do")
            if kind == "launch":
                with self.lock:
                    self.wanted.append(command)
            elif kind == "kill":
                driver.killTask(make(mesos_pb2.TaskID, command["task"]))
            elif kind == "reconcile":
                statuses = []
                for task in command["tasks"]:
                    status = mesos_pb2.TaskStatus()
                    status.task_id.value, status.state = task, mesos_pb2.TASK_STAGING
                    statuses.append(status)
                driver.reconcileTasks(statuses)
            elif kind == "message":
                driver.sendFrameworkMessage(make(mesos_pb2.ExecutorID, command["executor"]),
                                            make(mesos_pb2.SlaveID, command["agent"]), str(command["text"]))
            elif kind == "stop":
                driver.stop(command["failover"])


def main():
    framework = mesos_pb2.FrameworkInfo()
    framework.name, framework.user, framework.failover_timeout, framework.checkpoint = sys.argv[2], sys.argv[3], 600, True
    if len(sys.argv) > 4:
        framework.id.value = sys.argv[4]
    scheduler = Scheduler()
    driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1])
    thread = threading.Thread(target=scheduler.obey, args=(driver,))
    thread.daemon = True
    thread.start()
    say("stopped", status=mesos_pb2.Status.Name(driver.run()))


main()
