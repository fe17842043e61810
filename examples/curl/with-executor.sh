#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run one command below executor.sh: with-executor.sh HOST:PORT COMMAND
set -euo pipefail
here=$(realpath "$(dirname "$0")")
# shellcheck source=examples/curl/mesos.sh
. "$here/mesos.sh"
run_task "$1" '"data":"'"$(base64 -w0 <<< "$2")"'","executor":{"type":"CUSTOM","executor_id":{"value":"shell"},
  "resources":'"$resources"',"command":{"value":"'"$here/executor.sh"'"}}'
