/* SPDX-License-Identifier: Apache-2.0 */
#include "model/item_array.h"

#include <string.h>

enum {
    CLASSES = 3, /* of 4, 8 and 16 resources; larger ones are not kept */
    SMALLEST = 4,
    MOST_KEPT_BYTES = 8 << 20, /* of each class */
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
    struct item_array *free[CLASSES];
    size_t count[CLASSES]; /* kept */
    size_t used;           /* arrays that are in use; when there are none, none are kept */
} arrays;

/* CLASSES if arrays of @capacity are not kept. */
static unsigned class_of(uint32_t capacity) {
    unsigned class = 0;

    while (class < CLASSES && capacity > (uint32_t)SMALLEST << class)
        class ++;
    return class;
}

static void forget_all(void) {
    for (unsigned class = 0; class < CLASSES; class ++) {
        while (arrays.free[class] != NULL) {
            struct item_array *next = arrays.free[class]->next;

            free(arrays.free[class]);
            arrays.free[class] = next;
        }
        arrays.count[class] = 0;
    }
}

void item_array_release(const struct resource *items, uint32_t capacity) {
    unsigned class = class_of(capacity);
    struct item_array *array;

    if (items == NULL)
        return;
    array = item_array_of(items);
    arrays.used--;
    if (!KEEPS || class == CLASSES || arrays.count[class] * capacity * sizeof(*items) >= MOST_KEPT_BYTES) {
        free(array);
    } else {
        array->next = arrays.free[class];
        arrays.free[class] = array;
        arrays.count[class]++;
    }
    if (arrays.used == 0)
        forget_all();
}

static struct resource *take(unsigned class, uint32_t capacity) {
    struct item_array *array = class < CLASSES ? arrays.free[class] : NULL;

    arrays.used++;
    if (array == NULL) {
        array = xmalloc(sizeof(*array) + capacity * sizeof(struct resource));
    } else {
        arrays.free[class] = array->next;
        arrays.count[class]--;
        __builtin_prefetch(array->next, 1);
    }
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
