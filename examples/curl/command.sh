#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run one command on the cluster: command.sh HOST:PORT COMMAND [MEMBERS OF TaskInfo]
#
# MEMBERS are further ones in JSON, for example ',"health_check":{…}'. COMMAND must not need escaping in JSON.
set -euo pipefail
command=$2
members=${3:-}
# shellcheck source=examples/curl/mesos.sh
. "$(dirname "$0")/mesos.sh"

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
            "resources":'"$resources"',"command":{"value":"'"$command"'"}'"$members"'}]}}]}}'
        ;;
    UPDATE)
        state=$(value state)
        healthy=$(grep -o '"healthy":[a-z]*' <<< "$event" || true)
        echo "$state${healthy:+ $healthy}"
        call '{"type":"ACKNOWLEDGE","framework_id":{"value":"'"$framework"'"},"acknowledge":{
          "agent_id":{"value":"'"$(value agent_id)"'"},"task_id":{"value":"task"},"uuid":"'"$(value uuid)"'"}}'
        case $state in
        TASK_STARTING | TASK_RUNNING) ;;
        *) break ;;
        esac
        ;;
    esac
done
call '{"type":"TEARDOWN","framework_id":{"value":"'"$framework"'"}}'
[ "$state" = TASK_FINISHED ]
