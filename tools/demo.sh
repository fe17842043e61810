#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh <folder of programs>: a master and two agents as separate daemons on loopback, a shell command and an example
# framework run on them, everything stopped again. Ports are free ones, files are in a temporary folder.
set -euo pipefail

bin=$(cd "$1" && pwd)
home=$(mktemp -d "${TMPDIR:-/tmp}/mesos-demo.XXXXXX")
pids=()

# The demonstration is of what is given here, not of what the caller's shell happens to hold.
for variable in $(compgen -e | grep '^MESOS_' || true); do
    unset "$variable"
done

# stop <pid>: ask, and insist after five seconds.
stop() {
    kill -TERM "$1" 2>/dev/null || return 0
    for _ in $(seq 100); do
        jobs -pr | grep -qx "$1" || return 0
        sleep 0.05
    done
    echo "process $1 did not stop when asked" >&2
    kill -KILL "$1" 2>/dev/null || true
}

finish() {
    status=$?
    # What is begun here is finished.
    trap '' INT TERM
    trap - EXIT
    # The agents before the master, the last begun first.
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        stop "${pids[i]}"
        wait "${pids[i]}" 2>/dev/null || true
    done
    if [ "$status" -ne 0 ] && [ "$status" -ne 130 ]; then
        for log in "$home"/*.log; do
            echo "== $log"
            tail -n 25 "$log"
        done >&2
        echo "The demonstration failed; its files are in $home" >&2
    else
        rm -rf "$home"
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# wait_for <what> <command...>: until the command succeeds, ten seconds at most.
wait_for() {
    local what=$1
    shift
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.05
    done
    echo "waited in vain for $what" >&2
    return 1
}

is_healthy() {
    curl --silent --fail --max-time 2 "http://$1/health"
}

both_agents_are_there() {
    [ "$(curl --silent --fail --max-time 2 "http://$master/slaves" | grep -o '"active":true' | wc -l)" -eq 2 ]
}

# start <name> <program> <flags...>
start() {
    local name=$1 program=$2
    shift 2
    "$bin/$program" "$@" >"$home/$name.log" 2>&1 &
    pids+=($!)
    echo "started $program ($name), process $!"
}

# The kernel chooses the port; the master's log tells which one.
master_address() {
    master=$(sed -n 's/.* started on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$home/master.log" | head -n 1)
    [ -n "$master" ]
}

echo "== A cluster: one master, two agents"
start master mesos-master --ip=127.0.0.1 --port=0 --work_dir="$home/master"
wait_for "the master's address" master_address
wait_for "the master" is_healthy "$master"
echo "the master answers at http://$master (try /state, /metrics/snapshot, /help)"
for number in 1 2; do
    start "agent$number" mesos-agent --master="$master" --ip=127.0.0.1 --port=0 --hostname=localhost \
        --work_dir="$home/agent$number" --runtime_dir="$home/agent$number/run" \
        --resources='cpus:2;mem:512;disk:1024;ports:[31000-32000]'
done
wait_for "the agents" both_agents_are_there
echo "both agents are registered"

echo
echo "== A shell command, run by mesos-execute"
# shellcheck disable=SC2016 # the task's shell is to expand it
"$bin/mesos-execute" --master="$master" --name=demo --resources='cpus:0.5;mem:32' \
    --command='echo "hello from $(id -un) on $(uname -n), in $(pwd)"' 2>"$home/execute.log"

echo
echo "== A framework with a scheduler and an executor of its own: five tasks, messages both ways"
"$bin/example-hello" --master="$master" 2>"$home/hello.log"

echo
echo "== What the tasks wrote"
shopt -s nullglob
printed=0
for output in "$home"/agent*/slaves/*/frameworks/*/executors/*/runs/*/stdout; do
    case $output in */runs/latest/*) continue ;; esac
    executor=${output%/runs/*}
    echo "-- ${executor##*/}"
    cat "$output"
    printed=$((printed + 1))
done
if [ "$printed" -lt 2 ]; then
    echo "expected the output of a command and of an executor, found $printed" >&2
    exit 1
fi

echo
echo "== Stopping everything (master was http://$master)"
