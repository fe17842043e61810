/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of mesos-master, under Mesos's names and with its defaults. */
#pragma once

#include "base/flags.h"

struct master_flags {
    char *ip;
    int64_t port;
    char *advertise_ip;
    int64_t advertise_port; /* 0: that of port */
    char *hostname;
    bool hostname_lookup;
    char *cluster;
    char *work_dir;
    char *zk; /* NULL: one master, which leads */
    int64_t zk_session_timeout_ns;
    char *registry;
    char *log_dir;
    char *logging_level;
    bool quiet;
    int64_t allocation_interval_ns;
    char *role_sorter;
    char *framework_sorter;
    char *fair_sharing_excluded_resource_names;
    char *min_allocatable_resources;
    double allocator_agent_recovery_factor;
    int64_t allocator_recovery_timeout_ns;
    char *whitelist;
    uint64_t offer_constraints_re2_max_mem_bytes;
    int64_t offer_constraints_re2_max_program_size;
    bool filter_gpu_resources;
    char *weights;
    char *roles;
    bool root_submissions;
    int64_t offer_timeout_ns; /* 0: none */
    int64_t agent_ping_timeout_ns;
    int64_t max_agent_ping_timeouts;
    int64_t agent_reregister_timeout_ns;
    int64_t max_completed_frameworks;
    int64_t max_completed_tasks_per_framework;
    int64_t max_unreachable_tasks_per_framework;
    int64_t max_operator_event_stream_subscribers;
    bool publish_per_framework_metrics;
    char *domain;
    bool require_agent_domain;
    int64_t registry_max_agent_age_ns;
    int64_t registry_max_agent_count;
    int64_t registry_gc_interval_ns;
    char *webui_dir;
    /* Known to Mesos; here they can only have their defaults. */
    struct {
        bool authenticate_frameworks;
        bool authenticate_agents;
        bool authenticate_http_readonly;
        bool authenticate_http_readwrite;
        bool authenticate_http_frameworks;
        bool registry_strict;
        bool log_auto_initialize;
        bool memory_profiling;
        char *allocator;
        char *authenticators;
        char *authorizers;
        char *http_authenticators;
        char *recovery_agent_removal_limit;
        int64_t logbufsecs;
    } fixed;
};

extern const struct flag_table master_flag_table;

/* Visit the pairs of --weights; the first that is wrong is an error, after those before it were visited. With flags
 * that flags_parse() took it does not fail. @visit NULL: only check. */
int master_flags_visit_weights(const struct master_flags *flags,
                               void (*visit)(void *user, const char *role, double weight), void *user,
                               struct error *err);

/* The file that the log goes to, which the caller frees; NULL: none. */
char *master_log_path(const struct master_flags *flags);
