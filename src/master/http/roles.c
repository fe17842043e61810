/* SPDX-License-Identifier: Apache-2.0 */
#include "master/http/roles.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/http/endpoints.h"
#include "master/http/model.h"
#include "master/role_settings.h"
#include "model/role.h"
#include "process/common_endpoints.h"

#define DEFAULT_WEIGHT 1.0

/* The view of @role, which is made if @may_add; those of the roles above it are made along with it. */
static struct role_view *view_of(struct role_views *views, const char *role, bool may_add) {
    struct role_view *view = table_find(&views->by_name, role);
    size_t parent_size;

    if (view != NULL || !may_add)
        return view;
    view = new0(struct role_view);
    view->name = xstrdup(role);
    view->weight = DEFAULT_WEIGHT;
    table_add(&views->by_name, view->name, view);
    parent_size = role_parent_size(role);
    if (parent_size > 0) {
        cleanup_free char *parent = xstrndup(role, parent_size);

        view_of(views, parent, true);
    }
    return view;
}

/* Add a scalar to one of the figures of @role and of all roles above it. */
static void add_amount(struct role_views *views, const char *role, size_t figure, const struct resource *resource,
                       int sign, bool may_add) {
    cleanup_free char *name = NULL;

    if (role == NULL || resource->kind->type != RESOURCE_SCALAR)
        return;
    name = xstrdup(role);
    for (;;) {
        struct role_view *view = view_of(views, name, may_add);
        size_t parent_size = role_parent_size(name);

        if (view != NULL)
            quantities_add((struct quantities *)(void *)((char *)view + figure), resource->kind->name,
                           sign * resource->scalar);
        if (parent_size == 0)
            return;
        name[parent_size] = '\0';
    }
}

#define FIGURE(member) offsetof(struct role_view, member)

static void add_framework_to(struct role_views *views, const char *role, const struct framework *framework,
                             bool may_add) {
    struct role_view *view = view_of(views, role, may_add);

    if (view == NULL || (view->framework_count > 0 && view->frameworks[view->framework_count - 1] == framework))
        return;
    view->frameworks = xrealloc(view->frameworks, (view->framework_count + 1) * sizeof(*view->frameworks));
    view->frameworks[view->framework_count++] = framework;
}

/* A framework is in the roles it subscribes to, and in those that it left while it has something there. */
static void add_framework(struct role_views *views, const struct framework *framework, bool may_add) {
    for (size_t i = 0; i < framework->role_count; i++)
        add_framework_to(views, framework->roles[i], framework, may_add);
    for (uint32_t i = 0; i < framework->used.count; i++) {
        const struct resource *resource = &framework->used.items[i];

        if (resource->allocation_role != NULL)
            add_framework_to(views, resource->allocation_role, framework, may_add);
        add_amount(views, resource->allocation_role, FIGURE(allocated), resource, 1, may_add);
        add_amount(views, resource->allocation_role, FIGURE(consumed), resource, 1, may_add);
    }
    for (uint32_t i = 0; i < framework->offered.count; i++) {
        const struct resource *resource = &framework->offered.items[i];

        add_amount(views, resource->allocation_role, FIGURE(offered), resource, 1, may_add);
    }
}

static void add_agent(struct role_views *views, const struct agent *agent, bool may_add) {
    for (uint32_t i = 0; i < agent->total.count; i++) {
        const struct resource *resource = &agent->total.items[i];

        add_amount(views, resource->kind->reservation_role, FIGURE(reserved), resource, 1, may_add);
        add_amount(views, resource->kind->reservation_role, FIGURE(consumed), resource, 1, may_add);
    }
    for (uint32_t i = 0; i < agent->used.count; i++)
        add_amount(views, agent->used.items[i].kind->reservation_role, FIGURE(consumed), &agent->used.items[i], -1,
                   may_add);
}

struct weights {
    struct role_views *views;
    bool may_add;
};

static void set_weight(void *user, const char *role, double weight) {
    struct weights *weights = user;
    struct role_view *view = view_of(weights->views, role, weights->may_add);

    if (view != NULL)
        view->weight = weight;
}

static int compare_views(const void *a, const void *b) {
    return strcmp((*(struct role_view *const *)a)->name, (*(struct role_view *const *)b)->name);
}

void role_views_init(struct role_views *views, const struct master *master) {
    bool may_add = master->allowed_roles == NULL;
    const struct framework *framework;
    const struct agent *agent;
    struct role_view *view;
    size_t count = 0;

    *views = (struct role_views){0};
    for (size_t i = 0; !may_add && master->allowed_roles[i] != NULL; i++)
        view_of(views, master->allowed_roles[i], true);
    table_for_each (&master->frameworks, framework)
        add_framework(views, framework, may_add);
    table_for_each (&master->agents, agent)
        add_agent(views, agent, may_add);
    for_each_weight(master, set_weight, &(struct weights){views, may_add});
    views->sorted = xcalloc(views->by_name.count + 1, sizeof(struct role_view *));
    table_for_each (&views->by_name, view)
        views->sorted[count++] = view;
    qsort(views->sorted, count, sizeof(struct role_view *), compare_views);
}

void role_views_done(struct role_views *views) {
    for (size_t i = 0; i < views->by_name.count; i++) {
        struct role_view *view = views->sorted[i];

        quantities_done(&view->allocated);
        quantities_done(&view->offered);
        quantities_done(&view->reserved);
        quantities_done(&view->consumed);
        free(view->frameworks);
        free(view->name);
        free(view);
    }
    table_done(&views->by_name);
    free(views->sorted);
}

static int compare_settings(const void *a, const void *b) {
    return strcmp((*(const struct role_setting *const *)a)->role, (*(const struct role_setting *const *)b)->role);
}

void for_each_weight(const struct master *master, void (*visit)(void *user, const char *role, double weight),
                     void *user) {
    const struct role_setting **sorted = xcalloc(master->role_settings.count + 1, sizeof(*sorted)), *setting;
    size_t count = 0;

    table_for_each (&master->role_settings, setting)
        sorted[count++] = setting;
    qsort(sorted, count, sizeof(*sorted), compare_settings);
    for (size_t i = 0; i < count; i++) {
        if (sorted[i]->weight > 0)
            visit(user, sorted[i]->role, sorted[i]->weight);
    }
    free(sorted);
}

/* /roles */

/* What is not there is left out, as ResourceQuantities does; a limit of 0 is shown, as ResourceLimits does. */
static void write_figure(struct json_writer *json, const char *name, const struct quantities *quantities,
                         bool with_zeros) {
    json_key(json, name);
    json_begin_object(json);
    for (uint32_t i = 0; i < quantities->count; i++) {
        if (quantities->items[i].amount == 0 && !with_zeros)
            continue;
        json_key_string(json, quantities->items[i].name);
        json_double(json, scalar_to_double(quantities->items[i].amount));
    }
    json_end_object(json);
}

static void write_role(struct json_writer *json, const struct master *master, const struct role_view *view) {
    const struct role_setting *setting = role_setting_find(master, view->name);
    const struct role_setting none = {0};
    struct quantities all;

    json_begin_object(json);
    json_member_string(json, "name", view->name);
    json_member_double(json, "weight", view->weight);
    json_key(json, "quota");
    json_begin_object(json);
    json_member_string(json, "role", view->name);
    write_figure(json, "guarantee", setting == NULL ? &none.guarantees : &setting->guarantees, false);
    write_figure(json, "limit", setting == NULL ? &none.limits : &setting->limits, true);
    write_figure(json, "consumed", &view->consumed, false);
    json_end_object(json);
    quantities_copy(&all, &view->allocated);
    for (uint32_t i = 0; i < view->offered.count; i++)
        quantities_add(&all, view->offered.items[i].name, view->offered.items[i].amount);
    write_figure(json, "resources", &all, false);
    quantities_done(&all);
    write_figure(json, "allocated", &view->allocated, false);
    write_figure(json, "offered", &view->offered, false);
    write_figure(json, "reserved", &view->reserved, false);
    json_key(json, "frameworks");
    json_begin_array(json);
    for (size_t i = 0; i < view->framework_count; i++)
        json_string(json, view->frameworks[i]->id);
    json_end_array(json);
    json_end_object(json);
}

void get_roles(struct http_exchange *exchange, void *user) {
    const struct endpoints *endpoints = user;
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct role_views views;
    struct json_writer json;

    role_views_init(&views, endpoints->master);
    json_init(&json, &body);
    json_begin_object(&json);
    json_key(&json, "roles");
    json_begin_array(&json);
    for (size_t i = 0; i < views.by_name.count; i++)
        write_role(&json, endpoints->master, views.sorted[i]);
    json_end_array(&json);
    json_end_object(&json);
    role_views_done(&views);
    respond_json(exchange, &body);
}
