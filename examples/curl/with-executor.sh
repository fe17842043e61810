#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run one command below executor.sh: with-executor.sh HOST:PORT COMMAND
set -euo pipefail
command=$2
here=$(realpath "$(dirname "$0")")
# shellcheck source=examples/curl/mesos.sh
. "$here/mesos.sh"

subscribe "http://$1/api/v1/scheduler" '{"type":"SUBSCRIBE","subscribe":{"framework_info":{
  "user":"'"$(id -un)"'","name":"curl","roles":["*"],
  "capabilities":[{"type":"MULTI_ROLE"}]}}}'
framework=$(value framework_id)

resources='[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},{"name":"mem","type":"SCALAR","scalar":{"value":32}}]'
while next_event; do
    case $(value type) in
    OFFERS)
        [ -z "${agent:-}" ] || continue
        agent=$(value agent_id)
        [[ $event =~ \"id\":\{\"value\":\"([^\"]*)\" ]]
        call '{"type":"ACCEPT","framework_id":{"value":"'"$framework"'"},"accept":{
          "offer_ids":[{"value":"'"${BASH_REMATCH[1]}"'"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[{
            "name":"task","task_id":{"value":"task"},"agent_id":{"value":"'"$agent"'"},
            "resources":'"$resources"',"data":"'"$(base64 -w0 <<< "$command")"'",
            "executor":{"type":"CUSTOM","executor_id":{"value":"shell"},"framework_id":{"value":"'"$framework"'"},
              "resources":'"$resources"',"command":{"value":"'"$here/executor.sh"'"}}}]}}]}}'
        ;;
    UPDATE)
        state=$(value state)
        echo "$state"
        call '{"type":"ACKNOWLEDGE","framework_id":{"value":"'"$framework"'"},"acknowledge":{
          "agent_id":{"value":"'"$(value agent_id)"'"},"task_id":{"value":"task"},"uuid":"'"$(value uuid)"'"}}'
        [ "$state" = TASK_RUNNING ] || break
        ;;
    esac
done
call '{"type":"TEARDOWN","framework_id":{"value":"'"$framework"'"}}'
[ "$state" = TASK_FINISHED ]
