/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator as a whole: its options, start and end, quota and weights, and what happens to offered resources. */
#include "allocator/allocator.h"

#include <assert.h>
#include <math.h>

#include "allocator/internal.h"
#include "base/log.h"
#include "message/message.h"
#include "model/name.h"

/* What no factor goes beyond: then offers wait until the timeout. */
#define MAX_EXPECTED_AGENTS 1e9

/* Options */

void allocator_options_init(struct allocator_options *options) {
    *options = (struct allocator_options){
        .allocation_interval_ns = SECOND,
        .role_sorter = ALLOCATOR_SORTER_DRF,
        .framework_sorter = ALLOCATOR_SORTER_DRF,
        .filter_gpu_resources = true,
        .recovery_timeout_ns = 10 * MINUTE,
        .agent_recovery_factor = 0.8,
        .allocate_on_recovery = true,
        .slice_steps = ALLOCATOR_SLICE_STEPS,
        .slice_offers = 400,
        .max_completed_frameworks = 50,
        .publish_per_framework_metrics = true,
    };
}

int allocator_parse_min_allocatable(const char *text, struct quantities **ret, size_t *ret_count, struct error *err) {
    struct quantities *list = NULL;
    size_t count = 0;

    for (const char *token = text; *token != '\0';) {
        size_t size = strcspn(token, "|");
        cleanup_free char *one = xstrndup(token, size);

        if (size > 0) {
            list = xrealloc(list, (count + 1) * sizeof(*list));
            if (quantities_parse(one, &list[count], err) < 0) {
                for (size_t i = 0; i < count; i++)
                    quantities_done(&list[i]);
                free(list);
                return error_wrap(err, "Error parsing min_allocatable_resources '%s'", text);
            }
            count++;
        }
        token += size + (token[size] != '\0');
    }
    *ret = list;
    *ret_count = count;
    return 0;
}

static void copy_options(struct allocator *allocator, const struct allocator_options *options) {
    struct quantities *min = xcalloc(options->min_allocatable_count + 1, sizeof(*min));
    size_t count = 0;

    allocator->options = *options;
    for (size_t i = 0; i < options->min_allocatable_count; i++)
        quantities_copy(&min[i], &options->min_allocatable[i]);
    allocator->options.min_allocatable = min;
    while (options->fair_sharing_excluded != NULL && options->fair_sharing_excluded[count] != NULL)
        count++;
    allocator->excluded_names = xcalloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        allocator->excluded_names[i] = xstrdup(options->fair_sharing_excluded[i]);
    allocator->options.fair_sharing_excluded = NULL;
    if (options->domain != NULL && options->domain->fault_domain != NULL)
        allocator->region = xstrdup(options->domain->fault_domain->region->name);
    allocator->options.domain = NULL;
    if (allocator->options.slice_steps == 0)
        allocator->options.slice_steps = SIZE_MAX;
    if (allocator->options.slice_offers == 0)
        allocator->options.slice_offers = SIZE_MAX;
}

/* Start and end */

static void on_recovery_timeout(struct env_timer *timer) {
    struct allocator *allocator = container_of(timer, struct allocator, recovery_timer);

    allocator->is_recovering = false;
    allocator_resume(allocator);
}

struct allocator *allocator_new(const struct allocator_options *options, const struct allocator_callbacks *callbacks,
                                void *user, struct env *env) {
    static const char *const usual[] = {"cpus", "mem", "disk", [GPUS] = "gpus"};
    struct allocator *allocator = new0(struct allocator);

    copy_options(allocator, options);
    allocator->callbacks = callbacks;
    allocator->user = user;
    allocator->env = env;
    allocator->random_seed = options->random_seed != 0 ? options->random_seed : env_random(env);
    allocator->totals.version = 1;
    /* Others grow in rounds, which must not wait for several huge pages at once. */
    allocator->agent_pool.is_huge = allocator->filter_pool.is_huge = true;
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
        allocator_dimension_get(allocator, usual[i]);
    allocator->root = allocator_role_new_root(allocator);
    list_init(&allocator->constrained);
    list_init(&allocator->round.frameworks);
    list_init(&allocator->round.with_inverse_offers);
    list_init(&allocator->maintained);
    env_timer_init(&allocator->interval_timer, env, allocator_round_on_interval);
    env_timer_init(&allocator->round_timer, env, allocator_round_on_timer);
    env_timer_init(&allocator->expiry_timer, env, allocator_round_on_expiry);
    env_timer_init(&allocator->recovery_timer, env, on_recovery_timeout);
    allocator_metrics_start(allocator);
    allocator->next_interval_ns = env_now(env) + options->allocation_interval_ns;
    env_timer_start(&allocator->interval_timer, options->allocation_interval_ns);
    return allocator;
}

static void free_options(struct allocator *allocator) {
    for (size_t i = 0; i < allocator->options.min_allocatable_count; i++)
        quantities_done((struct quantities *)&allocator->options.min_allocatable[i]);
    free((struct quantities *)allocator->options.min_allocatable);
    for (char **name = allocator->excluded_names; *name != NULL; name++)
        free(*name);
    free(allocator->excluded_names);
    free((char *)allocator->region);
}

void allocator_free(struct allocator *allocator) {
    struct framework *framework;
    struct agent *agent;

    if (allocator == NULL)
        return;
    table_for_each (&allocator->frameworks, framework) {
        table_remove(&allocator->frameworks, framework->id);
        allocator_framework_free(allocator, framework);
    }
    table_for_each (&allocator->agents, agent) {
        table_remove(&allocator->agents, agent->id);
        allocator_agent_free(allocator, agent);
    }
    allocator_update_whitelist(allocator, NULL, 0);
    allocator_role_free_all(allocator);
    allocator_metrics_stop(allocator);
    env_timer_done(&allocator->interval_timer);
    env_timer_done(&allocator->round_timer);
    env_timer_done(&allocator->expiry_timer);
    env_timer_done(&allocator->recovery_timer);
    for (size_t i = 0; i < allocator->dimension_count; i++)
        name_release(allocator->dimension_names[i]);
    free(allocator->dimension_names);
    free(allocator->is_excluded);
    table_done(&allocator->frameworks);
    table_done(&allocator->agents);
    table_done(&allocator->roles);
    table_done(&allocator->whitelist);
    amounts_done(&allocator->totals.total);
    amounts_done(&allocator->revocable_available);
    free(allocator->agents_by_index);
    free(allocator->agent_hashes);
    free(allocator->held_back.words);
    free(allocator->free_agents);
    allocator_sorter_table_done(&allocator->client_nodes);
    allocator_sorter_table_done(&allocator->role_nodes);
    free(allocator->dirty.words);
    free(allocator->offerable.words);
    free(allocator->active_clients.words);
    free(allocator->is_candidate.words);
    free(allocator->filters.slots);
    pool_done(&allocator->agent_pool);
    pool_done(&allocator->usage_pool);
    pool_done(&allocator->offer_pool);
    pool_done(&allocator->filter_pool);
    heap_done(&allocator->expiries);
    heap_done(&allocator->inverse_expiries);
    free(allocator->candidates);
    free(allocator->pending);
    free(allocator->scratch);
    free(allocator->scratch_parts);
    allocator_round_done(allocator);
    free_options(allocator);
    free(allocator);
}

void allocator_recover(struct allocator *allocator, size_t expected_agents, const struct allocator_quota *quotas,
                       size_t count) {
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        allocator_update_quota(allocator, quotas[i].role, &quotas[i].guarantees, &quotas[i].limits);
    allocator->expected_agents = (size_t)fmin((double)expected_agents * allocator->options.agent_recovery_factor,
                                              MAX_EXPECTED_AGENTS);
    if (allocator->expected_agents == 0)
        return;
    allocator_pause(allocator);
    allocator->is_recovering = true;
    env_timer_start(&allocator->recovery_timer, allocator->options.recovery_timeout_ns);
    log_info("Triggered allocator recovery: waiting for %zu agents to reconnect", allocator->expected_agents);
}

void allocator_pause(struct allocator *allocator) {
    allocator->is_paused = true;
}

void allocator_resume(struct allocator *allocator) {
    allocator->is_paused = false;
    allocator_round_resume(allocator);
}

void allocator_allocate(struct allocator *allocator) {
    allocator_round_request(allocator, NULL);
}

/* Roles */

static bool set_guarantees(struct allocator *allocator, struct role *role, const struct quantities *guarantees) {
    struct amounts none = {0};

    amounts_copy(&role->guarantees, &none);
    allocator_amounts_add_quantities(allocator, &role->guarantees, guarantees);
    return !amounts_are_zero(&role->guarantees);
}

static bool set_limits(struct allocator *allocator, struct role *role, const struct quantities *limits) {
    struct amounts none = {0};

    amounts_copy(&role->limits, &none);
    for (size_t i = 0; i < limits->count; i++)
        amounts_set(&role->limits, allocator_dimension_get(allocator, limits->items[i].name),
                    limits->items[i].amount + 1);
    return limits->count > 0;
}

void allocator_update_quota(struct allocator *allocator, const char *role_name, const struct quantities *guarantees,
                            const struct quantities *limits) {
    struct role *role = allocator_role_get(allocator, role_name);

    allocator->guaranteed_roles -= role->has_guarantees;
    allocator->limited_roles -= role->has_limits;
    role->has_guarantees = set_guarantees(allocator, role, guarantees);
    role->has_limits = set_limits(allocator, role, limits);
    allocator->guaranteed_roles += role->has_guarantees;
    allocator->limited_roles += role->has_limits;
    state_changed(allocator);
    allocator_metrics_update_quota(allocator, role);
    allocator_role_try_remove(allocator, role);
}

void allocator_update_weight(struct allocator *allocator, const char *role, double weight) {
    allocator_role_set_weight(allocator, allocator_role_get(allocator, role), weight);
}

void allocator_quota_consumed(const struct allocator *allocator, const char *role_name, struct quantities *ret) {
    const struct role *role = allocator_role_find(allocator, role_name);

    *ret = QUANTITIES_INIT;
    for (size_t i = 0; role != NULL && i < allocator->dimension_count; i++) {
        int64_t amount = amounts_get(&role->allocated, i) + amounts_get(&role->reserved, i);

        if (amount > 0)
            quantities_set(ret, allocator->dimension_names[i], amount);
    }
}

/* Resources */

/* The client of what is @resources: all allocated to one role. NULL if there is none. */
static struct client *find_client(const struct allocator *allocator, const char *framework_id,
                                  const struct resources *resources) {
    const char *role_name = resources_allocation_role(resources);
    const struct role *role;

    assert(role_name != NULL);
    role = allocator_role_find(allocator, role_name);
    return role == NULL ? NULL : allocator_client_find(role, framework_id);
}

void allocator_transition_offered_to_allocated(struct allocator *allocator, const char *agent_id,
                                               const struct resources *resources) {
    struct agent *agent = table_find(&allocator->agents, agent_id);

    assert(agent != NULL);
    allocator_allocated_track(allocator, agent, resources, 1);
}

void allocator_recover_resources(struct allocator *allocator, const char *framework_id, const char *agent_id,
                                 const struct resources *resources, const Mesos__V1__Filters *filters,
                                 bool is_allocated) {
    struct framework *framework = table_find(&allocator->frameworks, framework_id);
    struct agent *agent = table_find(&allocator->agents, agent_id);
    struct client *client;
    int64_t timeout_ns;

    if (resources_is_empty(resources) || agent == NULL)
        return;
    if (is_allocated)
        allocator_allocated_track(allocator, agent, resources, -1);
    client = framework == NULL ? NULL : find_client(allocator, framework_id, resources);
    if (client == NULL)
        return;
    if (!allocator_usage_subtract(allocator, agent, client, resources)) {
        cleanup_free char *text = resources_text(resources);

        log_error("Framework %s gives back %s of agent %s, which it does not have", framework_id, text, agent_id);
        return;
    }
    timeout_ns = filters == NULL ? 0 : allocator_filters_timeout_ns(filters);
    if (timeout_ns > 0 && client->is_subscribed) {
        if (timeout_ns < allocator->options.allocation_interval_ns)
            timeout_ns = allocator->options.allocation_interval_ns;
        allocator_filter_add(allocator, client, agent, resources, timeout_ns);
    }
    allocator_client_try_remove(allocator, client);
    if (is_allocated && allocator->options.allocate_on_recovery)
        allocator_round_request(allocator, agent);
}

/* What the conversions do to the agent's total: as they are, without allocation roles; those that take nothing make
 * more copies of something shared, which the total does not count. */
static void convert_total(struct allocator *allocator, struct agent *agent,
                          const struct resource_conversion *conversions, size_t count) {
    cleanup_resources struct resources total = RESOURCES_INIT;
    cleanup_error struct error err = ERROR_INIT;

    resources_assign(&total, &agent->total);
    for (size_t i = 0; i < count; i++) {
        struct resource_conversion stripped = {.removes_volume = false};

        if (resources_is_empty(&conversions[i].consumed))
            continue;
        resources_copy(&stripped.consumed, &conversions[i].consumed);
        resources_copy(&stripped.converted, &conversions[i].converted);
        resources_unallocate(&stripped.consumed);
        resources_unallocate(&stripped.converted);
        if (resources_convert(&total, &stripped, &err) < 0)
            log_error("Cannot convert the total of agent %s: %s", agent->id, error_message(&err));
        resources_done(&stripped.consumed);
        resources_done(&stripped.converted);
    }
    if (!resources_equal(&total, &agent->total))
        allocator_agent_set_total(allocator, agent, &total);
}

void allocator_update_allocation(struct allocator *allocator, const char *framework_id, const char *agent_id,
                                 const struct resources *offered, const struct resource_conversion *conversions,
                                 size_t count) {
    struct agent *agent = table_find(&allocator->agents, agent_id);
    struct client *client = find_client(allocator, framework_id, offered);
    cleanup_resources struct resources updated = RESOURCES_INIT;
    cleanup_error struct error err = ERROR_INIT;

    assert(agent != NULL && client != NULL);
    resources_assign(&updated, offered);
    for (size_t i = 0; i < count; i++) {
        if (resources_convert(&updated, &conversions[i], &err) < 0) {
            log_error("Cannot update the allocation of framework %s on agent %s: %s", framework_id, agent_id,
                      error_message(&err));
            return;
        }
    }
    allocator_usage_replace(allocator, agent, client, offered, &updated);
    convert_total(allocator, agent, conversions, count);
    allocator_agent_recompute_available(allocator, agent);
}

int allocator_update_available(struct allocator *allocator, const char *agent_id,
                               const Mesos__V1__Offer__Operation *const *operations, size_t count, struct error *err) {
    struct agent *agent = table_find(&allocator->agents, agent_id);
    cleanup_resources struct resources available = RESOURCES_INIT, total = RESOURCES_INIT;

    assert(agent != NULL);
    resources_assign(&available, &agent->available);
    resources_assign(&total, &agent->total);
    for (size_t i = 0; i < count; i++)
        if (resources_apply_operation(&available, operations[i], err) < 0 ||
            resources_apply_operation(&total, operations[i], err) < 0)
            return -1;
    if (!resources_equal(&total, &agent->total))
        allocator_agent_set_total(allocator, agent, &total);
    return 0;
}

static size_t array_bytes(const struct resources *resources) {
    return resources->capacity * sizeof(struct resource);
}

/* What an agent takes here: itself, its names, its place in the tables, its arrays (each once: as a rule they are one).
 */
static size_t agent_bytes(const struct agent *agent) {
    size_t bytes = sizeof(*agent) + sizeof(struct table_entry) + 2 * sizeof(uint32_t) + sizeof(agent) +
                   sizeof(agent->hash);

    bytes += strlen(agent->id) + 1 + strlen(agent->hostname) + 1 + agent->attribute_arena.size_bytes;
    bytes += 2 * agent->bit_words * sizeof(agent->bits[0]) + agent->allocated_count * sizeof(agent->allocated[0]);
    bytes += array_bytes(&agent->total);
    if (agent->available.items != agent->total.items)
        bytes += array_bytes(&agent->available);
    if (agent->basis.items != agent->total.items && agent->basis.items != agent->available.items)
        bytes += array_bytes(&agent->basis);
    return bytes;
}

void allocator_figures(const struct allocator *allocator, struct allocator_figures *ret) {
    struct agent *agent;

    *ret = allocator->figures;
    ret->agents = allocator->agents.count;
    ret->frameworks = allocator->frameworks.count;
    ret->roles = allocator->roles.count;
    ret->agent_bytes = 0;
    table_for_each (&allocator->agents, agent)
        ret->agent_bytes += agent_bytes(agent);
    ret->framework_bytes = allocator->frameworks.count * sizeof(struct framework) +
                           allocator->client_count * sizeof(struct client);
    ret->filter_bytes = allocator->figures.filters * (sizeof(struct filter) + sizeof(struct heap_member *)) +
                        allocator->filters.capacity * sizeof(allocator->filters.slots[0]);
}
