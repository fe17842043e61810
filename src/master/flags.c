/* SPDX-License-Identifier: Apache-2.0 */
#include "master/flags.h"

#include <string.h>

#include "base/duration.h"
#include "base/text.h"
#include "election/zookeeper.h"
#include "model/role.h"

#define FIELD(member) offsetof(struct master_flags, member)

static int check_port(const void *flags, struct error *err) {
    const struct master_flags *f = flags;

    if (f->port < 0 || f->port > 65535)
        return error_set(err, 0, "must be from 0 to 65535");
    return 0;
}

static int check_advertise_port(const void *flags, struct error *err) {
    const struct master_flags *f = flags;

    if (f->advertise_port < 0 || f->advertise_port > 65535)
        return error_set(err, 0, "must be from 0 to 65535");
    return 0;
}

static int check_registry(const void *flags, struct error *err) {
    const struct master_flags *f = flags;

    if (strcmp(f->registry, "in_memory") != 0)
        return error_set(err, 0, "the registry must be 'in_memory'");
    return 0;
}

static int check_session_timeout(const void *flags, struct error *err) {
    return zookeeper_check_session_timeout(((const struct master_flags *)flags)->zk_session_timeout_ns, err);
}

static int check_sorter(const char *sorter, struct error *err) {
    if (strcmp(sorter, "drf") != 0 && strcmp(sorter, "random") != 0)
        return error_set(err, 0, "must be 'drf' or 'random'");
    return 0;
}

static int check_role_sorter(const void *flags, struct error *err) {
    return check_sorter(((const struct master_flags *)flags)->role_sorter, err);
}

static int check_framework_sorter(const void *flags, struct error *err) {
    return check_sorter(((const struct master_flags *)flags)->framework_sorter, err);
}

static int check_allocation_interval(const void *flags, struct error *err) {
    if (((const struct master_flags *)flags)->allocation_interval_ns <= 0)
        return error_set(err, 0, "must be more than 0");
    return 0;
}

/* Mesos takes any number: a negative one means to wait for the first agent, one above 1 to wait until the timeout.
 */
static int check_recovery_factor(const void *flags, struct error *err) {
    const double factor = ((const struct master_flags *)flags)->allocator_agent_recovery_factor;

    if (factor < 0)
        return error_set(err, 0, "'%g' must be at least 0", factor);
    return 0;
}

static int check_offer_timeout(const void *flags, struct error *err) {
    if (((const struct master_flags *)flags)->offer_timeout_ns <= 0)
        return error_set(err, 0, "must be more than 0");
    return 0;
}

static int check_roles(const void *flags, struct error *err) {
    char **roles = text_split(((const struct master_flags *)flags)->roles, ",");
    int result = 0;

    for (size_t i = 0; roles[i] != NULL && result == 0; i++) {
        if (role_validate(roles[i], err) < 0)
            result = error_wrap(err, "role '%s'", roles[i]);
    }
    text_list_free(roles);
    return result;
}

static bool is_allowed_role(const struct master_flags *flags, const char *role) {
    char **roles = flags->roles == NULL ? NULL : text_split(flags->roles, ",");
    bool is_allowed = roles == NULL || role_is_default(role);

    for (size_t i = 0; !is_allowed && roles[i] != NULL; i++)
        is_allowed = strcmp(roles[i], role) == 0;
    text_list_free(roles);
    return is_allowed;
}

/* Cut "role=weight" in two. */
static int parse_weight(const struct master_flags *flags, char *pair, double *ret, struct error *err) {
    char *equals = strchr(pair, '=');

    if (equals == NULL || equals == pair)
        return error_set(err, 0, "'%s' must be of the form 'role=weight'", pair);
    *equals = '\0';
    if (!is_allowed_role(flags, pair))
        return error_set(err, 0, "'%s' must be one of --roles", pair);
    if (role_validate(pair, err) < 0)
        return error_wrap(err, "role '%s'", pair);
    if (double_parse(equals + 1, ret, NULL) < 0 || *ret <= 0)
        return error_set(err, 0, "the weight '%s' of role '%s' must be a number above 0", equals + 1, pair);
    return 0;
}

int master_flags_visit_weights(const struct master_flags *flags,
                               void (*visit)(void *user, const char *role, double weight), void *user,
                               struct error *err) {
    char **pairs = flags->weights == NULL ? NULL : text_split(flags->weights, ",");
    int result = 0;
    double weight;

    for (size_t i = 0; pairs != NULL && pairs[i] != NULL && result == 0; i++) {
        result = parse_weight(flags, pairs[i], &weight, err);
        if (result == 0 && visit != NULL)
            visit(user, pairs[i], weight);
    }
    text_list_free(pairs);
    return result;
}

static int check_weights(const void *flags, struct error *err) {
    return master_flags_visit_weights(flags, NULL, NULL, err);
}

/* The bounds of src/master/main.cpp. */
static int check_ping_timeout(const void *flags, struct error *err) {
    const int64_t timeout_ns = ((const struct master_flags *)flags)->agent_ping_timeout_ns;

    if (timeout_ns < SECOND || timeout_ns > 15 * MINUTE)
        return error_set(err, 0, "must be between 1secs and 15mins");
    return 0;
}

static int check_ping_timeouts(const void *flags, struct error *err) {
    if (((const struct master_flags *)flags)->max_agent_ping_timeouts < 1)
        return error_set(err, 0, "must be at least 1");
    return 0;
}

static int check_reregister_timeout(const void *flags, struct error *err) {
    if (((const struct master_flags *)flags)->agent_reregister_timeout_ns < 10 * MINUTE)
        return error_set(err, 0, "must be at least 10mins");
    return 0;
}

static int check_logging_level(const void *flags, struct error *err) {
    const char *level = ((const struct master_flags *)flags)->logging_level;

    if (strcmp(level, "INFO") != 0 && strcmp(level, "WARNING") != 0 && strcmp(level, "ERROR") != 0)
        return error_set(err, 0, "must be INFO, WARNING or ERROR");
    return 0;
}

static int check_history(const void *flags, struct error *err) {
    const struct master_flags *f = flags;

    if (f->max_completed_frameworks < 0 || f->max_completed_tasks_per_framework < 0 ||
        f->max_unreachable_tasks_per_framework < 0)
        return error_set(err, 0, "must not be negative");
    return 0;
}

/* Flags of Mesos that have one value here: scripts that say it go on working, another one is refused. */
#define FIXED_BOOL(name, value, reason) \
    static int check_##name(const void *flags, struct error *err) { \
        return ((const struct master_flags *)flags)->fixed.name == (value) \
                   ? 0 \
                   : error_set(err, 0, "can only be %s: %s", (value) ? "true" : "false", reason); \
    }
#define FIXED_STRING(name, value, reason) \
    static int check_##name(const void *flags, struct error *err) { \
        return strcmp(((const struct master_flags *)flags)->fixed.name, value) == 0 \
                   ? 0 \
                   : error_set(err, 0, "can only be '%s': %s", value, reason); \
    }
#define FIXED_INTEGER(name, value, reason) \
    static int check_##name(const void *flags, struct error *err) { \
        return ((const struct master_flags *)flags)->fixed.name == (value) \
                   ? 0 \
                   : error_set(err, 0, "can only be %d: %s", value, reason); \
    }

static const char not_yet[] = "not available in this version";
static const char no_modules[] = "loadable modules are not supported";
static const char no_authentication[] = "authentication is not available in this version";

FIXED_BOOL(authenticate_frameworks, false, no_authentication)
FIXED_BOOL(authenticate_agents, false, no_authentication)
FIXED_BOOL(authenticate_http_readonly, false, no_authentication)
FIXED_BOOL(authenticate_http_readwrite, false, no_authentication)
FIXED_BOOL(authenticate_http_frameworks, false, no_authentication)
FIXED_BOOL(registry_strict, false, not_yet)
FIXED_BOOL(log_auto_initialize, true, "the replicated log is not available in this version")
FIXED_BOOL(memory_profiling, false, "use the tools of the system")
FIXED_STRING(allocator, "hierarchical", no_modules)
FIXED_STRING(authenticators, "crammd5", no_modules)
FIXED_STRING(authorizers, "local", no_modules)
FIXED_STRING(http_authenticators, "basic", no_modules)
FIXED_STRING(recovery_agent_removal_limit, "100%", "no agents are recovered from a registry in memory")
FIXED_INTEGER(logbufsecs, 0, "log lines are never held back")

static const struct flag flags[] = {
    {"ip", FLAG_STRING, FIELD(ip), NULL, "IP address to listen on.", NULL, 0, NULL},
    {"port", FLAG_INTEGER, FIELD(port), "5050", "Port to listen on; 0 takes a free one.", NULL, 0, check_port},
    {"advertise_ip", FLAG_STRING, FIELD(advertise_ip), NULL,
     "IP address under which agents and frameworks reach this master, if it is another one than --ip.", NULL, 0, NULL},
    {"advertise_port", FLAG_INTEGER, FIELD(advertise_port), NULL,
     "Port under which agents and frameworks reach this master, if it is another one than --port.", NULL, 0,
     check_advertise_port},
    {"hostname", FLAG_STRING, FIELD(hostname), NULL,
     "Host name to advertise; if unset, that of the address, see --hostname_lookup.", NULL, 0, NULL},
    {"hostname_lookup", FLAG_BOOL, FIELD(hostname_lookup), "true",
     "Look the host name up if --hostname is not set; otherwise the IP address is advertised.", NULL, 0, NULL},
    {"cluster", FLAG_STRING, FIELD(cluster), NULL, "Name of the cluster, shown on the web page.", NULL, 0, NULL},
    {"work_dir", FLAG_STRING, FIELD(work_dir), NULL,
     "Directory of the master's own data. With the in-memory registry nothing is kept there, but it must be writable.",
     NULL, 0, NULL},
    {"zk", FLAG_STRING, FIELD(zk), NULL,
     "Where masters elect the one that leads: 'zk://[user:password@]host1:port1,host2:port2/path', or 'file:///path' "
     "to a file that holds it (and keeps the password out of sight). Unset: there is one master, which leads.",
     NULL, 0, NULL},
    {"zk_session_timeout", FLAG_DURATION, FIELD(zk_session_timeout_ns), "10secs",
     "How long this master may be out of ZooKeeper's reach before another one leads.", NULL, 0, check_session_timeout},
    {"registry", FLAG_STRING, FIELD(registry), "in_memory",
     "Where the agents that were admitted are remembered: 'in_memory'. Agents register again after a restart.", NULL, 0,
     check_registry},
    {"log_dir", FLAG_STRING, FIELD(log_dir), NULL,
     "Directory of the log file mesos-master.INFO, besides standard error.", NULL, 0, NULL},
    {"logging_level", FLAG_STRING, FIELD(logging_level), "INFO", "The least level that is logged.", NULL, 0,
     check_logging_level},
    {"quiet", FLAG_BOOL, FIELD(quiet), "false", "Log nothing to standard error.", NULL, 0, NULL},
    {"allocation_interval", FLAG_DURATION, FIELD(allocation_interval_ns), "1secs",
     "Time between two rounds in which all resources are offered.", NULL, 0, check_allocation_interval},
    {"role_sorter", FLAG_STRING, FIELD(role_sorter), "drf", "How roles share resources: 'drf' or 'random'.",
     "user_sorter", 0, check_role_sorter},
    {"framework_sorter", FLAG_STRING, FIELD(framework_sorter), "drf",
     "How the frameworks of one role share resources: 'drf' or 'random'.", NULL, 0, check_framework_sorter},
    {"fair_sharing_excluded_resource_names", FLAG_STRING, FIELD(fair_sharing_excluded_resource_names), NULL,
     "Names of resources, separated by commas, that do not count in fair sharing.", NULL, 0, NULL},
    {"min_allocatable_resources", FLAG_STRING, FIELD(min_allocatable_resources), "cpus:0.01|mem:32",
     "Sets of resources, separated by '|', one of which an offer must hold at least.", NULL, 0, NULL},
    {"filter_gpu_resources", FLAG_BOOL, FIELD(filter_gpu_resources), "true",
     "Offer agents with GPUs only to frameworks with the capability GPU_RESOURCES.", NULL, 0, NULL},
    {"allocator_agent_recovery_factor", FLAG_DOUBLE, FIELD(allocator_agent_recovery_factor), "0.8",
     "After a failover, if quota was recovered: the part of the known agents that must be back before anything is "
     "offered.",
     NULL, 0, check_recovery_factor},
    {"allocator_recovery_timeout", FLAG_DURATION, FIELD(allocator_recovery_timeout_ns), "10mins",
     "After a failover: how long offers wait for these agents at most.", NULL, 0, NULL},
    {"whitelist", FLAG_STRING, FIELD(whitelist), NULL,
     "Path of a file with the host names, one a line, of the agents that may be offered; read again every 5 seconds. "
     "If "
     "unset, all may.",
     NULL, 0, NULL},
    {"offer_constraints_re2_max_mem", FLAG_BYTES, FIELD(offer_constraints_re2_max_mem_bytes), "4096B",
     "Most memory of each regular expression in a framework's offer constraints, compiled.", NULL, 0, NULL},
    {"offer_constraints_re2_max_program_size", FLAG_INTEGER, FIELD(offer_constraints_re2_max_program_size), "100",
     "Most instructions of each regular expression in a framework's offer constraints, compiled.", NULL, 0, NULL},
    {"weights", FLAG_STRING, FIELD(weights), NULL, "Weights of roles: 'role=weight,role=weight'.", NULL, 0,
     check_weights},
    {"roles", FLAG_STRING, FIELD(roles), NULL,
     "Roles, separated by commas, that frameworks may be in; unset: all. '*' is always allowed.", NULL, 0, check_roles},
    {"root_submissions", FLAG_BOOL, FIELD(root_submissions), "true", "Whether frameworks may run tasks as root.", NULL,
     0, NULL},
    {"offer_timeout", FLAG_DURATION, FIELD(offer_timeout_ns), NULL,
     "Take an offer back when it was not answered for this long; unset: never.", NULL, 0, check_offer_timeout},
    {"agent_ping_timeout", FLAG_DURATION, FIELD(agent_ping_timeout_ns), "15secs",
     "How long an agent may take to answer a ping.", "slave_ping_timeout", 0, check_ping_timeout},
    {"max_agent_ping_timeouts", FLAG_INTEGER, FIELD(max_agent_ping_timeouts), "5",
     "How many pings in a row may stay without an answer before the agent counts as unreachable.",
     "max_slave_ping_timeouts", 0, check_ping_timeouts},
    {"agent_reregister_timeout", FLAG_DURATION, FIELD(agent_reregister_timeout_ns), "10mins",
     "How long a disconnected agent may take to register again before it counts as unreachable.",
     "slave_reregister_timeout", 0, check_reregister_timeout},
    {"max_completed_frameworks", FLAG_INTEGER, FIELD(max_completed_frameworks), "50",
     "How many completed frameworks are remembered.", NULL, 0, check_history},
    {"max_completed_tasks_per_framework", FLAG_INTEGER, FIELD(max_completed_tasks_per_framework), "1000",
     "How many completed tasks of each framework are remembered.", NULL, 0, check_history},
    {"max_unreachable_tasks_per_framework", FLAG_INTEGER, FIELD(max_unreachable_tasks_per_framework), "1000",
     "How many unreachable tasks of each framework are remembered.", NULL, 0, check_history},
    {"max_operator_event_stream_subscribers", FLAG_INTEGER, FIELD(max_operator_event_stream_subscribers), "1000",
     "How many clients may follow the operator API's events; beyond, the oldest is disconnected.", NULL, 0, NULL},
    {"publish_per_framework_metrics", FLAG_BOOL, FIELD(publish_per_framework_metrics), "true",
     "Whether /metrics/snapshot shows the figures of each framework.", NULL, 0, NULL},
    {"domain", FLAG_STRING, FIELD(domain), NULL, "The fault domain of this master, as JSON of DomainInfo.", NULL,
     FLAG_FROM_FILE, NULL},
    {"require_agent_domain", FLAG_BOOL, FIELD(require_agent_domain), "false", "Refuse agents without a fault domain.",
     NULL, 0, NULL},
    {"registry_max_agent_age", FLAG_DURATION, FIELD(registry_max_agent_age_ns), "2weeks",
     "How long unreachable and gone agents are remembered.", NULL, 0, NULL},
    {"registry_max_agent_count", FLAG_INTEGER, FIELD(registry_max_agent_count), "102400",
     "How many unreachable and gone agents are remembered, each.", NULL, 0, NULL},
    {"registry_gc_interval", FLAG_DURATION, FIELD(registry_gc_interval_ns), "15mins",
     "How often unreachable and gone agents are looked through for those to forget.", NULL, 0, NULL},
    {"webui_dir", FLAG_STRING, FIELD(webui_dir), "/usr/local/share/mesos/webui", "Directory of the web page's files.",
     NULL, 0, NULL},
    {"authenticate_frameworks", FLAG_BOOL, FIELD(fixed.authenticate_frameworks), "false",
     "Whether frameworks must authenticate.", "authenticate", 0, check_authenticate_frameworks},
    {"authenticate_agents", FLAG_BOOL, FIELD(fixed.authenticate_agents), "false", "Whether agents must authenticate.",
     "authenticate_slaves", 0, check_authenticate_agents},
    {"authenticate_http_readonly", FLAG_BOOL, FIELD(fixed.authenticate_http_readonly), "false",
     "Whether reading requests must be authenticated.", NULL, 0, check_authenticate_http_readonly},
    {"authenticate_http_readwrite", FLAG_BOOL, FIELD(fixed.authenticate_http_readwrite), "false",
     "Whether changing requests must be authenticated.", "authenticate_http", 0, check_authenticate_http_readwrite},
    {"authenticate_http_frameworks", FLAG_BOOL, FIELD(fixed.authenticate_http_frameworks), "false",
     "Whether schedulers that use HTTP must authenticate.", NULL, 0, check_authenticate_http_frameworks},
    {"registry_strict", FLAG_BOOL, FIELD(fixed.registry_strict), "false",
     "Whether agents are held to what the registry says.", NULL, 0, check_registry_strict},
    {"log_auto_initialize", FLAG_BOOL, FIELD(fixed.log_auto_initialize), "true",
     "Whether a new replicated log is made by itself.", NULL, 0, check_log_auto_initialize},
    {"memory_profiling", FLAG_BOOL, FIELD(fixed.memory_profiling), "false", "Whether memory can be profiled over HTTP.",
     NULL, 0, check_memory_profiling},
    {"allocator", FLAG_STRING, FIELD(fixed.allocator), "hierarchical", "The allocator.", NULL, 0, check_allocator},
    {"authenticators", FLAG_STRING, FIELD(fixed.authenticators), "crammd5",
     "What agents and frameworks authenticate with.", NULL, 0, check_authenticators},
    {"authorizers", FLAG_STRING, FIELD(fixed.authorizers), "local", "What decides on authorization.", NULL, 0,
     check_authorizers},
    {"http_authenticators", FLAG_STRING, FIELD(fixed.http_authenticators), "basic",
     "What HTTP requests authenticate with.", NULL, 0, check_http_authenticators},
    {"recovery_agent_removal_limit", FLAG_STRING, FIELD(fixed.recovery_agent_removal_limit), "100%",
     "How many agents may be removed after a failover.", "recovery_slave_removal_limit", 0,
     check_recovery_agent_removal_limit},
    {"logbufsecs", FLAG_INTEGER, FIELD(fixed.logbufsecs), "0", "How long log lines are held back.", NULL, 0,
     check_logbufsecs},
};

static const struct flag_refused refused[] = {
    {"quorum", "it belongs to the replicated log, and the registry is in memory: leave it out, with --zk too"},
    {"registry_fetch_timeout", "the registry is in memory"},
    {"registry_store_timeout", "the registry is in memory"},
    {"agent_removal_rate_limit", not_yet},
    {"slave_removal_rate_limit", not_yet},
    {"authentication_v0_timeout", no_authentication},
    {"http_framework_authenticators", no_authentication},
    {"credentials", no_authentication},
    {"acls", "authorization is not available in this version"},
    {"firewall_rules", not_yet},
    {"rate_limits", not_yet},
    {"max_executors_per_agent", "it belongs to the port-mapping isolator, which is not supported"},
    {"max_executors_per_slave", "it belongs to the port-mapping isolator, which is not supported"},
    {"modules", no_modules},
    {"modules_dir", no_modules},
    {"hooks", no_modules},
    {"master_contender", no_modules},
    {"master_detector", no_modules},
    {"ip_discovery_command", "not supported: give the address with --ip"},
    {"external_log_file", not_yet},
    {"initialize_driver_logging", "it is a flag of drivers"},
    {NULL, NULL},
};

const struct flag_table master_flag_table = {
    .program = "mesos-master",
    .usage = "Usage: mesos-master [options]",
    .environment_prefix = "MESOS_",
    .flags = flags,
    .count = ARRAY_SIZE(flags),
    .refused = refused,
};

char *master_log_path(const struct master_flags *values) {
    return values->log_dir == NULL ? NULL : path_join(values->log_dir, "mesos-master.INFO");
}
