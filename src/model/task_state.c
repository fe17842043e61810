/* SPDX-License-Identifier: Apache-2.0 */
#include "model/task_state.h"

#include <string.h>

static const struct {
    const char *name;
    bool is_terminal;
} states[TASK_STATES] = {
    [TASK_STARTING] = {"TASK_STARTING", false},
    [TASK_RUNNING] = {"TASK_RUNNING", false},
    [TASK_FINISHED] = {"TASK_FINISHED", true},
    [TASK_FAILED] = {"TASK_FAILED", true},
    [TASK_KILLED] = {"TASK_KILLED", true},
    [TASK_LOST] = {"TASK_LOST", true},
    [TASK_STAGING] = {"TASK_STAGING", false},
    [TASK_ERROR] = {"TASK_ERROR", true},
    [TASK_KILLING] = {"TASK_KILLING", false},
    [TASK_DROPPED] = {"TASK_DROPPED", true},
    [TASK_UNREACHABLE] = {"TASK_UNREACHABLE", false},
    [TASK_GONE] = {"TASK_GONE", true},
    [TASK_GONE_BY_OPERATOR] = {"TASK_GONE_BY_OPERATOR", true},
    [TASK_UNKNOWN] = {"TASK_UNKNOWN", false},
};

bool task_state_is_valid(int state) {
    return state >= 0 && state < TASK_STATES;
}

bool task_state_is_terminal(enum task_state state) {
    return task_state_is_valid((int)state) && states[state].is_terminal;
}

enum task_state task_state_for_unaware(enum task_state state) {
    switch (state) {
    case TASK_DROPPED:
    case TASK_UNREACHABLE:
    case TASK_GONE:
    case TASK_GONE_BY_OPERATOR:
    case TASK_UNKNOWN:
        return TASK_LOST;
    default:
        return state;
    }
}

const char *task_state_name(enum task_state state) {
    return task_state_is_valid((int)state) ? states[state].name : "TASK_UNKNOWN";
}

int task_state_find(const char *name) {
    for (int i = 0; i < TASK_STATES; i++)
        if (strcmp(states[i].name, name) == 0)
            return i;
    return -1;
}
