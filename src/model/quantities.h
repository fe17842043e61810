/* SPDX-License-Identifier: Apache-2.0 */
/* Amounts by resource name, in thousandths: what a quota guarantees or limits, what makes an offer worth sending.
 * Sorted by name. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct quantity {
    const char *name; /* held */
    int64_t amount;   /* thousandths */
};

/* As quantities a missing name is 0 and zeros are left out; as limits a missing name is without bound, and 0 counts
 * (common/resource_quantities.cpp: ResourceQuantities, ResourceLimits). */
struct quantities {
    struct quantity *items;
    uint32_t count, capacity;
};

#define QUANTITIES_INIT ((struct quantities){0})
#define cleanup_quantities cleanup_(quantities_done)

void quantities_done(struct quantities *quantities);
void quantities_copy(struct quantities *ret, const struct quantities *from);

/* "cpus:10;mem:1024". ResourceQuantities::fromString() and ResourceLimits::fromString(). */
int quantities_parse(const char *text, struct quantities *ret, struct error *err);
int limits_parse(const char *text, struct quantities *ret, struct error *err);

/* Put @amount under @name whatever it was; 0 is kept. */
void quantities_set(struct quantities *quantities, const char *name, int64_t amount);
/* Add to what is there. */
void quantities_add(struct quantities *quantities, const char *name, int64_t amount);
/* The amount under @name, or NULL. */
const int64_t *quantities_find(const struct quantities *quantities, const char *name);
bool quantities_equal(const struct quantities *a, const struct quantities *b);
/* Whether @a has at least what @b has of everything; both as quantities. */
bool quantities_contain(const struct quantities *a, const struct quantities *b);
/* "cpus:10; mem:1024", "{}" if empty. */
void quantities_format(const struct quantities *quantities, struct buffer *buffer);

/* Scalars as protobuf and JSON have them (double) and as we keep them: thousandths, rounded half away from zero as
 * Mesos does (common/values.cpp). Values beyond ±9.2e15 are clamped. */
int64_t scalar_from_double(double value);
double scalar_to_double(int64_t thousandths);
