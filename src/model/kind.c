/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kind.h"

#include <assert.h>
#include <string.h>

#include "base/table.h"
#include "model/name.h"
#include "model/role.h"

struct kind {
    struct resource_kind public;
    uint32_t references;
    uint32_t key_size;
    char *key;          /* what the table is keyed by: see key_of_message() */
    struct arena arena; /* the key, the message and the reservations */
};

/* All kinds of this thread, by the bytes of their key: for plain kinds a type and the name, for others the packed
 * message. */
static _Thread_local struct table kinds;

static struct kind *kind_of(const struct resource_kind *kind) {
    return container_of(kind, struct kind, public);
}

const struct resource_kind *kind_hold(const struct resource_kind *kind) {
    kind_of(kind)->references++;
    return kind;
}

void kind_release(const struct resource_kind *public) {
    struct kind *kind;

    if (public == NULL)
        return;
    kind = kind_of(public);
    assert(kind->references > 0);
    if (--kind->references > 0)
        return;
    table_remove_sized(&kinds, kind->key, kind->key_size);
    name_release(public->name);
    name_release(public->persistence_id);
    name_release(public->provider_id);
    for (size_t i = 0; i < public->reservation_count; i++) {
        name_release(public->reservations[i].role);
        name_release(public->reservations[i].principal);
    }
    if (public->identity != public)
        kind_release(public->identity);
    arena_done(&kind->arena);
    free(kind);
    if (kinds.count == 0)
        table_done(&kinds);
}

static void *allocate_in_arena(void *arena, size_t size) {
    return arena_alloc(arena, size);
}

static void free_in_arena(void *arena, void *pointer) {
    (void)arena;
    (void)pointer;
}

/* A kind that is not in the table yet; the caller fills in the rest and adds it. */
static struct kind *kind_new(const void *key, size_t key_size, const char *name, size_t name_length,
                             enum resource_type type) {
    struct kind *kind = new0(struct kind);

    kind->references = 1;
    arena_init(&kind->arena);
    kind->key = arena_memdup(&kind->arena, key, key_size);
    kind->key_size = (uint32_t)key_size;
    kind->public.name = name_get_sized(name, name_length);
    kind->public.type = type;
    kind->public.disk_source = DISK_NONE;
    kind->public.identity = &kind->public;
    return kind;
}

const struct resource_kind *kind_get_plain(const char *name, size_t name_length, enum resource_type type) {
    char local[256], *key = name_length < sizeof(local) ? local : xmalloc(name_length + 1);
    struct kind *kind;

    key[0] = (char)type;
    memcpy(key + 1, name, name_length);
    kind = table_find_sized(&kinds, key, name_length + 1);
    if (kind != NULL) {
        kind->references++;
    } else {
        Mesos__V1__Resource *message;

        kind = kind_new(key, name_length + 1, name, name_length, type);
        message = arena_alloc(&kind->arena, sizeof(*message));
        mesos__v1__resource__init(message);
        message->name = (char *)kind->public.name;
        message->type = (Mesos__V1__Value__Type)type;
        kind->public.message = message;
        table_add_sized(&kinds, kind->key, kind->key_size, kind);
    }
    if (key != local)
        free(key);
    return &kind->public;
}

static void fill_reservations(struct kind *kind, const Mesos__V1__Resource *message) {
    struct reservation *reservations = arena_alloc(&kind->arena, (message->n_reservations + 1) * sizeof(*reservations));

    for (size_t i = 0; i < message->n_reservations; i++) {
        const Mesos__V1__Resource__ReservationInfo *info = message->reservations[i];

        reservations[i] = (struct reservation){
            .role = name_get(info->role),
            .principal = info->principal == NULL ? NULL : name_get(info->principal),
            .labels = info->labels,
            .is_dynamic = info->type == MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC,
        };
    }
    kind->public.reservations = reservations;
    kind->public.reservation_count = (uint32_t)message->n_reservations;
    if (message->n_reservations > 0)
        kind->public.reservation_role = reservations[message->n_reservations - 1].role;
}

static void fill(struct kind *kind, const Mesos__V1__Resource *message) {
    const Mesos__V1__Resource__DiskInfo *disk = message->disk;

    kind->public.message = message;
    fill_reservations(kind, message);
    kind->public.is_revocable = message->revocable != NULL;
    kind->public.is_shared = message->shared != NULL;
    if (message->provider_id != NULL)
        kind->public.provider_id = name_get(message->provider_id->value);
    if (disk == NULL)
        return;
    kind->public.is_disk = true;
    if (disk->source != NULL) {
        kind->public.disk_source = (enum disk_source)disk->source->type;
        kind->public.is_exclusive = kind->public.disk_source == DISK_MOUNT || kind->public.disk_source == DISK_BLOCK ||
                                    (kind->public.disk_source == DISK_RAW && disk->source->id != NULL);
    }
    if (disk->persistence != NULL) {
        kind->public.is_persistent = true;
        kind->public.persistence_id = name_get(disk->persistence->id);
    }
}

/* The kind with the packed message @key, which describes @message completely. */
static struct kind *find_or_make(const void *key, size_t key_size, const Mesos__V1__Resource *message) {
    struct kind *kind = table_find_sized(&kinds, key, key_size);
    ProtobufCAllocator allocator;
    Mesos__V1__Resource *copy;

    if (kind != NULL) {
        kind->references++;
        return kind;
    }
    kind = kind_new(key, key_size, message->name, strlen(message->name), (enum resource_type)message->type);
    allocator = (ProtobufCAllocator){allocate_in_arena, free_in_arena, &kind->arena};
    copy = mesos__v1__resource__unpack(&allocator, key_size, (const uint8_t *)kind->key);
    assert(copy != NULL);
    copy->name = (char *)kind->public.name;
    fill(kind, copy);
    table_add_sized(&kinds, kind->key, kind->key_size, kind);
    return kind;
}

static int compare_labels(const void *a, const void *b) {
    const Mesos__V1__Label *left = *(Mesos__V1__Label *const *)a, *right = *(Mesos__V1__Label *const *)b;
    int order = strcmp(left->key, right->key);

    if (order != 0)
        return order;
    if (left->value == NULL || right->value == NULL)
        return (left->value != NULL) - (right->value != NULL);
    return strcmp(left->value, right->value);
}

/* Labels are compared whatever their order (type_utils.cpp), so an identity has them sorted. The copy is in @arena. */
static Mesos__V1__Labels *sorted_labels(const Mesos__V1__Labels *labels, struct arena *arena) {
    Mesos__V1__Labels *sorted = arena_memdup(arena, labels, sizeof(*labels));

    if (labels->n_labels > 0) {
        sorted->labels = arena_memdup(arena, labels->labels, labels->n_labels * sizeof(labels->labels[0]));
        qsort(sorted->labels, labels->n_labels, sizeof(labels->labels[0]), compare_labels);
    }
    return sorted;
}

static void reduce_disk(Mesos__V1__Resource *message, struct arena *arena) {
    Mesos__V1__Resource__DiskInfo *disk = arena_memdup(arena, message->disk, sizeof(*disk));

    disk->volume = NULL;
    if (disk->persistence != NULL && disk->persistence->principal != NULL) {
        disk->persistence = arena_memdup(arena, disk->persistence, sizeof(*disk->persistence));
        disk->persistence->principal = NULL;
    }
    if (disk->source != NULL && disk->source->metadata != NULL) {
        disk->source = arena_memdup(arena, disk->source, sizeof(*disk->source));
        disk->source->metadata = sorted_labels(disk->source->metadata, arena);
    }
    message->disk = disk;
}

/* Reduce @message to what counts when resources are compared. */
static void reduce_to_identity(Mesos__V1__Resource *message, struct arena *arena) {
    if (message->disk != NULL)
        reduce_disk(message, arena);
    if (message->n_reservations > 0) {
        Mesos__V1__Resource__ReservationInfo **reservations = arena_memdup(
            arena, message->reservations, message->n_reservations * sizeof(reservations[0]));

        for (size_t i = 0; i < message->n_reservations; i++) {
            if (reservations[i]->labels == NULL)
                continue;
            reservations[i] = arena_memdup(arena, reservations[i], sizeof(*reservations[i]));
            reservations[i]->labels = sorted_labels(reservations[i]->labels, arena);
        }
        message->reservations = reservations;
    }
}

static void *pack(const Mesos__V1__Resource *message, struct arena *arena, size_t *ret_size) {
    *ret_size = mesos__v1__resource__get_packed_size(message);

    void *bytes = arena_alloc(arena, *ret_size);

    mesos__v1__resource__pack(message, bytes);
    return bytes;
}

/* @message is in the new format, without amount and allocation role; it may be changed. */
static const struct resource_kind *kind_of_message(Mesos__V1__Resource *message, struct arena *arena) {
    size_t size, identity_size;
    void *key = pack(message, arena, &size), *identity_key;
    struct kind *kind = table_find_sized(&kinds, key, size);

    if (kind != NULL) {
        kind->references++;
        return &kind->public;
    }
    kind = find_or_make(key, size, message);
    reduce_to_identity(message, arena);
    identity_key = pack(message, arena, &identity_size);
    if (identity_size != size || memcmp(identity_key, key, size) != 0)
        kind->public.identity = &find_or_make(identity_key, identity_size, message)->public;
    return &kind->public;
}

static bool is_plain(const Mesos__V1__Resource *message) {
    return message->n_reservations == 0 && message->reservation == NULL && message->disk == NULL &&
           message->revocable == NULL && message->shared == NULL && message->provider_id == NULL &&
           (message->role == NULL || role_is_default(message->role));
}

/* An empty RevocableInfo or SharedInfo stands for any, so that unknown fields do not make another kind. */
static void drop_unknown_fields(Mesos__V1__Resource *message) {
    static Mesos__V1__Resource__RevocableInfo revocable = MESOS__V1__RESOURCE__REVOCABLE_INFO__INIT;
    static Mesos__V1__Resource__SharedInfo shared = MESOS__V1__RESOURCE__SHARED_INFO__INIT;

    message->base.n_unknown_fields = 0;
    if (message->revocable != NULL)
        message->revocable = &revocable;
    if (message->shared != NULL)
        message->shared = &shared;
}

const struct resource_kind *kind_get(const Mesos__V1__Resource *message) {
    Mesos__V1__Resource copy = *message;
    const struct resource_kind *kind;
    struct arena arena;

    if (is_plain(message))
        return kind_get_plain(message->name, strlen(message->name), (enum resource_type)message->type);
    arena_init(&arena);
    copy.scalar = NULL;
    copy.ranges = NULL;
    copy.set = NULL;
    copy.allocation_info = NULL;
    drop_unknown_fields(&copy);
    resource_message_upgrade(&copy, &arena);
    kind = kind_of_message(&copy, &arena);
    arena_done(&arena);
    return kind;
}

/* The kind of @message, which is made of parts of other kinds. */
static const struct resource_kind *kind_of_parts(Mesos__V1__Resource *message) {
    const struct resource_kind *kind;
    struct arena arena;

    if (is_plain(message))
        return kind_get_plain(message->name, strlen(message->name), (enum resource_type)message->type);
    arena_init(&arena);
    kind = kind_of_message(message, &arena);
    arena_done(&arena);
    return kind;
}

const struct resource_kind *kind_with_reservations(const struct resource_kind *kind, size_t count) {
    Mesos__V1__Resource message = *kind->message;

    if (count >= kind->reservation_count)
        return kind_hold(kind);
    message.n_reservations = count;
    return kind_of_parts(&message);
}

const struct resource_kind *kind_with_reservations_of(const struct resource_kind *kind,
                                                      const struct resource_kind *other,
                                                      const Mesos__V1__Resource__ReservationInfo *added) {
    Mesos__V1__Resource message = *kind->message;
    size_t count = other->message->n_reservations;
    cleanup_free Mesos__V1__Resource__ReservationInfo **reservations = xcalloc(count + 1, sizeof(*reservations));

    if (count > 0)
        memcpy(reservations, other->message->reservations, count * sizeof(*reservations));
    if (added != NULL)
        reservations[count++] = (Mesos__V1__Resource__ReservationInfo *)added;
    message.reservations = reservations;
    message.n_reservations = count;
    return kind_of_parts(&message);
}

const struct resource_kind *kind_without_volume(const struct resource_kind *kind) {
    Mesos__V1__Resource message = *kind->message;
    Mesos__V1__Resource__DiskInfo disk;

    message.shared = NULL;
    if (message.disk != NULL && message.disk->source != NULL) {
        disk = *message.disk;
        disk.persistence = NULL;
        disk.volume = NULL;
        message.disk = &disk;
    } else {
        message.disk = NULL;
    }
    return kind_of_parts(&message);
}

const struct resource_kind *kind_without_dynamic_reservations(const struct resource_kind *kind) {
    return kind_with_reservations(kind, kind->reservation_count > 0 && !kind->reservations[0].is_dynamic ? 1 : 0);
}
