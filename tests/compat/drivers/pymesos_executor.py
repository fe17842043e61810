# SPDX-License-Identifier: Apache-2.0
"""A custom executor on pymesos: every task runs until it is killed, every message comes back."""

import time

import pymesos


class Executor(pymesos.Executor):
    def registered(self, driver, executorInfo, frameworkInfo, agentInfo):
        print("registered", executorInfo["executor_id"]["value"], frameworkInfo["name"], flush=True)

    def reregistered(self, driver, agentInfo):
        print("reregistered", flush=True)

    def launchTask(self, driver, task):
        driver.sendStatusUpdate({"task_id": task["task_id"], "state": "TASK_RUNNING", "timestamp": time.time(),
                                 "data": pymesos.encode_data(b"up")})

    def killTask(self, driver, taskId):
        driver.sendStatusUpdate({"task_id": taskId, "state": "TASK_KILLED", "timestamp": time.time()})

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(message)

    def shutdown(self, driver):
        print("shutdown", flush=True)


pymesos.MesosExecutorDriver(Executor()).run()
