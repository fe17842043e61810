#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run two commands as a task group: pod.sh HOST:PORT COMMAND COMMAND
set -euo pipefail
commands=("${@:2:2}")
# shellcheck source=examples/curl/mesos.sh
. "$(dirname "$0")/mesos.sh"

subscribe "http://$1/api/v1/scheduler" '{"type":"SUBSCRIBE","subscribe":{"framework_info":{
  "user":"'"$(id -un)"'","name":"curl","roles":["*"],
  "capabilities":[{"type":"MULTI_ROLE"}]}}}'
framework=$(value framework_id)

resources='{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},{"name":"mem","type":"SCALAR","scalar":{"value":32}}'
task() {
    echo '{"name":"'"$1"'","task_id":{"value":"'"$1"'"},"agent_id":{"value":"'"$agent"'"},
      "resources":['"$resources"'],"command":{"value":"'"$2"'"}}'
}

ended=0
failed=0
while [ $ended -lt 2 ] && next_event; do
    case $(value type) in
    OFFERS)
        [ -z "${agent:-}" ] || continue
        agent=$(value agent_id)
        [[ $event =~ \"id\":\{\"value\":\"([^\"]*)\" ]]
        call '{"type":"ACCEPT","framework_id":{"value":"'"$framework"'"},"accept":{
          "offer_ids":[{"value":"'"${BASH_REMATCH[1]}"'"}],"operations":[{"type":"LAUNCH_GROUP","launch_group":{
            "executor":{"type":"DEFAULT","executor_id":{"value":"pod"},"framework_id":{"value":"'"$framework"'"},
              "resources":['"$resources"',{"name":"disk","type":"SCALAR","scalar":{"value":16}}]},
            "task_group":{"tasks":['"$(task first "${commands[0]}"),$(task second "${commands[1]}")"']}}}]}}'
        ;;
    UPDATE)
        state=$(value state)
        call '{"type":"ACKNOWLEDGE","framework_id":{"value":"'"$framework"'"},"acknowledge":{
          "agent_id":{"value":"'"$(value agent_id)"'"},"task_id":{"value":"'"$(value task_id)"'"},
          "uuid":"'"$(value uuid)"'"}}'
        case $state in
        TASK_STARTING | TASK_RUNNING) ;;
        *)
            echo "$(value task_id) $state"
            ended=$((ended + 1))
            [ "$state" = TASK_FINISHED ] || failed=1
            ;;
        esac
        ;;
    esac
done
call '{"type":"TEARDOWN","framework_id":{"value":"'"$framework"'"}}'
exit $failed
