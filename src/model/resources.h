/* SPDX-License-Identifier: Apache-2.0 */
/* Resources as values: what an agent has, an offer carries and a task uses.
 *
 * One resource is a kind and an amount. Everything that must agree for two resources to be added (name, type,
 * reservations, disk, revocable, shared, provider) is the kind, which is interned: equal kinds are one object, compared
 * by pointer. Amounts are thousandths (scalars), sorted disjoint ranges, or sets. The role something is allocated to is
 * kept beside the kind, because it changes at every offer.
 *
 * Ranges and sets are immutable and shared between copies. Values belong to the thread that made them.
 *
 * Behaviour follows Mesos's Resources (src/common/resources.cpp, values.cpp), which the function names point to. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "mesos/v1/mesos.pb-c.h"
#include "model/quantities.h"

enum resource_type { RESOURCE_SCALAR = 0, RESOURCE_RANGES = 1, RESOURCE_SET = 2 };

enum disk_source { DISK_NONE = -1, DISK_UNKNOWN = 0, DISK_PATH = 1, DISK_MOUNT = 2, DISK_BLOCK = 3, DISK_RAW = 4 };

/* One level of reservation; the last of a stack is the one in force. */
struct reservation {
    const char *role;
    const char *principal; /* NULL: none */
    const Mesos__V1__Labels *labels;
    bool is_dynamic;
};

/* What kind of resource it is. Immutable, interned, counted. Strings are names of model/name.h. */
struct resource_kind {
    const char *name;
    enum resource_type type;
    const char *reservation_role; /* of the last reservation; NULL: unreserved */
    const struct reservation *reservations;
    uint32_t reservation_count;
    bool is_revocable;
    bool is_shared;
    bool is_persistent; /* a persistent volume */
    bool is_exclusive;  /* not divisible: MOUNT, BLOCK, RAW with an id */
    bool is_disk;       /* has a DiskInfo */
    enum disk_source disk_source;
    const char *persistence_id;         /* NULL: none */
    const char *provider_id;            /* NULL: none */
    const Mesos__V1__Resource *message; /* the whole of it without an amount, in the newest format */
    /* Two resources are of the same kind if their identities are the same object. The kind itself may carry more: where
     * a volume is mounted and who created it do not count when resources are compared. */
    const struct resource_kind *identity;
};

struct range {
    uint64_t begin, end; /* both included */
};

struct ranges {
    uint32_t references, count;
    struct range items[]; /* sorted, disjoint, not touching */
};

struct items {
    uint32_t references, count;
    const char *items[]; /* in the order they were given; no duplicates */
};

struct resource {
    const struct resource_kind *kind; /* held */
    const char *allocation_role;      /* held; NULL: not allocated */
    union {
        int64_t scalar;        /* thousandths */
        struct ranges *ranges; /* never NULL, never empty in a resources list */
        struct items *set;
    };
    int32_t shared_count; /* copies of a shared resource; 1 otherwise */
};

/* Copies share the array until one of them changes, so that copying costs next to nothing. A view of an array that
 * belongs to somebody else has a capacity of 0: it can be read and copied. */
struct resources {
    const struct resource *items;
    uint32_t count, capacity;
};

#define RESOURCES_INIT ((struct resources){0})
#define cleanup_resources cleanup_(resources_done)

/* Life */

void resources_init(struct resources *resources);
void resources_done(struct resources *resources);
void resources_clear(struct resources *resources); /* empty, memory kept */
/* @ret is overwritten, not released. */
void resources_copy(struct resources *ret, const struct resources *from);
/* Replace the content of @to, releasing the old one. */
void resources_assign(struct resources *to, const struct resources *from);
/* Hand over: @from is empty afterwards. @to must be empty or uninitialised. */
void resources_move(struct resources *to, struct resources *from);

/* Text and messages */

/* Parse "cpus:2;mem:1024;ports(role):[31000-32000];disk:{a,b}" or a JSON array of Resource messages, as the flag
 * --resources takes it (Resources::parse()): what names no role gets @default_role ("*": none); persistent volumes,
 * revocable resources and dynamic reservations are refused, and names with two types. */
int resources_parse(const char *text, const char *default_role, struct resources *ret, struct error *err);

/* The checks of Resources::validate() on one message, in the old format (`role`, `reservation`), the new one
 * (`reservations`) or both as endpoints print it. */
int resource_validate(const Mesos__V1__Resource *resource, struct error *err);
/* On each of them; the error reads "Resource '<json>' is invalid: <reason>". */
int resources_validate(Mesos__V1__Resource *const *resources, size_t count, struct error *err);

/* Validate the messages, accept either format and add them up. Empty resources are dropped. @ret is untouched on
 * failure. */
int resources_from_messages(Mesos__V1__Resource *const *messages, size_t count, struct resources *ret,
                            struct error *err);
/* As above, leaving out what is invalid, as Resources(RepeatedPtrField) does. */
void resources_from_valid_messages(Mesos__V1__Resource *const *messages, size_t count, struct resources *ret);

enum resource_format {
    RESOURCE_FORMAT_NEW, /* POST_RESERVATION_REFINEMENT: `reservations` only; the form we keep and send to agents */
    RESOURCE_FORMAT_OLD, /* PRE_RESERVATION_REFINEMENT: `role` and `reservation`; a refined reservation has none and
                          * such resources are left out (check resources_has_refined_reservations() first) */
    RESOURCE_FORMAT_ENDPOINT, /* both, as HTTP endpoints print */
};

/* Messages in @arena that share strings with the kinds; valid as long as @resources and the arena both are. A shared
 * resource yields one message whatever its count. */
void resources_to_messages(const struct resources *resources, enum resource_format format, struct arena *arena,
                           Mesos__V1__Resource ***ret_messages, size_t *ret_count);

/* Rewrite a valid message in place (upgradeResource(), downgradeResource()); new parts come from @arena. */
void resource_message_upgrade(Mesos__V1__Resource *resource, struct arena *arena);
int resource_message_downgrade(Mesos__V1__Resource *resource, struct arena *arena, struct error *err);
/* Fill in `role` and `reservation` beside `reservations`, as endpoints print. */
void resource_message_to_endpoint(Mesos__V1__Resource *resource, struct arena *arena);

/* "cpus(reservations: [(STATIC,dev)]):2; mem:1024; ports:[31000-32000]"; "{}" if empty (operator<<). */
void resources_format(const struct resources *resources, struct buffer *buffer);
/* The same as a string the caller frees. */
char *resources_text(const struct resources *resources);
void resource_format(const struct resource *resource, struct buffer *buffer);

/* Algebra */

static inline bool resources_is_empty(const struct resources *resources) {
    return resources->count == 0;
}

void resources_add(struct resources *to, const struct resources *what);
void resources_add_one(struct resources *to, const struct resource *what);
/* What is not there is ignored; an entry that would become empty or negative goes away. */
void resources_subtract(struct resources *from, const struct resources *what);
void resources_subtract_one(struct resources *from, const struct resource *what);
bool resources_contain(const struct resources *all, const struct resources *part);
bool resources_contain_one(const struct resources *all, const struct resource *part);
/* Each contains the other (Resources::operator==). */
bool resources_equal(const struct resources *a, const struct resources *b);
/* Whether the amounts of @quantities are there, summed by name over whatever kinds (Resources::contains()). */
bool resources_contain_quantities(const struct resources *resources, const struct quantities *quantities);
bool resource_equal(const struct resource *a, const struct resource *b);
bool resource_is_empty(const struct resource *resource);
/* The part of @resource that is at most @target thousandths; false if it is larger and not divisible
 * (Resources::shrink()). */
bool resource_shrink(struct resource *resource, int64_t target);

/* Amounts */

/* The sum of the scalars called @name, in thousandths; 0 if there are none. */
int64_t resources_scalar(const struct resources *resources, const char *name);
bool resources_has(const struct resources *resources, const char *name); /* of any type */
/* The union of the ranges called @name; the caller releases it with ranges_release(). NULL if there are none. */
struct ranges *resources_ranges(const struct resources *resources, const char *name);
void ranges_release(struct ranges *ranges); /* accepts NULL */
/* The sums of all scalars by name (ResourceQuantities::fromScalarResources()). */
void resources_scalar_quantities(const struct resources *resources, struct quantities *ret);

/* Parts. Each overwrites @ret with a copy. */

typedef bool resource_predicate(const struct resource *resource, const void *argument);
void resources_filter(const struct resources *from, resource_predicate *keep, const void *argument,
                      struct resources *ret);
void resources_unreserved(const struct resources *from, struct resources *ret);
/* Reserved to @role exactly; to any role if @role is NULL. */
void resources_reserved(const struct resources *from, const char *role, struct resources *ret);
/* Unreserved, or reserved to @role or to an ancestor of it. */
void resources_allocatable_to(const struct resources *from, const char *role, struct resources *ret);
void resources_allocated_to(const struct resources *from, const char *role, struct resources *ret);
void resources_revocable(const struct resources *from, struct resources *ret);
void resources_not_revocable(const struct resources *from, struct resources *ret);
void resources_shared(const struct resources *from, struct resources *ret);
void resources_not_shared(const struct resources *from, struct resources *ret);
void resources_persistent_volumes(const struct resources *from, struct resources *ret);
void resources_scalars(const struct resources *from, struct resources *ret);
/* Those of one resource provider; NULL: of none, that is, the agent's own. */
void resources_of_provider(const struct resources *from, const char *provider_id, struct resources *ret);

bool resources_has_refined_reservations(const struct resources *resources);
static inline bool resource_is_reserved(const struct resource *resource) {
    return resource->kind->reservation_role != NULL;
}
static inline bool resource_is_dynamically_reserved(const struct resource *resource) {
    const struct resource_kind *kind = resource->kind;

    return kind->reservation_count > 0 && kind->reservations[kind->reservation_count - 1].is_dynamic;
}
bool resource_is_allocatable_to(const struct resource *resource, const char *role);
/* Persistent volumes, and dynamic reservations, which an agent checkpoints (needCheckpointing()). */
bool resource_needs_checkpoint(const struct resource *resource);

/* Changes in place */

void resources_allocate(struct resources *resources, const char *role);
/* Give the scalar at @index another amount. */
void resources_set_scalar(struct resources *resources, size_t index, int64_t scalar);
void resources_allocate_to_name(struct resources *resources, const char *name); /* of model/name.h */
void resources_unallocate(struct resources *resources);
/* The role all of them are allocated to; NULL if they are not allocated, or not to one role only. */
const char *resources_allocation_role(const struct resources *resources);
void resources_to_unreserved(struct resources *resources);
void resources_pop_reservation(struct resources *resources);
/* Push a reservation as from a message (Resources::pushReservation()). */
int resources_push_reservation(struct resources *resources, const Mesos__V1__Resource__ReservationInfo *reservation,
                               struct error *err);

/* Resources of @from that make up @targets, whose own reservations are only a preference: first those of the target's
 * role, then unreserved ones, then any (Resources::find()). False if there are not enough; @ret is untouched then. */
bool resources_find(const struct resources *from, const struct resources *targets, struct resources *ret);

/* Operations */

/* Taking something out of resources and putting something else in. */
struct resource_conversion {
    struct resources consumed, converted;
    bool removes_volume; /* DESTROY: no other copy of what is consumed may remain */
};

/* The conversions of RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME, SHRINK_VOLUME (getResourceConversions()); other
 * operations are an error. The caller releases each and frees the array with resource_conversions_free(). */
int resource_conversions_from_operation(const Mesos__V1__Offer__Operation *operation,
                                        struct resource_conversion **ret_conversions, size_t *ret_count,
                                        struct error *err);
void resource_conversions_free(struct resource_conversion *conversions, size_t count);
/* Change @resources; untouched on failure (ResourceConversion::apply()). */
int resources_convert(struct resources *resources, const struct resource_conversion *conversion, struct error *err);
/* The conversions of one operation (Resources::apply()). */
int resources_apply_operation(struct resources *resources, const Mesos__V1__Offer__Operation *operation,
                              struct error *err);
/* The same for what is allocated to nobody, as an agent's total: allocations in the operation are left aside. */
int resources_apply_operation_unallocated(struct resources *resources, const Mesos__V1__Offer__Operation *operation,
                                          struct error *err);
/* Put an agent's checkpointed dynamic reservations and volumes into its total (applyCheckpointedResources()). */
int resources_apply_checkpointed(struct resources *total, const struct resources *checkpointed, struct error *err);
