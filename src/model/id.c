/* SPDX-License-Identifier: Apache-2.0 */
#include "model/id.h"

#include <string.h>

int id_validate_sized(const char *id, size_t size, struct error *err) {
    if (size == 0)
        return error_set(err, 0, "ID must not be empty");
    if (size > ID_LIMIT_BYTES)
        return error_set(err, 0, "ID must not be greater than %d characters", ID_LIMIT_BYTES);
    if ((size == 1 && id[0] == '.') || (size == 2 && id[0] == '.' && id[1] == '.'))
        return error_set(err, 0, "'%.*s' is disallowed", (int)size, id);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)id[i] < 0x20 || id[i] == 0x7f || id[i] == '/' || id[i] == '\\')
            return error_set(err, 0, "'%.*s' contains invalid characters", (int)size, id);
    return 0;
}

int id_validate(const char *id, struct error *err) {
    return id_validate_sized(id, strlen(id), err);
}
