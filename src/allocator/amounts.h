/* SPDX-License-Identifier: Apache-2.0 */
/* Amounts of scalar resources as small vectors, indexed by the allocator's numbers for resource names ("dimensions").
 * Internal to src/allocator. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

enum { FEW_DIMENSIONS = 4 }; /* cpus, mem, disk and one more cost no allocation */

struct amounts {
    uint32_t more_count;
    int64_t *more; /* dimensions from FEW_DIMENSIONS on */
    int64_t few[FEW_DIMENSIONS];
};

static inline void amounts_done(struct amounts *amounts) {
    free(amounts->more);
    *amounts = (struct amounts){0};
}

static inline int64_t amounts_get(const struct amounts *amounts, size_t dimension) {
    if (dimension < FEW_DIMENSIONS)
        return amounts->few[dimension];
    dimension -= FEW_DIMENSIONS;
    return dimension < amounts->more_count ? amounts->more[dimension] : 0;
}

static inline int64_t *amounts_at(struct amounts *amounts, size_t dimension) {
    if (dimension < FEW_DIMENSIONS)
        return &amounts->few[dimension];
    dimension -= FEW_DIMENSIONS;
    if (dimension >= amounts->more_count) {
        amounts->more = xrealloc(amounts->more, (dimension + 1) * sizeof(amounts->more[0]));
        memset(amounts->more + amounts->more_count, 0,
               (dimension + 1 - amounts->more_count) * sizeof(amounts->more[0]));
        amounts->more_count = (uint32_t)dimension + 1;
    }
    return &amounts->more[dimension];
}

static inline void amounts_add(struct amounts *amounts, size_t dimension, int64_t amount) {
    *amounts_at(amounts, dimension) += amount;
}

static inline void amounts_set(struct amounts *amounts, size_t dimension, int64_t amount) {
    *amounts_at(amounts, dimension) = amount;
}

/* How many dimensions may be other than 0. */
static inline size_t amounts_count(const struct amounts *amounts) {
    return FEW_DIMENSIONS + amounts->more_count;
}

static inline bool amounts_are_zero(const struct amounts *amounts) {
    for (size_t i = 0; i < amounts_count(amounts); i++)
        if (amounts_get(amounts, i) != 0)
            return false;
    return true;
}

static inline void amounts_copy(struct amounts *to, const struct amounts *from) {
    memset(to->few, 0, sizeof(to->few));
    if (to->more_count > 0)
        memset(to->more, 0, to->more_count * sizeof(to->more[0]));
    for (size_t i = 0; i < amounts_count(from); i++)
        if (amounts_get(from, i) != 0)
            amounts_set(to, i, amounts_get(from, i));
}
