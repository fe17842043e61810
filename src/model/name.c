/* SPDX-License-Identifier: Apache-2.0 */
#include "model/name.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/table.h"

struct name {
    uint32_t references, size;
    char text[];
};

static _Thread_local struct table names;

static struct name *name_of(const char *text) {
    return container_of(text, struct name, text);
}

const char *name_get_sized(const char *text, size_t size) {
    struct name *name = table_find_sized(&names, text, size);

    if (name == NULL) {
        assert(size < UINT32_MAX);
        name = xmalloc(sizeof(*name) + size + 1);
        name->references = 0;
        name->size = (uint32_t)size;
        memcpy(name->text, text, size);
        name->text[size] = '\0';
        table_add_sized(&names, name->text, size, name);
    }
    name->references++;
    return name->text;
}

const char *name_get(const char *text) {
    return name_get_sized(text, strlen(text));
}

const char *name_hold(const char *name) {
    if (name != NULL)
        name_of(name)->references++;
    return name;
}

void name_release(const char *text) {
    struct name *name;

    if (text == NULL)
        return;
    name = name_of(text);
    assert(name->references > 0);
    if (--name->references > 0)
        return;
    table_remove_sized(&names, name->text, name->size);
    free(name);
    if (names.count == 0)
        table_done(&names);
}

size_t name_size(const char *name) {
    return name_of(name)->size;
}

const char *name_find(const char *text) {
    struct name *name = table_find(&names, text);

    return name == NULL ? NULL : name->text;
}
