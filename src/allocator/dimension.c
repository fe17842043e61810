/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for the names of scalar resources, sets of bits, memory. */
#include "allocator/internal.h"
#include "model/name.h"

size_t allocator_dimension_get(struct allocator *allocator, const char *text) {
    const char *name = name_get(text);
    size_t dimension;

    for (dimension = 0; dimension < allocator->dimension_count; dimension++) {
        if (allocator->dimension_names[dimension] == name) {
            name_release(name);
            return dimension;
        }
    }
    if (allocator->dimension_count == allocator->dimension_capacity) {
        allocator->dimension_capacity = allocator->dimension_capacity == 0 ? 8 : allocator->dimension_capacity * 2;
        allocator->dimension_names = xrealloc(allocator->dimension_names,
                                              allocator->dimension_capacity * sizeof(allocator->dimension_names[0]));
        allocator->is_excluded = xrealloc(allocator->is_excluded,
                                          allocator->dimension_capacity * sizeof(allocator->is_excluded[0]));
    }
    allocator->dimension_names[dimension] = name;
    allocator->is_excluded[dimension] = false;
    for (char **excluded = allocator->excluded_names; excluded != NULL && *excluded != NULL; excluded++)
        if (strcmp(*excluded, name) == 0)
            allocator->is_excluded[dimension] = true;
    allocator->dimension_count++;
    allocator->totals.dimensions = allocator->dimension_count;
    allocator->totals.is_excluded = allocator->is_excluded;
    return dimension;
}

void allocator_amounts_add_resources(struct allocator *allocator, struct amounts *amounts,
                                     const struct resources *resources, int sign) {
    for (size_t i = 0; i < resources->count; i++)
        if (resources->items[i].kind->type == RESOURCE_SCALAR)
            amounts_add(amounts, dimension_of(allocator, &resources->items[i]), sign * resources->items[i].scalar);
}

void allocator_amounts_add_quantities(struct allocator *allocator, struct amounts *amounts,
                                      const struct quantities *quantities) {
    for (size_t i = 0; i < quantities->count; i++)
        amounts_add(amounts, allocator_dimension_get(allocator, quantities->items[i].name),
                    quantities->items[i].amount);
}

void allocator_bitset_reserve(struct bitset *set, uint32_t bits) {
    uint32_t count = (bits + 63) / 64;

    if (count <= set->count)
        return;
    if (count < set->count * 2)
        count = set->count * 2;
    set->words = xrealloc(set->words, count * sizeof(set->words[0]));
    memset(set->words + set->count, 0, (count - set->count) * sizeof(set->words[0]));
    set->count = count;
}

struct resource *allocator_scratch_get(struct allocator *allocator, size_t count) {
    if (count > allocator->scratch_capacity) {
        allocator->scratch_capacity = count * 2;
        allocator->scratch = xrealloc(allocator->scratch, allocator->scratch_capacity * sizeof(allocator->scratch[0]));
        allocator->scratch_parts = xrealloc(allocator->scratch_parts,
                                            2 * allocator->scratch_capacity * sizeof(allocator->scratch_parts[0]));
    }
    return allocator->scratch;
}
