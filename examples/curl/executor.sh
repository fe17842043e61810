#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An executor of one's own: every task is run as the shell command in its "data", which is base64 in JSON. The agent
# starts it, see with-executor.sh.
set -euo pipefail
# shellcheck source=examples/curl/mesos.sh
. "$(dirname "$0")/mesos.sh"
ids='"framework_id":{"value":"'"$MESOS_FRAMEWORK_ID"'"},"executor_id":{"value":"'"$MESOS_EXECUTOR_ID"'"}'

# update TASK STATE: every status has a uuid of its own, 16 bytes in base64.
update() {
    local uuid
    uuid=$(head -c 16 /dev/urandom | base64)
    call '{"type":"UPDATE",'"$ids"',"update":{"status":{"task_id":{"value":"'"$1"'"},"state":"'"$2"'",
      "source":"SOURCE_EXECUTOR","uuid":"'"$uuid"'"}}}'
}

subscribe "http://$MESOS_AGENT_ENDPOINT/api/v1/executor" '{"type":"SUBSCRIBE",'"$ids"',"subscribe":{}}'
while next_event; do
    case $(value type) in
    LAUNCH)
        task=$(value task_id)
        update "$task" TASK_RUNNING
        if bash -c "$(value data | base64 -d)"; then
            update "$task" TASK_FINISHED
        else
            update "$task" TASK_FAILED
        fi
        ;;
    SHUTDOWN)
        break
        ;;
    esac
done
