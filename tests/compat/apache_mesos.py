# SPDX-License-Identifier: Apache-2.0
"""Apache Mesos's own library, as the package mesos.scheduler of PyPI has it for Python 2: libmesos and libprocess in one shared
object, with master and agent, which its drivers start in their process for the master "local"."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys

from cluster import ROOT

HERE = pathlib.Path(__file__).parent
HOME = ROOT / "build" / "apache"


def run(*arguments, **options):
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@contextlib.contextmanager
def one_at_a_time():
    """Tests in several processes want the same things."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_missing(library, directory):
    """Libraries that the driver was linked with and that Debian 12 has no more, OpenSSL 1.0 and its libcurl. The driver calls
    nothing of theirs, but wants them there: every function of these aborts."""
    functions = re.findall(r" U (\w+)@((?:OPENSSL|CURL)\w*\.?\w*\.?\w*)$", run("nm", "-D", library), re.MULTILINE)
    assert functions
    names = {"libcurl.so.4": [f for f in functions if f[0].startswith("curl_")],
             "libssl.so.1.0.0": [f for f in functions if f[0].startswith(("SSL", "TLS"))]}
    names["libcrypto.so.1.0.0"] = [f for f in functions if not any(f in there for there in names.values())]
    for name, there in names.items():
        (directory / "missing.c").write_text("void abort(void);\n" + "".join(f"void {f}(void) {{ abort(); }}\n" for f, _ in there))
        versions = sorted({version for _, version in there})
        (directory / "missing.map").write_text("".join(
            f"{version} {{ {' '.join(f'{f};' for f, v in there if v == version)} }};\n" for version in versions))
        run("cc", "-shared", "-fPIC", "-w", f"-Wl,-soname,{name}", f"-Wl,--version-script,{directory / 'missing.map'}",
            "-o", directory / name, directory / "missing.c")


def fetch(version):
    """The path of the library; libraries that it needs lie in the folder three above, home."""
    home = HOME / version
    library = home / "mesos" / "scheduler" / "_scheduler.so"
    with one_at_a_time():
        make_library(version, home, library)
    return library


def make_library(version, home, library):
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        (home / "download").mkdir(parents=True)
        # What PyPI has is the tree of an installation, which pip unpacks, looks for a setup.py in, and leaves.
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-clean", "-d", home,
                        f"mesos-scheduler==={version}.linux-x86_64"],
                       env={**os.environ, "TMPDIR": str(home / "download")}, check=False, capture_output=True)
        (found,) = (home / "download").rglob("_scheduler.so")
        library.parent.parent.mkdir()
        shutil.move(found.parent, library.parent)
        shutil.rmtree(home / "download")
        build_missing(library, home)
        (home / "complete").touch()


def build_local(version):
    """The command that starts master and agents, and its environment."""
    library = fetch(version)
    home = library.parents[2]
    with one_at_a_time():
        make_local(library, home)
    return [home / "local", library, home / "libpython.so"], {"LD_LIBRARY_PATH": str(home), "MESOS_LAUNCHER_DIR": str(home / "launcher")}


def make_local(library, home):
    source, program, launcher = HERE / "apache" / "local.cpp", home / "local", home / "launcher"
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return
    python = re.findall(r" U (_?Py\w+)$", run("nm", "-D", library), re.MULTILINE)
    (home / "python.c").write_text("void abort(void);\n" + "".join(f"void {name}(void) {{ abort(); }}\n" for name in python))
    run("cc", "-shared", "-fPIC", "-w", "-o", home / "libpython.so", home / "python.c")
    launcher.mkdir(exist_ok=True)
    (launcher / "mesos-containerizer").write_text(f'#!/bin/sh\nexec {sys.executable} {HERE / "apache" / "containerizer.py"}\n')
    (launcher / "mesos-containerizer").chmod(0o755)
    run("c++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, source, "-ldl")
