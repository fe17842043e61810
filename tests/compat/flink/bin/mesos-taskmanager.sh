#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What Flink starts its workers by, in a sandbox with a copy of the Flink home.
export FLINK_CONF_DIR="$FLINK_HOME/conf"
exec "$FLINK_HOME/bin/flink-java" org.apache.flink.mesos.entrypoint.MesosTaskExecutorRunner "$@"
