# SPDX-License-Identifier: Apache-2.0
"""libmesos as others find it: installed, with headers and pkg-config file, from C++, loaded and unloaded."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

from cluster import BIN, Cluster  # noqa: E402


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """What `meson install` puts there."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "-C", BIN.parent, "--no-rebuild", "--quiet", "--destdir", root], check=True)
    return root


def pkg_config(prefix, *arguments):
    (file,) = prefix.rglob("mesos.pc")
    environment = {"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": str(file.parent), "PKG_CONFIG_SYSROOT_DIR": str(prefix),
                   "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1", "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1"}
    own = subprocess.run(["pkg-config", *arguments, "mesos"], env=environment, check=True, capture_output=True,
                         text=True).stdout.split()
    # Only what is ours was put below the root.
    return [w.replace(str(prefix), "", 1) if w[2:].startswith(str(prefix)) and not pathlib.Path(w[2:]).exists() else w
            for w in own]


def test_a_cxx_program_builds_on_the_installed_files_and_runs(prefix, tmp_path):
    program = tmp_path / "session"
    subprocess.run(["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-o", program, HERE / "session.cpp",
                    *pkg_config(prefix, "--cflags", "--libs"), f"-Wl,-rpath,{next(prefix.rglob('libmesos.so')).parent}"],
                   check=True)
    cluster = Cluster(tmp_path)
    try:
        cluster.start_master()
        result = subprocess.run([program, cluster.address], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stderr
    finally:
        cluster.stop()


def test_the_library_can_be_loaded_and_unloaded_fifty_times(tmp_path):
    program = tmp_path / "reload"
    subprocess.run(["cc", "-o", program, HERE / "reload.c", "-ldl"], check=True)
    result = subprocess.run([program, BIN / "libmesos.so"], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def test_nothing_shows_but_the_api():
    symbols = subprocess.run(["nm", "-D", "--defined-only", BIN / "libmesos.so"], check=True, capture_output=True,
                             text=True).stdout.split("\n")
    names = [line.split()[-1].split("@")[0] for line in symbols if line]
    strangers = [n for n in names if not n.startswith(("mesos_", "Java_org_apache_mesos_", "MESOS_1"))]
    assert strangers == []
    assert "mesos_scheduler_driver_new" in names
