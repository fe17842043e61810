/* SPDX-License-Identifier: Apache-2.0 */
#include "model/item_array.h"

#include <string.h>

#include "base/pool.h"

enum {
    CLASSES = 3, /* of 4, 8 and 16 resources; larger ones are not kept */
    SMALLEST = 4,
};

/* Where memory errors are looked for, nothing is kept: a released array must not be used again unnoticed. */
#if defined(__SANITIZE_ADDRESS__)
enum { KEEPS = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { KEEPS = 0 };
#else
enum { KEEPS = 1 };
#endif
#else
enum { KEEPS = 1 };
#endif

static _Thread_local struct {
    struct pool pools[CLASSES];
    size_t used; /* arrays that are in use; when there are none, none are kept */
} arrays = {.pools = {{.is_huge = true}, {.is_huge = true}, {.is_huge = true}}};

/* CLASSES if arrays of @capacity are not kept. */
static unsigned class_of(uint32_t capacity) {
    unsigned class = 0;

    while (class < CLASSES && capacity > (uint32_t)SMALLEST << class)
        class ++;
    return class;
}

void item_array_release(const struct resource *items, uint32_t capacity) {
    unsigned class = class_of(capacity);

    if (items == NULL)
        return;
    if (KEEPS && class < CLASSES)
        pool_give(&arrays.pools[class], item_array_of(items));
    else
        free(item_array_of(items));
    if (--arrays.used > 0)
        return;
    for (class = 0; class < CLASSES; class ++)
        pool_done(&arrays.pools[class]);
}

static struct resource *take(unsigned class, uint32_t capacity) {
    size_t size = sizeof(struct item_array) + capacity * sizeof(struct resource);
    struct item_array *array = KEEPS && class < CLASSES ? pool_take(&arrays.pools[class], size) : xmalloc(size);

    arrays.used++;
    array->holders = 1;
    return array->items;
}

struct resource *item_array_grow(const struct resource *old, uint32_t *capacity, uint32_t used, uint32_t count) {
    unsigned class = class_of(count);
    uint32_t new_capacity = class < CLASSES ? (uint32_t)SMALLEST << class : count;
    struct resource *items = take(class, new_capacity);

    if (used > 0)
        memcpy(items, old, used * sizeof(*items));
    item_array_release(old, *capacity);
    *capacity = new_capacity;
    return items;
}
