/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a task, as numbers of mesos.v1.TaskState.
 *
 *     STAGING -> STARTING -> RUNNING -> (KILLING) -> FINISHED | FAILED | KILLED | ERROR | LOST | DROPPED | GONE ...
 *                    \___________ UNREACHABLE (may come back) ___________/
 */
#pragma once

#include "base/memory.h"

enum task_state {
    TASK_STARTING = 0,
    TASK_RUNNING = 1,
    TASK_FINISHED = 2,
    TASK_FAILED = 3,
    TASK_KILLED = 4,
    TASK_LOST = 5,
    TASK_STAGING = 6,
    TASK_ERROR = 7,
    TASK_KILLING = 8,
    TASK_DROPPED = 9,
    TASK_UNREACHABLE = 10,
    TASK_GONE = 11,
    TASK_GONE_BY_OPERATOR = 12,
    TASK_UNKNOWN = 13,
};
#define TASK_STATES 14

bool task_state_is_valid(int state);

/* FINISHED, FAILED, KILLED, LOST, ERROR, DROPPED, GONE, GONE_BY_OPERATOR (protobuf::isTerminalState()). UNREACHABLE and
 * UNKNOWN are not. */
bool task_state_is_terminal(enum task_state state);

/* What a framework without PARTITION_AWARE is told instead: DROPPED, UNREACHABLE, GONE, GONE_BY_OPERATOR and UNKNOWN
 * become LOST. */
enum task_state task_state_for_unaware(enum task_state state);

/* "TASK_RUNNING"; "TASK_UNKNOWN" for a number that is no state. */
const char *task_state_name(enum task_state state);
int task_state_find(const char *name); /* -1 if there is none */
