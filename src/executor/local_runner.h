/* SPDX-License-Identifier: Apache-2.0 */
/* Runs processes on this machine, in the executor's own directory, as its own user. */
#pragma once

#include "event/loop.h"
#include "executor/process_runner.h"

struct local_runner {
    struct process_runner base;
    struct loop *loop;
};

void local_runner_init(struct local_runner *runner, struct loop *loop);
