# SPDX-License-Identifier: Apache-2.0
"""The walk from end to end: commands, a custom executor, messages both ways."""

from cluster import get_json, wait_for


def test_a_command_runs_and_its_output_is_in_the_sandbox(cluster):
    result = cluster.run("mesos-execute", f"--master={cluster.address}", "--name=greeting", "--command=echo hello $WHO",
                         '--env={"WHO": "world"}', "--resources=cpus:0.1;mem:32")
    assert result.returncode == 0, result.stdout + result.stderr
    states = [line.split()[3] for line in result.stdout.splitlines() if line.startswith("Received status update")]
    assert states[-2:] == ["TASK_RUNNING", "TASK_FINISHED"]
    (sandbox,) = cluster.sandboxes(cluster.agents["agent"], "greeting")
    assert "hello world" in (sandbox / "stdout").read_text()


def test_a_failing_command_says_its_exit_status(cluster):
    result = cluster.run("mesos-execute", f"--master={cluster.address}", "--name=bad", "--command=exit 3")
    assert result.returncode == 1
    assert "TASK_FAILED" in result.stdout
    assert "Command exited with status 3" in result.stdout


def test_a_killed_command_says_its_signal(cluster):
    result = cluster.run("mesos-execute", f"--master={cluster.address}", "--name=suicide", "--command=kill -9 $$")
    assert result.returncode == 1
    assert "TASK_FAILED" in result.stdout
    assert "Command terminated with signal Killed" in result.stdout


def test_a_task_is_killed_on_request(cluster):
    result = cluster.run("mesos-execute", f"--master={cluster.address}", "--name=sleeper", "--command=sleep 1000",
                         "--kill_after=100ms")
    assert result.returncode == 1
    assert "TASK_KILLED" in result.stdout


def test_json_is_spoken_as_well(cluster):
    result = cluster.run("mesos-execute", f"--master={cluster.address}", "--name=json", "--command=true",
                         "--content_type=json")
    assert result.returncode == 0, result.stdout + result.stderr


def test_hello_framework_runs_five_tasks_with_messages_both_ways(cluster):
    cluster.start_agent("second")
    result = cluster.run("example-hello", f"--master={cluster.address}")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("is TASK_FINISHED") == 5
    assert result.stdout.splitlines()[-1] == "5 tasks, 5 messages, DRIVER_STOPPED"
    output = "".join((sandbox / "stdout").read_text() for agent in cluster.agents.values()
                     for sandbox in cluster.sandboxes(agent, "hello-executor"))
    for number in range(1, 6):
        assert f"task-{number}: greeted by the scheduler" in output


def test_finished_frameworks_leave_nothing_allocated(cluster):
    result = cluster.run("mesos-execute", f"--master={cluster.address}", "--name=short", "--command=true")
    assert result.returncode == 0

    def is_free():
        (agent,) = get_json(cluster.address, "/slaves")["slaves"]
        return agent["used_resources"]["cpus"] == 0

    wait_for("the agent to be free", is_free)
    state = get_json(cluster.address, "/state")
    assert state["frameworks"] == []
    (framework,) = state["completed_frameworks"]
    assert [t["state"] for t in framework["completed_tasks"]] == ["TASK_FINISHED"]


def test_mesos_local_is_a_cluster_in_one_process(empty_cluster):
    from cluster import BIN, Cluster, free_port
    port = free_port()
    local = empty_cluster.start("local", BIN / "mesos-local", "--num_agents=3", "--ip=127.0.0.1", f"--port={port}",
                                f"--work_dir={empty_cluster.directory / 'local'}")
    address = f"127.0.0.1:{port}"
    wait_for("mesos-local to answer", lambda: Cluster.answers(address, local))
    wait_for("three agents", lambda: len(get_json(address, "/slaves")["slaves"]) == 3)
    result = empty_cluster.run("mesos-execute", f"--master={address}", "--name=local", "--command=true")
    assert result.returncode == 0, result.stdout + result.stderr
    assert local.stop() == 0
