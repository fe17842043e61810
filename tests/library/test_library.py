# SPDX-License-Identifier: Apache-2.0
"""libmesos as others find it: installed, with headers and pkg-config file, from C++, loaded and unloaded."""

import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

from cluster import BIN, Cluster, descendants, is_alive, wait_for  # noqa: E402
from sanitized import for_foreign_programs  # noqa: E402


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
        result = subprocess.run([program, cluster.address], env={**os.environ, **for_foreign_programs()},
                                capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stderr
    finally:
        cluster.stop()


def test_every_program_and_every_function_has_its_manual_page(prefix):
    pages = {p.name for p in prefix.rglob("man/man*/*")}
    programs = {p.name for p in prefix.rglob("bin/*")}
    assert {"mesos-master", "mesos-agent"} <= programs
    assert {p for p in programs if not pages & {f"{p}.1", f"{p}.8"}} == set()
    symbols = subprocess.run(["nm", "-D", "--defined-only", BIN / "libmesos.so"], check=True, capture_output=True, text=True)
    functions = {line.split()[-1].split("@")[0] for line in symbols.stdout.splitlines() if " T mesos_" in line}
    assert {f for f in functions if not f.startswith("mesos__") and f"{f}.3" not in pages} == set()


def test_the_library_can_be_loaded_and_unloaded_fifty_times(tmp_path):
    program = tmp_path / "reload"
    subprocess.run(["cc", "-o", program, HERE / "reload.c", "-ldl"], check=True)
    result = subprocess.run([program, BIN / "libmesos.so"], env={**os.environ, **for_foreign_programs()},
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


@pytest.fixture
def master(tmp_path):
    cluster = Cluster(tmp_path)
    cluster.start_master()
    yield cluster.address
    cluster.stop()


def robust(*arguments, under=(), **environment):
    program = BIN.parent / "tests" / "library" / "robust"
    result = subprocess.run([*under, program, *arguments], capture_output=True, text=True, timeout=250, check=False,
                            env={**os.environ, **environment})
    assert result.returncode == 0, result.stdout + result.stderr[-4000:]
    return result.stdout


def test_a_thousand_lives_leave_no_byte_no_descriptor_and_no_thread(master):
    assert "1000 lives" in robust("lives", "1000", master, GLIBC_TUNABLES="glibc.malloc.tcache_count=0")


def needed_libraries():
    return subprocess.run(["ldd", BIN / "libmesos.so"], capture_output=True, text=True, check=True).stdout


def test_valgrind_finds_nothing_lost_and_nothing_misused(master):
    if "san.so" in needed_libraries():
        pytest.skip("built with a sanitizer, which looks itself")
    robust("lives", "50", master, under=("valgrind", "-q", "--leak-check=full", "--error-exitcode=9",
                                         "--errors-for-leak-kinds=definite,indirect,possible"))


@pytest.mark.parametrize("what, words", [("slow", "the other driver was not held up"), ("crowd", "everybody was served"),
                                         ("fork", "both have lived")])
def test_robust_in_a_strange_process(master, what, words):
    if what == "fork" and "libtsan" in needed_libraries():
        pytest.skip("ThreadSanitizer can not follow threads that begin after the fork of a process with threads")
    assert words in robust(what, master)


def local_clusters(work_dir):
    """The processes of the clusters that keep their files there."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text() == "mesos-local\n" and \
                    f"MESOS_WORK_DIR={work_dir}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def local_environment(work_dir):
    return {**os.environ, "MESOS_WORK_DIR": str(work_dir), "MESOS_RESOURCES": "cpus:2;mem:512;disk:256", "MESOS_NUM_AGENTS": "2"}


def test_d2_a_driver_whose_master_is_local_brings_its_cluster(tmp_path):
    result = subprocess.run([BIN / "example-hello", "--master=local"], env=local_environment(tmp_path),
                            capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "5 tasks, 5 messages, DRIVER_STOPPED" in result.stdout
    # With the flags of the environment, and gone with the driver.
    assert sorted(p.name for p in (tmp_path / "agents").iterdir()) == ["0", "1"]
    assert local_clusters(tmp_path) == []


def test_local_clusters_do_not_meet_and_leave_nothing_behind(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "MESOS_RESOURCES": "cpus:2;mem:512;disk:256"}
    environment.pop("MESOS_WORK_DIR", None)
    both = [subprocess.Popen([BIN / "example-hello", "--master=local"], env=environment, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    for hello in both:
        text, _ = hello.communicate(timeout=100)
        assert hello.returncode == 0 and "5 tasks, 5 messages, DRIVER_STOPPED" in text
    assert list(tmp_path.iterdir()) == []


def test_a_local_cluster_in_the_place_of_an_earlier_one_begins_anew(tmp_path):
    for _ in range(2):
        result = subprocess.run([BIN / "example-hello", "--master=local"], env=local_environment(tmp_path),
                                capture_output=True, text=True, timeout=100, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_a_local_cluster_ends_with_the_process_that_wanted_it(tmp_path):
    with (tmp_path / "log").open("w") as log:
        queue = subprocess.Popen([BIN / "example-queue", "--master=local", f"--state={tmp_path / 'queue'}", "sleep 1000"],
                                 env=local_environment(tmp_path), stdout=log, stderr=log)
    wait_for("the job to run", lambda: "TASK_RUNNING" in (tmp_path / "log").read_text())
    assert len(local_clusters(tmp_path)) == 1
    (pid,) = local_clusters(tmp_path)
    tasks = descendants(pid)
    assert any(is_alive(task) for task in tasks)
    queue.kill()
    queue.wait()
    wait_for("the cluster to end", lambda: not local_clusters(tmp_path))
    wait_for("its tasks to end", lambda: not any(is_alive(task) for task in tasks))


def test_a_local_cluster_that_can_not_start_is_told_to_the_error_callback(tmp_path):
    environment = {**local_environment(tmp_path), "MESOS_RESOURCES": "nonsense"}
    result = subprocess.run([BIN / "example-hello", "--master=local"], env=environment, capture_output=True, text=True,
                            timeout=100, check=False)
    assert result.returncode == 1
    assert 'error: master "local": mesos-local ended instead of starting' in result.stderr
    assert "DRIVER_ABORTED" in result.stdout


def test_nothing_shows_but_the_api():
    symbols = subprocess.run(["nm", "-D", "--defined-only", BIN / "libmesos.so"], check=True, capture_output=True,
                             text=True).stdout.split("\n")
    names = [line.split()[-1].split("@")[0] for line in symbols if line]
    strangers = [n for n in names if not n.startswith(("mesos_", "Java_org_apache_mesos_", "JNI_OnLoad", "MESOS_1"))]
    assert strangers == []
    assert "mesos_scheduler_driver_new" in names
