/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of roles (RoleTree in hierarchical.cpp) and which of them take part in sharing (DRFSorter::add(), remove()).
 */
#include <assert.h>

#include "allocator/internal.h"
#include "model/name.h"
#include "model/role.h"

static void init_siblings(struct allocator *allocator, struct role *role) {
    role->subs.table = &allocator->role_nodes;
    role->frameworks.table = &allocator->client_nodes;
    allocator_sorter_table_add(&allocator->role_nodes, &role->node);
    allocator_sorter_table_add(&allocator->role_nodes, &role->own);
}

struct role *allocator_role_new_root(struct allocator *allocator) {
    struct role *root = new0(struct role);

    root->name = name_get("");
    root->basename = root->name;
    root->weight = 1;
    root->node.weight = root->own.weight = 1;
    list_init(&root->child);
    list_init(&root->children);
    init_siblings(allocator, root);
    return root;
}

static void init_node(struct sorter_node *node, const char *name, const char *path, double weight) {
    *node = (struct sorter_node){
        .name = name, .weight = weight, .is_active = true, .hash = allocator_sorter_hash(path)};
}

static struct role *role_new(struct allocator *allocator, const char *name, size_t size, struct role *parent) {
    struct role *role = new0(struct role);
    cleanup_free char *own_path = NULL;
    size_t parent_size = parent->parent == NULL ? 0 : name_size(parent->name) + 1;

    role->name = name_get_sized(name, size);
    role->basename = role->name + parent_size;
    role->parent = parent;
    role->top = parent->parent == NULL ? role : parent->top;
    list_init(&role->children);
    list_append(&parent->children, &role->child);
    role->weight = 1;
    own_path = xasprintf("%s/.", role->name);
    init_node(&role->node, role->basename, role->name, 1);
    init_node(&role->own, ".", own_path, 1);
    init_siblings(allocator, role);
    table_add(&allocator->roles, role->name, role);
    allocator_metrics_add_role(allocator, role);
    return role;
}

struct role *allocator_role_find(const struct allocator *allocator, const char *name) {
    return table_find(&allocator->roles, name);
}

struct role *allocator_role_get(struct allocator *allocator, const char *name) {
    struct role *role = allocator_role_find(allocator, name), *parent = allocator->root;

    if (role != NULL)
        return role;
    for (size_t size = strcspn(name, "/");; size += 1 + strcspn(name + size + 1, "/")) {
        role = table_find_sized(&allocator->roles, name, size);
        if (role == NULL)
            role = role_new(allocator, name, size, parent);
        parent = role;
        if (name[size] == '\0')
            return role;
    }
}

static bool is_needed(const struct role *role) {
    return !list_is_empty(&role->children) || role->clients.count > 0 || !amounts_are_zero(&role->reserved) ||
           role->has_guarantees || role->has_limits || role->weight != 1;
}

static void role_free(struct allocator *allocator, struct role *role) {
    allocator_metrics_remove_role(allocator, role);
    if (role->parent != NULL)
        table_remove(&allocator->roles, role->name);
    list_remove(&role->child);
    amounts_done(&role->guarantees);
    amounts_done(&role->limits);
    amounts_done(&role->consumed);
    amounts_done(&role->reserved);
    amounts_done(&role->offered_reserved);
    amounts_done(&role->allocated);
    allocator_sorter_table_remove(&allocator->role_nodes, &role->node);
    allocator_sorter_table_remove(&allocator->role_nodes, &role->own);
    amounts_done(&role->node.allocated);
    amounts_done(&role->own.allocated);
    allocator_siblings_done(&role->subs);
    allocator_siblings_done(&role->frameworks);
    table_done(&role->clients);
    name_release(role->name);
    free(role);
}

void allocator_role_try_remove(struct allocator *allocator, struct role *role) {
    while (role->parent != NULL && !is_needed(role)) {
        struct role *parent = role->parent;

        role_free(allocator, role);
        role = parent;
    }
}

void allocator_role_free_all(struct allocator *allocator) {
    struct role *role;

    /* Children come after their parents in the table. */
    while (allocator->roles.count > 0) {
        table_for_each (&allocator->roles, role)
            if (list_is_empty(&role->children))
                role_free(allocator, role);
    }
    role_free(allocator, allocator->root);
}

/* Fair sharing */

static void add_own(struct role *role, uint64_t count) {
    role->own.count = count;
    role->own.share = 0;
    allocator_siblings_add(&role->subs, &role->own);
    role->has_own = true;
}

static void remove_own(struct role *role) {
    allocator_siblings_remove(&role->subs, &role->own);
    role->has_own = false;
}

/* @role's first framework, or the first one below it. */
static void join(struct role *role) {
    role->is_in_sorter = true;
    role->node.count = 0;
    role->node.weight = role->weight;
    if (role->parent->clients.count > 0 && !role->parent->has_own && role->parent->parent != NULL)
        add_own(role->parent, role->parent->node.count); /* so far all of it was theirs */
    allocator_siblings_add(&role->parent->subs, &role->node);
}

void allocator_role_add_to_sorter(struct allocator *allocator, struct role *role) {
    (void)allocator;
    for (struct role *r = role; r->parent != NULL; r = r->parent)
        r->clients_below++;
    /* From the top down, so that a parent is there before its children. */
    for (;;) {
        struct role *first = NULL;

        for (struct role *r = role; r->parent != NULL; r = r->parent)
            if (!r->is_in_sorter)
                first = r;
        if (first == NULL)
            break;
        join(first);
    }
    if (role->clients.count == 1 && role->subs.count > 0 && !role->has_own)
        add_own(role, 0);
}

void allocator_role_remove_from_sorter(struct allocator *allocator, struct role *role) {
    (void)allocator;
    if (role->clients.count == 0 && role->has_own)
        remove_own(role);
    for (struct role *r = role; r->parent != NULL; r = r->parent) {
        if (--r->clients_below > 0) {
            /* Nobody competes with its own frameworks any more. */
            if (r->has_own && r->subs.count == 1)
                remove_own(r);
            continue;
        }
        allocator_siblings_remove(&r->parent->subs, &r->node);
        r->is_in_sorter = false;
        if (r->parent->has_own && r->parent->subs.count == 1)
            remove_own(r->parent);
    }
}

void allocator_role_refresh(struct allocator *allocator, struct role *role) {
    allocator_siblings_refresh(&role->frameworks, &allocator->totals);
    for (; role != NULL; role = role->parent)
        allocator_siblings_refresh(&role->subs, &allocator->totals);
}

static size_t depth(const struct role *role) {
    size_t count = 0;

    for (; role->parent != NULL; role = role->parent)
        count++;
    return count;
}

bool allocator_client_is_before(const struct client *a, const struct client *b) {
    const struct role *left = a->role, *right = b->role;
    const struct sorter_node *left_node = &left->own, *right_node = &right->own;
    size_t left_depth, right_depth;

    if (left == right)
        return sorter_node_is_before(&a->node, &b->node);
    left_depth = depth(left);
    right_depth = depth(right);
    for (; left_depth > right_depth; left_depth--) {
        left_node = &left->node;
        left = left->parent;
    }
    for (; right_depth > left_depth; right_depth--) {
        right_node = &right->node;
        right = right->parent;
    }
    while (left != right) {
        left_node = &left->node;
        right_node = &right->node;
        left = left->parent;
        right = right->parent;
    }
    return sorter_node_is_before(left_node, right_node);
}

/* Reservations, weights */

void allocator_role_track_reservations(struct allocator *allocator, const struct resources *total, int sign) {
    for (size_t i = 0; i < total->count; i++) {
        const struct resource *resource = &total->items[i];
        struct role *role;
        size_t dimension;

        if (!resource_is_reserved(resource) || resource->kind->type != RESOURCE_SCALAR)
            continue;
        role = allocator_role_get(allocator, resource->kind->reservation_role);
        dimension = dimension_of(allocator, resource);
        for (struct role *r = role; r != NULL; r = r->parent) {
            amounts_add(&r->reserved, dimension, sign * resource->scalar);
            allocator_metrics_update_consumed(allocator, r);
        }
        if (sign < 0)
            allocator_role_try_remove(allocator, role);
    }
}

void allocator_role_set_weight(struct allocator *allocator, struct role *role, double weight) {
    role->weight = weight;
    role->node.weight = weight;
    if (role->is_in_sorter)
        role->parent->subs.is_dirty = true;
    allocator_role_try_remove(allocator, role);
}
