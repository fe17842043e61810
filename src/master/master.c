/* SPDX-License-Identifier: Apache-2.0 */
#include "master/master.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "master/agent.h"
#include "master/dispatch.h"
#include "master/framework.h"
#include "master/role_settings.h"
#include "message/json.h"
#include "message/message.h"

static const struct route routes[] = {
    {"/api/v1/scheduler", ROUTE_GUARDED | ROUTE_POST, scheduler_api,
     "The scheduler API: calls, and a stream of events for SUBSCRIBE.",
     "The body is a mesos.v1.scheduler.Call as JSON or protobuf, by its Content-Type."},
};

/* Every route of the master also answers without its name before it. */
static const char *const prefixes[] = {"/master", ""};

/* Messages */

void master_send(struct master *master, const struct pid *to, const ProtobufCMessage *message) {
    buffer_clear(&master->encoded);
    message_encode(message, &master->encoded);
    process_send(&master->process, to, message->descriptor->name, master->encoded.data, master->encoded.size);
}

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    dispatch_message(container_of(process, struct master, process), from, name, body, size);
}

/* A linked peer is lost: an agent, or a driver. */
static void on_exited(struct process *process, const struct pid *peer) {
    struct master *master = container_of(process, struct master, process);
    struct agent *agent = agent_find_by_pid(master, peer);
    char text[PID_BYTES];
    struct connection *connection = table_find(&master->frameworks_by_pid, pid_format(peer, text));

    if (agent != NULL)
        agent_disconnected(agent);
    if (connection != NULL) {
        /* If only the connection broke, the driver is to know that it is not connected any more. */
        framework_send_error(container_of(connection, struct framework, connection), "Framework disconnected");
        connection_set_lost(connection);
    }
}

static const struct process_ops process_ops = {.on_message = on_message, .on_exited = on_exited};

/* Lost agents are forgotten after a while. [Master::doRegistryGc] */

static void forget_old(struct table *table, int64_t before_ns) {
    const struct lost_agent *lost;

    table_for_each (table, lost) {
        if (lost->since_ns < before_ns)
            lost_agent_remove(table, lost->id);
    }
}

static void on_registry_gc(struct env_timer *timer) {
    struct master *master = container_of(timer, struct master, registry_gc);
    int64_t before_ns = env_wall_clock(master->env) - master->flags->registry_max_agent_age_ns;

    forget_old(&master->unreachable_agents, before_ns);
    forget_old(&master->gone_agents, before_ns);
    env_timer_start(timer, master->flags->registry_gc_interval_ns);
}

/* Start */

static int listen_as_advised(struct master *master, const struct master_options *options, struct error *err) {
    const struct master_flags *flags = master->flags;
    struct address address = address_tcp(flags->ip == NULL ? "0.0.0.0" : flags->ip, (uint16_t)flags->port);
    const char *advertise_ip = flags->advertise_ip != NULL ? flags->advertise_ip : options->address_ip;
    struct address advertised = address_tcp(advertise_ip == NULL ? address.host : advertise_ip,
                                            flags->advertise_port == 0 ? 0 : (uint16_t)flags->advertise_port);
    bool is_advertised = advertise_ip != NULL || flags->advertise_port != 0;

    /* With a port of the system's choice nobody can say it beforehand. */
    if (is_advertised && flags->advertise_port == 0)
        advertised.port = (uint16_t)flags->port;
    master->endpoint = process_endpoint_new(master->env, master->router, options->http_limits);
    if (process_endpoint_listen(master->endpoint, &address, is_advertised ? &advertised : NULL, err) < 0)
        return -1;
    process_init(&master->process, master->endpoint, "master", &process_ops);
    agent_observers_init(master);
    master->pid = master->process.pid;
    return 0;
}

/* An IPv4 address as MasterInfo.ip has it: in network order. */
static uint32_t numeric_ip(const char *host) {
    struct in_addr ip = {0};

    return inet_pton(AF_INET, host, &ip) == 1 ? ip.s_addr : 0;
}

static int make_domain(struct master *master, struct error *err) {
    const char *text = master->flags->domain;

    if (text == NULL)
        return 0;
    if (message_parse_json(&mesos__v1__domain_info__descriptor, text, strlen(text), MESSAGE_V1, &master->arena,
                           (ProtobufCMessage **)(void *)&master->info->domain, err) < 0)
        return error_wrap(err, "the flag --domain is not a DomainInfo");
    return 0;
}

static int make_info(struct master *master, const struct master_options *options, struct error *err) {
    struct arena *arena = &master->arena;
    Mesos__V1__MasterInfo *info = arena_alloc(arena, sizeof(*info));
    Mesos__V1__Address *address = arena_alloc(arena, sizeof(*address));
    Mesos__V1__MasterInfo__Capability *capability = arena_alloc(arena, sizeof(*capability));
    const struct address *own = &master->pid.address;
    const char *hostname = master->flags->hostname != NULL ? master->flags->hostname : options->hostname;
    char pid[PID_BYTES];

    mesos__v1__master_info__init(info);
    mesos__v1__address__init(address);
    mesos__v1__master_info__capability__init(capability);
    address->hostname = arena_strdup(arena, hostname == NULL ? own->host : hostname);
    address->ip = arena_strdup(arena, own->host);
    address->port = own->port;
    capability->has_type = true;
    capability->type = MESOS__V1__MASTER_INFO__CAPABILITY__TYPE__AGENT_UPDATE;
    info->id = master->id;
    info->ip = numeric_ip(own->host);
    info->port = own->port;
    info->pid = arena_strdup(arena, pid_format(&master->pid, pid));
    info->hostname = address->hostname;
    info->version = (char *)version_get()->number;
    info->address = address;
    info->n_capabilities = 1;
    info->capabilities = arena_alloc(arena, sizeof(*info->capabilities));
    info->capabilities[0] = capability;
    master->info = info;
    return make_domain(master, err);
}

static enum allocator_sorter sorter_from(const char *name) {
    return strcmp(name, "random") == 0 ? ALLOCATOR_SORTER_RANDOM : ALLOCATOR_SORTER_DRF;
}

static int make_allocator(struct master *master, struct error *err) {
    const struct master_flags *flags = master->flags;
    char **excluded = flags->fair_sharing_excluded_resource_names == NULL
                          ? NULL
                          : text_split(flags->fair_sharing_excluded_resource_names, ",");
    struct allocator_options options;
    struct quantities *minimum = NULL;
    size_t minimum_count = 0;
    int result = 0;

    master->constraints_limits = (struct offer_constraints_limits){(size_t)flags->offer_constraints_re2_max_mem_bytes,
                                                                   flags->offer_constraints_re2_max_program_size};
    allocator_options_init(&options);
    if (allocator_parse_min_allocatable(flags->min_allocatable_resources, &minimum, &minimum_count, err) < 0) {
        result = error_wrap(err, "the flag --min_allocatable_resources");
    } else {
        options.allocation_interval_ns = flags->allocation_interval_ns;
        options.role_sorter = sorter_from(flags->role_sorter);
        options.framework_sorter = sorter_from(flags->framework_sorter);
        options.fair_sharing_excluded = (const char *const *)excluded;
        options.min_allocatable = minimum;
        options.min_allocatable_count = minimum_count;
        options.filter_gpu_resources = flags->filter_gpu_resources;
        options.domain = master->info->domain;
        options.recovery_timeout_ns = flags->allocator_recovery_timeout_ns;
        options.agent_recovery_factor = flags->allocator_agent_recovery_factor;
        options.max_completed_frameworks = (size_t)flags->max_completed_frameworks;
        options.publish_per_framework_metrics = flags->publish_per_framework_metrics;
        options.metrics = &master->registry;
        master->allocator = allocator_new(&options, &offer_allocator_callbacks, master, master->env);
    }
    for (size_t i = 0; i < minimum_count; i++)
        quantities_done(&minimum[i]);
    free(minimum);
    text_list_free(excluded);
    return result;
}

static void init_tables(struct master *master) {
    table_init(&master->frameworks);
    table_init(&master->completed_frameworks);
    table_init(&master->frameworks_by_pid);
    table_init(&master->agents);
    table_init(&master->agents_by_pid);
    table_init(&master->unreachable_agents);
    table_init(&master->gone_agents);
    table_init(&master->removed_agents);
    table_init(&master->offers);
    table_init(&master->inverse_offers);
    table_init(&master->operations);
    table_init(&master->role_settings);
    list_init(&master->orphans);
    list_init(&master->observers);
}

static int start(struct master *master, const struct master_options *options, struct error *err) {
    const struct master_flags *flags = master->flags;
    const struct master_recovered nothing = {0};

    if (listen_as_advised(master, options, err) < 0 || make_info(master, options, err) < 0 ||
        make_allocator(master, err) < 0)
        return -1;
    master_recover(master, options->recovered == NULL ? &nothing : options->recovered);
    if (flags->roles != NULL)
        master->allowed_roles = text_split(flags->roles, ",");
    master_metrics_init(master);
    router_set_guard(master->router, leadership_guard, master);
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        router_add(master->router, prefixes[i], routes, ARRAY_SIZE(routes), master);
    common_endpoints_init(&master->common, master->router, "master", &master->registry, &master_flag_table, flags,
                          master->env, options->read_stats);
    if (options->http != NULL) {
        master->http = options->http;
        master->http_state = options->http->begin(master, master->router);
    }
    env_timer_init(&master->registry_gc, master->env, on_registry_gc);
    env_timer_start(&master->registry_gc, flags->registry_gc_interval_ns);
    whitelist_init(&master->whitelist, flags->whitelist, master->allocator, master->env);
    return leadership_init(master, err);
}

int master_new(struct env *env, const struct master_options *options, struct master **ret, struct error *err) {
    struct master *master = new0(struct master);
    char text[ADDRESS_TEXT_BYTES];

    master->env = env;
    master->flags = options->flags;
    master->events = options->events;
    master->user = options->user;
    env_random_uuid_text(env, master->id);
    master->start_ns = env_wall_clock(env);
    metrics_init(&master->registry);
    init_tables(master);
    master->router = router_new();
    if (start(master, options, err) < 0) {
        master_free(master);
        return -1;
    }
    log_info("Master %s (%s) started on %s", master->id, master->info->hostname,
             address_format(&master->pid.address, text));
    *ret = master;
    return 0;
}

static void free_frameworks(struct master *master) {
    struct framework *framework;

    table_for_each (&master->frameworks, framework)
        framework_free(framework);
    table_for_each (&master->completed_frameworks, framework)
        framework_free(framework);
    table_done(&master->frameworks);
    table_done(&master->completed_frameworks);
}

void master_free(struct master *master) {
    if (master == NULL)
        return;
    leadership_done(master);
    if (master->http != NULL)
        master->http->end(master->http_state);
    env_timer_done(&master->registry_gc);
    whitelist_done(&master->whitelist);
    common_endpoints_done(&master->common);
    agents_done(master);
    free_frameworks(master);
    allocator_free(master->allocator);
    if (master->metrics.uptime_secs.name != NULL)
        master_metrics_done(master);
    process_done(&master->agent_observers);
    process_done(&master->process);
    process_endpoint_free(master->endpoint);
    router_free(master->router);
    table_done(&master->frameworks_by_pid);
    table_done(&master->agents);
    table_done(&master->agents_by_pid);
    lost_agents_done(&master->unreachable_agents);
    lost_agents_done(&master->gone_agents);
    lost_agents_done(&master->removed_agents);
    table_done(&master->offers);
    table_done(&master->inverse_offers);
    table_done(&master->operations);
    role_settings_done(master);
    buffer_done(&master->encoded);
    buffer_done(&master->framed);
    text_list_free(master->allowed_roles);
    metrics_done(&master->registry);
    arena_done(&master->arena);
    free(master);
}

const struct address *master_address(const struct master *master) {
    return &master->pid.address;
}
