/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted for each framework: master/frameworks/<name>/<id>/… */
#pragma once

#include "base/metrics.h"

#define FRAMEWORK_METRICS_COUNT 96

struct framework;

struct framework_metrics {
    struct metric values[FRAMEWORK_METRICS_COUNT]; /* rows of a table in framework_metrics.c */
    struct metrics *registry;                      /* NULL: not listed */
};
