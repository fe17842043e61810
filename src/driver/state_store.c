/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/state_store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"

struct state_variable *state_variable_new(const char *name, const uint8_t *version, const void *value, size_t size) {
    struct state_variable *variable = new0(struct state_variable);

    variable->name = xstrdup(name);
    memcpy(variable->version, version, STATE_VERSION_BYTES);
    variable->value = size == 0 ? NULL : xmemdup(value, size);
    variable->size = size;
    return variable;
}

void state_variable_free(struct state_variable *variable) {
    if (variable == NULL)
        return;
    free(variable->name);
    free(variable->value);
    free(variable);
}

void state_version_init(uint8_t version[STATE_VERSION_BYTES]) {
    if (getrandom(version, STATE_VERSION_BYTES, 0) != STATE_VERSION_BYTES)
        abort();
    version[6] = (uint8_t)((version[6] & 0x0f) | 0x40);
    version[8] = (uint8_t)((version[8] & 0x3f) | 0x80);
}
