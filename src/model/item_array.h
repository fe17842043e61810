/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for the arrays of resources. They are small, of few sizes, and come and go with every offer, thousands at a
 * time: freed ones are kept for the next. Copies share one array until one of them changes. Internal to src/model;
 * belongs to the thread. */
#pragma once

#include "model/resources.h"

/* An array for at least @count resources, taking over the content of @old (of *@capacity, @used of them in use; may be
 * NULL; not shared), which is released. */
struct resource *item_array_grow(const struct resource *old, uint32_t *capacity, uint32_t used, uint32_t count);
/* One more holder. */
void item_array_share(const struct resource *items);
bool item_array_is_shared(const struct resource *items);
/* One holder less of a shared array. */
void item_array_unshare(const struct resource *items);
void item_array_release(const struct resource *items, uint32_t capacity); /* not shared; accepts NULL */
