#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run one command on the cluster: command.sh HOST:PORT COMMAND [MEMBERS OF TaskInfo]
#
# MEMBERS are further ones in JSON, for example ',"health_check":{…}'. COMMAND must not need escaping in JSON.
set -euo pipefail
# shellcheck source=examples/curl/mesos.sh
. "$(dirname "$0")/mesos.sh"
run_task "$1" '"command":{"value":"'"$2"'"}'"${3:-}"
