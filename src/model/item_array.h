/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for the arrays of resources. They are small, of few sizes, and come and go with every offer, thousands at a
 * time: freed ones are kept for the next. Copies share one array until one of them changes. Internal to src/model;
 * belongs to the thread. */
#pragma once

#include "base/memory.h"
#include "model/resources.h"

/* An array for at least @count resources, taking over the content of @old (of *@capacity, @used of them in use; may be
 * NULL; not shared), which is released. */
struct resource *item_array_grow(const struct resource *old, uint32_t *capacity, uint32_t used, uint32_t count);
struct item_array {
    uint64_t holders;
    struct resource items[];
};

static inline struct item_array *item_array_of(const struct resource *items) {
    return container_of((void *)(uintptr_t)items, struct item_array, items);
}

/* One more holder. */
static inline void item_array_share(const struct resource *items) {
    item_array_of(items)->holders++;
}

static inline bool item_array_is_shared(const struct resource *items) {
    return item_array_of(items)->holders > 1;
}

/* One holder less of a shared array. */
static inline void item_array_unshare(const struct resource *items) {
    item_array_of(items)->holders--;
}

void item_array_release(const struct resource *items, uint32_t capacity); /* not shared; accepts NULL */
