/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for the arrays of resources. They are small, of few sizes, and come and go with every offer, thousands at a
 * time: freed ones are kept for the next. Internal to src/model; belongs to the thread. */
#pragma once

#include "model/resources.h"

/* An array for at least @count resources, taking over the content of @old (of *@capacity, @used of them in use; may be
 * NULL), which is released. */
struct resource *item_array_grow(struct resource *old, uint32_t *capacity, uint32_t used, uint32_t count);
void item_array_release(struct resource *items, uint32_t capacity); /* accepts NULL */
