/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of mesos-agent, under Mesos's names and with its defaults. */
#pragma once

#include "base/flags.h"

struct agent_flags {
    char *master;
    int64_t zk_session_timeout_ns;
    char *ip;
    int64_t port;
    char *advertise_ip;
    int64_t advertise_port;
    char *hostname;
    bool hostname_lookup;
    char *work_dir;
    char *runtime_dir;
    char *launcher_dir;
    char *log_dir;
    char *logging_level;
    bool quiet;
    char *resources;
    char *attributes;
    char *default_role;
    char *domain;
    char *launcher;
    char *isolation;
    char *containerizers;
    char *image_providers;
    bool switch_user;
    char *frameworks_home;
    char *sandbox_directory;
    char *executor_environment_variables;
    int64_t registration_backoff_factor_ns;
    int64_t executor_registration_timeout_ns;
    int64_t executor_reregistration_timeout_ns;
    int64_t executor_reregistration_retry_interval_ns; /* 0: not set */
    int64_t executor_shutdown_grace_period_ns;
    char *recover;
    bool strict;
    int64_t recovery_timeout_ns;
    char *reconfiguration_policy;
    int64_t gc_delay_ns;
    double gc_disk_headroom;
    bool gc_non_executor_container_sandboxes;
    int64_t disk_watch_interval_ns;
    int64_t max_completed_executors_per_framework;
    int64_t http_heartbeat_interval_ns;
    bool http_command_executor;
    char *fetcher_cache_dir;
    uint64_t fetcher_cache_size_bytes;
    int64_t fetcher_stall_timeout_ns;
};

/* The rows, and what Mesos has and we refuse. */
extern const struct flag_table agent_flag_table;

/* The file that the log goes to, which the caller frees; NULL: none. */
char *agent_log_path(const struct agent_flags *flags);
