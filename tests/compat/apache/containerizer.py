# SPDX-License-Identifier: Apache-2.0
"""In the place of Apache Mesos's mesos-containerizer, which does not come with its library: runs a container's command once the
agent has let it go, passes signals on, and writes down how it ended."""

import json
import os
import pathlib
import signal
import sys

info = json.loads(os.environ["MESOS_CONTAINERIZER_LAUNCH_INFO"])
runtime = pathlib.Path(os.environ["MESOS_CONTAINERIZER_RUNTIME_DIRECTORY"])
go = int(os.environ["MESOS_CONTAINERIZER_PIPE_READ"])
os.close(int(os.environ["MESOS_CONTAINERIZER_PIPE_WRITE"]))
if not os.read(go, 1):
    sys.exit("The agent is gone, or has given the container up.")
os.close(go)
os.chdir(info["working_directory"])
command = info["command"]
environment = {v["name"]: v["value"] for v in info.get("environment", {}).get("variables", [])}
environment.setdefault("PATH", os.defpath)
child = os.fork()
if child == 0:
    if command.get("shell", True):
        os.execve("/bin/sh", ["sh", "-c", command["value"]], environment)
    os.execve(command["value"], command.get("arguments", []), environment)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, lambda which, frame: os.kill(child, which))
status = os.waitpid(child, 0)[1]
runtime.mkdir(parents=True, exist_ok=True)
(runtime / "status").write_text(str(status))
os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)
