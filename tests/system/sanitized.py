# SPDX-License-Identifier: Apache-2.0
"""Programs that are not ours with a library of ours that was built with a sanitizer."""

import json
import re
import subprocess

import pytest

from cluster import BIN


def for_foreign_programs():
    """Variables with which programs that are not ours can load libmesos.so if it was built with AddressSanitizer."""
    needed = subprocess.run(["ldd", BIN / "libmesos.so"], capture_output=True, text=True, check=True).stdout
    runtime = re.search(r"libasan\S* => (\S+)", needed)
    # A JVM, above all, has its own ways with signals, and ends without giving memory back.
    return {"LD_PRELOAD": runtime.group(1), "ASAN_OPTIONS": "detect_leaks=0:handle_segv=0"} if runtime else {}


@pytest.fixture(autouse=True, scope="module")
def libmesos_loads():
    """For a module that imports it: whatever it starts, executors on agents too, can load libmesos.so."""
    with pytest.MonkeyPatch.context() as patch:
        variables = for_foreign_programs()
        for name, value in variables.items():
            patch.setenv(name, value)
        if variables:
            patch.setenv("MESOS_EXECUTOR_ENVIRONMENT_VARIABLES", json.dumps(variables))
        yield
