/* SPDX-License-Identifier: Apache-2.0 */
/* The life and the algebra of resources. */
#include "model/resources.h"

#include <string.h>

#include "model/item_array.h"
#include "model/kind.h"
#include "model/name.h"
#include "model/role.h"
#include "model/value.h"

static void amount_hold(const struct resource *resource) {
    if (resource->kind->type == RESOURCE_RANGES)
        ranges_hold(resource->ranges);
    else if (resource->kind->type == RESOURCE_SET)
        items_hold(resource->set);
}

static void amount_release(const struct resource *resource) {
    if (resource->kind->type == RESOURCE_RANGES)
        ranges_release(resource->ranges);
    else if (resource->kind->type == RESOURCE_SET)
        items_release(resource->set);
}

static void resource_hold(const struct resource *resource) {
    kind_hold(resource->kind);
    name_hold(resource->allocation_role);
    amount_hold(resource);
}

static void resource_release(const struct resource *resource) {
    amount_release(resource);
    kind_release(resource->kind);
    name_release(resource->allocation_role);
}

/* Life */

static bool has_shared_array(const struct resources *resources) {
    return resources->capacity > 0 && item_array_is_shared(resources->items);
}

/* The array, to be changed: nobody else's from now on, with room for @count resources. */
static struct resource *own_for(struct resources *resources, size_t count) {
    const struct resource *shared = resources->items;
    struct resource *items;

    if (!has_shared_array(resources)) {
        if (count > resources->capacity)
            resources->items = item_array_grow(shared, &resources->capacity, resources->count, (uint32_t)count);
        return (struct resource *)(uintptr_t)resources->items;
    }
    item_array_unshare(shared);
    resources->capacity = 0;
    items = item_array_grow(NULL, &resources->capacity, 0, (uint32_t)count);
    memcpy(items, shared, resources->count * sizeof(items[0]));
    for (size_t i = 0; i < resources->count; i++)
        resource_hold(&items[i]);
    resources->items = items;
    return items;
}

static struct resource *own(struct resources *resources) {
    return has_shared_array(resources) ? own_for(resources, resources->count)
                                       : (struct resource *)(uintptr_t)resources->items;
}

void resources_init(struct resources *resources) {
    *resources = RESOURCES_INIT;
}

void resources_clear(struct resources *resources) {
    if (has_shared_array(resources)) {
        item_array_unshare(resources->items);
        *resources = RESOURCES_INIT;
        return;
    }
    for (size_t i = 0; i < resources->count; i++)
        resource_release(&resources->items[i]);
    resources->count = 0;
}

void resources_done(struct resources *resources) {
    if (resources == NULL)
        return;
    resources_clear(resources);
    item_array_release(resources->items, resources->capacity);
    *resources = RESOURCES_INIT;
}

/* Up to here arrays grow to the next size there is; then by a half. */
enum { MANY = 16 };

/* Append without looking for something to add it to. */
static void append(struct resources *resources, const struct resource *resource) {
    size_t needed = resources->count + 1;

    if (needed > MANY && resources->count == resources->capacity)
        needed += needed / 2;
    resource_hold(resource);
    own_for(resources, needed)[resources->count++] = *resource;
}

void resources_assign(struct resources *to, const struct resources *from) {
    struct resources copy = *from;

    if (to == from)
        return;
    if (from->count == 0) {
        resources_clear(to);
        return;
    }
    if (from->capacity > 0) {
        /* Hold first: @to may be the only other holder. */
        item_array_share(copy.items);
    } else {
        struct resource *items = item_array_grow(NULL, &copy.capacity, 0, from->count);

        memcpy(items, from->items, from->count * sizeof(items[0]));
        copy.items = items;
        for (size_t i = 0; i < from->count; i++)
            resource_hold(&from->items[i]);
    }
    resources_done(to);
    *to = copy;
}

void resources_copy(struct resources *ret, const struct resources *from) {
    *ret = RESOURCES_INIT;
    resources_assign(ret, from);
}

void resources_move(struct resources *to, struct resources *from) {
    *to = *from;
    *from = RESOURCES_INIT;
}

/* Amounts of one resource */

bool resource_is_empty(const struct resource *resource) {
    if (resource->kind->is_shared && resource->shared_count == 0)
        return true;
    switch (resource->kind->type) {
    case RESOURCE_SCALAR:
        return resource->scalar == 0;
    case RESOURCE_RANGES:
        return resource->ranges == NULL;
    default:
        return resource->set == NULL;
    }
}

static bool amounts_equal(const struct resource *a, const struct resource *b) {
    switch (a->kind->type) {
    case RESOURCE_SCALAR:
        return a->scalar == b->scalar;
    case RESOURCE_RANGES:
        return ranges_equal(a->ranges, b->ranges);
    default:
        return items_contain(a->set, b->set) && items_contain(b->set, a->set);
    }
}

static bool amount_contains(const struct resource *all, const struct resource *part) {
    switch (all->kind->type) {
    case RESOURCE_SCALAR:
        return part->scalar <= all->scalar;
    case RESOURCE_RANGES:
        return ranges_contain(all->ranges, part->ranges);
    default:
        return items_contain(all->set, part->set);
    }
}

static bool are_same_kind(const struct resource *a, const struct resource *b) {
    return a->kind->identity == b->kind->identity && a->allocation_role == b->allocation_role;
}

bool resource_equal(const struct resource *a, const struct resource *b) {
    return are_same_kind(a, b) && amounts_equal(a, b);
}

/* addable(): whether the two make one resource. */
static bool are_addable(const struct resource *a, const struct resource *b) {
    if (!are_same_kind(a, b))
        return false;
    if (a->kind->is_shared)
        return amounts_equal(a, b);
    return !a->kind->is_exclusive && !a->kind->is_persistent;
}

/* subtractable(): whether @b can be taken out of @a as far as their kinds go. */
static bool are_subtractable(const struct resource *a, const struct resource *b) {
    if (!are_same_kind(a, b))
        return false;
    if (a->kind->is_shared || a->kind->is_exclusive || a->kind->is_persistent)
        return amounts_equal(a, b);
    return true;
}

static bool one_contains(const struct resource *all, const struct resource *part) {
    return are_subtractable(all, part) &&
           (all->kind->is_shared ? all->shared_count >= part->shared_count : amount_contains(all, part));
}

static void amount_add(struct resource *to, const struct resource *what) {
    struct resource old = *to;

    switch (to->kind->type) {
    case RESOURCE_SCALAR:
        if (__builtin_add_overflow(to->scalar, what->scalar, &to->scalar))
            to->scalar = INT64_MAX;
        return;
    case RESOURCE_RANGES:
        to->ranges = ranges_add(old.ranges, what->ranges);
        break;
    case RESOURCE_SET:
        to->set = items_add(old.set, what->set);
        break;
    }
    amount_release(&old);
}

static void amount_subtract(struct resource *from, const struct resource *what) {
    struct resource old = *from;

    switch (from->kind->type) {
    case RESOURCE_SCALAR:
        from->scalar -= what->scalar;
        return;
    case RESOURCE_RANGES:
        from->ranges = ranges_subtract(old.ranges, what->ranges);
        break;
    case RESOURCE_SET:
        from->set = items_subtract(old.set, what->set);
        break;
    }
    amount_release(&old);
}

/* Algebra */

void resources_add_one(struct resources *to, const struct resource *what) {
    if (resource_is_empty(what))
        return;
    for (size_t i = 0; i < to->count; i++) {
        if (!are_addable(&to->items[i], what))
            continue;
        if (what->kind->is_shared)
            own(to)[i].shared_count += what->shared_count;
        else
            amount_add(&own(to)[i], what);
        return;
    }
    append(to, what);
}

void resources_add(struct resources *to, const struct resources *what) {
    size_t count = what->count; /* @what may be @to */

    if (to->count == 0)
        own_for(to, count);
    /* Otherwise most of it is added to what is there, so that room for all of it would be a waste. */
    for (size_t i = 0; i < count; i++) {
        struct resource resource = what->items[i]; /* borrowed; the array may move */

        resources_add_one(to, &resource);
    }
}

void resources_subtract_one(struct resources *from, const struct resource *what) {
    if (resource_is_empty(what))
        return;
    for (size_t i = 0; i < from->count; i++) {
        struct resource *resource;

        if (!are_subtractable(&from->items[i], what))
            continue;
        resource = &own(from)[i];
        if (what->kind->is_shared)
            resource->shared_count -= what->shared_count;
        else
            amount_subtract(resource, what);
        if (resource_is_empty(resource) || resource->shared_count < 0 ||
            (resource->kind->type == RESOURCE_SCALAR && resource->scalar < 0)) {
            resource_release(resource);
            *resource = from->items[--from->count];
        }
        return;
    }
}

/* Whether both hold the same in the same order and shared memory: a quick test that may miss equality. */
static bool look_equal(const struct resources *a, const struct resources *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!are_same_kind(&a->items[i], &b->items[i]) || a->items[i].shared_count != b->items[i].shared_count ||
            a->items[i].scalar != b->items[i].scalar) /* or the address of ranges or a set */
            return false;
    return true;
}

void resources_subtract(struct resources *from, const struct resources *what) {
    if (look_equal(from, what)) {
        resources_clear(from);
        return;
    }
    for (size_t i = 0; i < what->count; i++)
        resources_subtract_one(from, &what->items[i]);
}

bool resources_contain_one(const struct resources *all, const struct resource *part) {
    for (size_t i = 0; i < all->count; i++)
        if (one_contains(&all->items[i], part))
            return true;
    return false;
}

/* Resources that are never added up may be there more than once; each must then be found as often. */
static bool is_countable(const struct resource *resource) {
    return !resource->kind->is_shared && (resource->kind->is_exclusive || resource->kind->is_persistent);
}

static size_t count_equal(const struct resources *resources, const struct resource *what) {
    size_t count = 0;

    for (size_t i = 0; i < resources->count; i++)
        count += resource_equal(&resources->items[i], what);
    return count;
}

bool resources_contain(const struct resources *all, const struct resources *part) {
    if (look_equal(all, part))
        return true;
    for (size_t i = 0; i < part->count; i++) {
        const struct resource *resource = &part->items[i];

        if (is_countable(resource)) {
            if (count_equal(all, resource) < count_equal(part, resource))
                return false;
        } else if (!resources_contain_one(all, resource)) {
            return false;
        }
    }
    return true;
}

bool resources_equal(const struct resources *a, const struct resources *b) {
    return look_equal(a, b) || (resources_contain(a, b) && resources_contain(b, a));
}

static int64_t amount_as_quantity(const struct resource *resource) {
    switch (resource->kind->type) {
    case RESOURCE_SCALAR:
        return resource->scalar;
    case RESOURCE_RANGES:
        return ranges_amount(resource->ranges) * 1000;
    default:
        return (int64_t)resource->set->count * 1000;
    }
}

bool resources_contain_quantities(const struct resources *resources, const struct quantities *quantities) {
    for (size_t i = 0; i < quantities->count; i++) {
        int64_t remaining = quantities->items[i].amount;

        for (size_t j = 0; j < resources->count && remaining > 0; j++)
            if (resources->items[j].kind->name == quantities->items[i].name)
                remaining -= amount_as_quantity(&resources->items[j]);
        if (remaining > 0)
            return false;
    }
    return true;
}

bool resource_shrink(struct resource *resource, int64_t target) {
    if (resource->scalar <= target)
        return true;
    if (resource->kind->is_exclusive || resource->kind->is_persistent || resource->kind->is_shared)
        return false;
    resource->scalar = target;
    return true;
}

/* Amounts */

int64_t resources_scalar(const struct resources *resources, const char *name) {
    int64_t sum = 0;

    for (size_t i = 0; i < resources->count; i++)
        if (resources->items[i].kind->type == RESOURCE_SCALAR && strcmp(resources->items[i].kind->name, name) == 0 &&
            __builtin_add_overflow(sum, resources->items[i].scalar, &sum))
            sum = INT64_MAX;
    return sum;
}

bool resources_has(const struct resources *resources, const char *name) {
    for (size_t i = 0; i < resources->count; i++)
        if (strcmp(resources->items[i].kind->name, name) == 0)
            return true;
    return false;
}

struct ranges *resources_ranges(const struct resources *resources, const char *name) {
    struct ranges *sum = NULL;

    for (size_t i = 0; i < resources->count; i++) {
        const struct resource *resource = &resources->items[i];
        struct ranges *old = sum;

        if (resource->kind->type != RESOURCE_RANGES || strcmp(resource->kind->name, name) != 0)
            continue;
        sum = old == NULL ? ranges_hold(resource->ranges) : ranges_add(old, resource->ranges);
        ranges_release(old);
    }
    return sum;
}

void resources_scalar_quantities(const struct resources *resources, struct quantities *ret) {
    *ret = QUANTITIES_INIT;
    for (size_t i = 0; i < resources->count; i++)
        if (resources->items[i].kind->type == RESOURCE_SCALAR)
            quantities_add(ret, resources->items[i].kind->name, resources->items[i].scalar);
}

/* Parts */

void resources_filter(const struct resources *from, resource_predicate *keep, const void *argument,
                      struct resources *ret) {
    struct resources kept = RESOURCES_INIT;

    for (size_t i = 0; i < from->count; i++)
        if (keep(&from->items[i], argument))
            append(&kept, &from->items[i]);
    *ret = kept;
}

static bool is_unreserved(const struct resource *resource, const void *argument) {
    (void)argument;
    return !resource_is_reserved(resource);
}

static bool is_reserved_to(const struct resource *resource, const void *role) {
    return resource_is_reserved(resource) && (role == NULL || strcmp(resource->kind->reservation_role, role) == 0);
}

bool resource_is_allocatable_to(const struct resource *resource, const char *role) {
    return !resource_is_reserved(resource) || role_is_in(role, resource->kind->reservation_role);
}

static bool is_allocatable_to(const struct resource *resource, const void *role) {
    return resource_is_allocatable_to(resource, role);
}

static bool is_allocated_to(const struct resource *resource, const void *role) {
    return resource->allocation_role != NULL && strcmp(resource->allocation_role, role) == 0;
}

static bool is_revocable(const struct resource *resource, const void *wanted) {
    return resource->kind->is_revocable == *(const bool *)wanted;
}

static bool is_shared(const struct resource *resource, const void *wanted) {
    return resource->kind->is_shared == *(const bool *)wanted;
}

static bool is_persistent(const struct resource *resource, const void *argument) {
    (void)argument;
    return resource->kind->is_persistent;
}

static bool is_scalar(const struct resource *resource, const void *argument) {
    (void)argument;
    return resource->kind->type == RESOURCE_SCALAR;
}

static bool is_of_provider(const struct resource *resource, const void *provider_id) {
    if (provider_id == NULL || resource->kind->provider_id == NULL)
        return provider_id == resource->kind->provider_id;
    return strcmp(resource->kind->provider_id, provider_id) == 0;
}

static const bool yes = true, no = false;

void resources_unreserved(const struct resources *from, struct resources *ret) {
    resources_filter(from, is_unreserved, NULL, ret);
}

void resources_reserved(const struct resources *from, const char *role, struct resources *ret) {
    resources_filter(from, is_reserved_to, role, ret);
}

void resources_allocatable_to(const struct resources *from, const char *role, struct resources *ret) {
    resources_filter(from, is_allocatable_to, role, ret);
}

void resources_allocated_to(const struct resources *from, const char *role, struct resources *ret) {
    resources_filter(from, is_allocated_to, role, ret);
}

void resources_revocable(const struct resources *from, struct resources *ret) {
    resources_filter(from, is_revocable, &yes, ret);
}

void resources_not_revocable(const struct resources *from, struct resources *ret) {
    resources_filter(from, is_revocable, &no, ret);
}

void resources_shared(const struct resources *from, struct resources *ret) {
    resources_filter(from, is_shared, &yes, ret);
}

void resources_not_shared(const struct resources *from, struct resources *ret) {
    resources_filter(from, is_shared, &no, ret);
}

void resources_persistent_volumes(const struct resources *from, struct resources *ret) {
    resources_filter(from, is_persistent, NULL, ret);
}

void resources_scalars(const struct resources *from, struct resources *ret) {
    resources_filter(from, is_scalar, NULL, ret);
}

void resources_of_provider(const struct resources *from, const char *provider_id, struct resources *ret) {
    resources_filter(from, is_of_provider, provider_id, ret);
}

bool resources_has_refined_reservations(const struct resources *resources) {
    for (size_t i = 0; i < resources->count; i++)
        if (resources->items[i].kind->reservation_count > 1)
            return true;
    return false;
}

bool resource_needs_checkpoint(const struct resource *resource) {
    return resource_is_dynamically_reserved(resource) || resource->kind->is_persistent;
}

/* Changes in place */

void resources_allocate(struct resources *resources, const char *role) {
    const char *name = name_get(role);

    resources_allocate_to_name(resources, name);
    name_release(name);
}

void resources_set_scalar(struct resources *resources, size_t index, int64_t scalar) {
    own(resources)[index].scalar = scalar;
}

void resources_allocate_to_name(struct resources *resources, const char *name) {
    struct resource *items = own(resources);

    for (size_t i = 0; i < resources->count; i++) {
        const char *old = items[i].allocation_role;

        items[i].allocation_role = name_hold(name);
        name_release(old);
    }
}

void resources_unallocate(struct resources *resources) {
    const char *first = resources->count == 0 ? NULL : resources->items[0].allocation_role;
    bool is_allocated_differently = false;
    struct resources old;

    for (size_t i = 1; i < resources->count; i++)
        is_allocated_differently |= resources->items[i].allocation_role != first;
    if (!is_allocated_differently) {
        if (first != NULL)
            resources_allocate_to_name(resources, NULL);
        return;
    }
    /* What was allocated to several roles becomes one resource again. */
    resources_move(&old, resources);
    for (size_t i = 0; i < old.count; i++) {
        struct resource one = old.items[i];

        one.allocation_role = NULL;
        resources_add_one(resources, &one);
    }
    resources_done(&old);
}

const char *resources_allocation_role(const struct resources *resources) {
    for (size_t i = 1; i < resources->count; i++)
        if (resources->items[i].allocation_role != resources->items[0].allocation_role)
            return NULL;
    return resources->count == 0 ? NULL : resources->items[0].allocation_role;
}

/* Add @resource with another kind, which is taken over. */
static void add_as(struct resources *to, const struct resource *resource, const struct resource_kind *kind) {
    struct resource changed = *resource;

    changed.kind = kind;
    resources_add_one(to, &changed);
    kind_release(kind);
}

static void keep_reservations(struct resources *resources, bool pop) {
    struct resources old;

    resources_move(&old, resources);
    for (size_t i = 0; i < old.count; i++) {
        const struct resource_kind *kind = old.items[i].kind;
        size_t count = pop && kind->reservation_count > 0 ? kind->reservation_count - 1 : 0;

        add_as(resources, &old.items[i], kind_with_reservations(kind, count));
    }
    resources_done(&old);
}

void resources_to_unreserved(struct resources *resources) {
    keep_reservations(resources, false);
}

void resources_pop_reservation(struct resources *resources) {
    keep_reservations(resources, true);
}

int resources_push_reservation(struct resources *resources, const Mesos__V1__Resource__ReservationInfo *reservation,
                               struct error *err) {
    struct resources old;

    if (reservation->role == NULL || role_is_default(reservation->role) || role_validate(reservation->role, err) < 0)
        return error_wrap(err, "Invalid reservation");
    for (size_t i = 0; i < resources->count; i++) {
        const char *role = resources->items[i].kind->reservation_role;

        if (role != NULL && !role_is_below(reservation->role, role))
            return error_set(err, 0, "Invalid refined reservation: role '%s' is not a refinement of '%s'",
                             reservation->role, role);
        if (role != NULL && reservation->type == MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC)
            return error_set(err, 0, "Invalid refined reservation: A refined reservation cannot be STATIC");
    }
    resources_move(&old, resources);
    for (size_t i = 0; i < old.count; i++)
        add_as(resources, &old.items[i], kind_with_reservations_of(old.items[i].kind, old.items[i].kind, reservation));
    resources_done(&old);
    return 0;
}

/* Searching */

/* What find_one() looks at first, second and third. */
enum preference { PREFER_ROLE, PREFER_UNRESERVED, ANY };

static bool is_preferred(const struct resource *resource, enum preference preference, const char *role) {
    switch (preference) {
    case PREFER_ROLE:
        return resource->kind->reservation_role != NULL && resource->kind->reservation_role == role;
    case PREFER_UNRESERVED:
        return resource->kind->reservation_role == NULL;
    default:
        return true;
    }
}

/* @remaining (unreserved) as a part of @resource, with the reservations of the latter. */
static void take_remaining(struct resources *found, const struct resources *remaining,
                           const struct resource *resource) {
    for (size_t i = 0; i < remaining->count; i++)
        add_as(found, &remaining->items[i], kind_with_reservations_of(remaining->items[i].kind, resource->kind, NULL));
}

static bool find_one(struct resources *total, const struct resource *target, struct resources *found) {
    const char *role = target->kind->reservation_role;
    cleanup_resources struct resources remaining = RESOURCES_INIT;

    add_as(&remaining, target, kind_with_reservations(target->kind, 0));
    for (enum preference preference = role == NULL ? PREFER_UNRESERVED : PREFER_ROLE; preference <= ANY; preference++) {
        for (size_t i = 0; i < total->count; i++) {
            cleanup_resources struct resources unreserved = RESOURCES_INIT;
            cleanup_resources struct resources taken = RESOURCES_INIT;

            if (!is_preferred(&total->items[i], preference, role))
                continue;
            add_as(&unreserved, &total->items[i], kind_with_reservations(total->items[i].kind, 0));
            if (resources_contain(&unreserved, &remaining)) {
                take_remaining(&taken, &remaining, &total->items[i]);
                resources_subtract(total, &taken);
                resources_add(found, &taken);
                return true;
            }
            if (!resources_contain(&remaining, &unreserved))
                continue;
            append(&taken, &total->items[i]);
            resources_add(found, &taken);
            resources_subtract(total, &taken);
            resources_subtract(&remaining, &unreserved);
            i--; /* another one has taken its place */
        }
    }
    return resources_is_empty(&remaining);
}

bool resources_find(const struct resources *from, const struct resources *targets, struct resources *ret) {
    cleanup_resources struct resources total = RESOURCES_INIT, found = RESOURCES_INIT;

    resources_assign(&total, from);
    for (size_t i = 0; i < targets->count; i++)
        if (!find_one(&total, &targets->items[i], &found))
            return false;
    resources_move(ret, &found);
    return true;
}
