# SPDX-License-Identifier: Apache-2.0
"""How daemons start, refuse to start, and stop."""

import signal

import pytest

from cluster import BIN, free_port, get, get_json, wait_for

PROGRAMS = ["mesos-master", "mesos-agent", "mesos-local", "mesos-execute"]


def one_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, text
    return lines[0]


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_comes_from_the_flag_table(empty_cluster, program):
    result = empty_cluster.run(program, "--help")
    assert result.returncode == 0
    assert "Usage:" in result.stdout and ("--master" in result.stdout or "--port" in result.stdout)


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_flag_is_one_clear_line(empty_cluster, program):
    result = empty_cluster.run(program, "--no_such_flag=1")
    assert result.returncode != 0
    assert "no_such_flag" in one_line(result.stderr)


def test_wrong_values_are_one_clear_line(empty_cluster):
    work = f"--work_dir={empty_cluster.directory / 'work'}"
    for arguments, word in [
            (["mesos-master", "--port=many", work], "port"),
            (["mesos-master", "--port=70000", work], "port"),
            (["mesos-master", "--ip=999.1.1.1", work], "999.1.1.1"),
            (["mesos-master", "--allocation_interval=fast", work], "allocation_interval"),
            (["mesos-agent", work], "master"),
            (["mesos-agent", "--master=nowhere:x", work], "nowhere:x"),
            (["mesos-agent", "--master=127.0.0.1:5050", "--resources=cpus:-1", work], "cpus"),
            (["mesos-execute", "--name=x", "--command=true"], "master"),
            (["mesos-execute", "--master=127.0.0.1:1", "--command=true"], "name"),
            (["mesos-execute", "--master=127.0.0.1:1", "--name=a", "--command=b", "--resources=cpus:nan"], "value nan")]:
        result = empty_cluster.run(*arguments)
        assert result.returncode != 0, arguments
        assert word in one_line(result.stderr), (arguments, result.stderr)


def test_a_folder_that_can_not_be_written_is_one_clear_line(empty_cluster):
    blocker = empty_cluster.directory / "file"
    blocker.write_text("")
    for program, flags in [("mesos-master", []), ("mesos-agent", ["--master=127.0.0.1:5050"])]:
        result = empty_cluster.run(program, f"--work_dir={blocker}/work", "--ip=127.0.0.1", f"--port={free_port()}", *flags)
        assert result.returncode != 0
        assert str(blocker) in one_line(result.stderr)


def test_an_address_in_use_is_one_clear_line(cluster):
    result = cluster.run("mesos-master", "--ip=127.0.0.1", f"--port={cluster.port}",
                         f"--work_dir={cluster.directory / 'other'}")
    assert result.returncode != 0
    assert str(cluster.port) in one_line(result.stderr)


def test_flags_come_from_the_environment(empty_cluster):
    port = free_port()
    master = empty_cluster.start("master", BIN / "mesos-master", "--ip=127.0.0.1",
                                 env={"MESOS_PORT": str(port), "MESOS_WORK_DIR": str(empty_cluster.directory / "m")})
    wait_for("the master to answer", lambda: empty_cluster.answers(f"127.0.0.1:{port}", master))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_daemons_stop_cleanly_on_signals(cluster, number):
    for daemon in [cluster.agents["agent"], cluster.master]:
        daemon.kill(number)
        assert daemon.wait() == 0, daemon.text()


def test_common_endpoints_answer(cluster):
    for address in [cluster.address, cluster.agents["agent"].address]:
        for path in ["/health", "/version", "/flags", "/state", "/metrics/snapshot", "/metrics", "/help"]:
            assert get(address, path)[0] == 200, (address, path)


def test_flags_tell_what_is_set(cluster):
    """Not what was found out instead: a looked up name is told, but is no flag."""
    for address in [cluster.address, cluster.agents["agent"].address]:
        flags = get_json(address, "/flags")["flags"]
        assert flags["ip"] == "127.0.0.1"
        assert not flags.keys() & {"hostname", "advertise_ip", "advertise_port"}, flags
    assert get_json(cluster.address, "/state")["hostname"]
