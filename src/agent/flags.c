/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/flags.h"

#include <string.h>

#include "base/duration.h"
#include "base/text.h"
#include "election/zookeeper.h"
#include "model/role.h"

#define FIELD(member) offsetof(struct agent_flags, member)

static int check_port(const void *flags, struct error *err) {
    const struct agent_flags *f = flags;

    if (f->port < 0 || f->port > 65535)
        return error_set(err, 0, "must be from 0 to 65535");
    return 0;
}

static int check_advertise_port(const void *flags, struct error *err) {
    const struct agent_flags *f = flags;

    if (f->advertise_port < 0 || f->advertise_port > 65535)
        return error_set(err, 0, "must be from 0 to 65535");
    return 0;
}

static int check_default_role(const void *flags, struct error *err) {
    return role_validate(((const struct agent_flags *)flags)->default_role, err);
}

static int check_launcher(const void *flags, struct error *err) {
    if (strcmp(((const struct agent_flags *)flags)->launcher, "posix") != 0)
        return error_set(err, 0, "only the launcher 'posix' is available in this version");
    return 0;
}

static int check_isolation(const void *flags, struct error *err) {
    char **names = text_split(((const struct agent_flags *)flags)->isolation, ", ");
    int result = 0;

    for (size_t i = 0; names[i] != NULL && result == 0; i++) {
        if (strcmp(names[i], "posix/cpu") != 0 && strcmp(names[i], "posix/mem") != 0 &&
            strcmp(names[i], "filesystem/posix") != 0)
            result = error_set(err, 0,
                               "the isolator '%s' is not available in this version; available are posix/cpu, posix/mem "
                               "and filesystem/posix",
                               names[i]);
    }
    text_list_free(names);
    return result;
}

static int check_containerizers(const void *flags, struct error *err) {
    if (strcmp(((const struct agent_flags *)flags)->containerizers, "mesos") != 0)
        return error_set(err, 0, "only the containerizer 'mesos' is available in this version");
    return 0;
}

static int check_recover(const void *flags, struct error *err) {
    const char *recover = ((const struct agent_flags *)flags)->recover;

    if (strcmp(recover, "reconnect") != 0 && strcmp(recover, "cleanup") != 0)
        return error_set(err, 0, "must be 'reconnect' or 'cleanup'");
    return 0;
}

static int check_reconfiguration_policy(const void *flags, struct error *err) {
    const char *policy = ((const struct agent_flags *)flags)->reconfiguration_policy;

    if (strcmp(policy, "equal") != 0 && strcmp(policy, "additive") != 0)
        return error_set(err, 0, "must be 'equal' or 'additive'");
    return 0;
}

static int check_executor_reregistration_timeout(const void *flags, struct error *err) {
    if (((const struct agent_flags *)flags)->executor_reregistration_timeout_ns > 15 * SECOND)
        return error_set(err, 0, "must be at most 15secs");
    return 0;
}

static int check_gc_disk_headroom(const void *flags, struct error *err) {
    const double headroom = ((const struct agent_flags *)flags)->gc_disk_headroom;

    if (headroom < 0 || headroom > 1)
        return error_set(err, 0, "must be from 0 to 1");
    return 0;
}

static int check_completed_executors(const void *flags, struct error *err) {
    if (((const struct agent_flags *)flags)->max_completed_executors_per_framework < 0)
        return error_set(err, 0, "must not be negative");
    return 0;
}

static int check_work_dir(const void *flags, struct error *err) {
    if (((const struct agent_flags *)flags)->work_dir[0] != '/')
        return error_set(err, 0, "must be an absolute path");
    return 0;
}

static int check_logging_level(const void *flags, struct error *err) {
    const char *level = ((const struct agent_flags *)flags)->logging_level;

    if (strcmp(level, "INFO") != 0 && strcmp(level, "WARNING") != 0 && strcmp(level, "ERROR") != 0)
        return error_set(err, 0, "must be INFO, WARNING or ERROR");
    return 0;
}

static int check_http_command_executor(const void *flags, struct error *err) {
    if (!((const struct agent_flags *)flags)->http_command_executor)
        return error_set(err, 0, "the command executor always uses the HTTP API in this version");
    return 0;
}

static int check_image_providers(const void *flags, struct error *err) {
    const char *providers = ((const struct agent_flags *)flags)->image_providers;

    if (providers != NULL && *providers != '\0')
        return error_set(err, 0, "container images are not available in this version");
    return 0;
}

static int check_session_timeout(const void *flags, struct error *err) {
    return zookeeper_check_session_timeout(((const struct agent_flags *)flags)->zk_session_timeout_ns, err);
}

static const struct flag flags[] = {
    {"master", FLAG_STRING, FIELD(master), NULL,
     "The master to join: 'host:port'; 'zk://[user:password@]host1:port1,host2/path' for the one that leads by "
     "ZooKeeper; 'file:///path' of a file that holds one of these.",
     NULL, FLAG_REQUIRED, NULL},
    {"zk_session_timeout", FLAG_DURATION, FIELD(zk_session_timeout_ns), "10secs",
     "How long the agent may be out of ZooKeeper's reach before no master counts as leading.", NULL, 0,
     check_session_timeout},
    {"work_dir", FLAG_STRING, FIELD(work_dir), NULL,
     "Directory of sandboxes and of the state that outlives this process. It must survive a restart of the agent.",
     NULL, FLAG_REQUIRED, check_work_dir},
    {"runtime_dir", FLAG_STRING, FIELD(runtime_dir), NULL,
     "Directory of what must outlive this process but not a reboot; if unset, /var/run/mesos, or mesos/runtime in the "
     "temporary directory for a user who may not write to /var/run.",
     NULL, 0, NULL},
    {"launcher_dir", FLAG_STRING, FIELD(launcher_dir), NULL,
     "Directory of mesos-executor, mesos-default-executor and the other helpers; if unset, that of this program.", NULL,
     0, NULL},
    {"ip", FLAG_STRING, FIELD(ip), NULL, "IP address to listen on.", NULL, 0, NULL},
    {"port", FLAG_INTEGER, FIELD(port), "5051", "Port to listen on; 0 takes a free one.", NULL, 0, check_port},
    {"advertise_ip", FLAG_STRING, FIELD(advertise_ip), NULL,
     "IP address under which the master reaches this agent, if it is another one than --ip.", NULL, 0, NULL},
    {"advertise_port", FLAG_INTEGER, FIELD(advertise_port), NULL,
     "Port under which the master reaches this agent, if it is another one than --port.", NULL, 0,
     check_advertise_port},
    {"hostname", FLAG_STRING, FIELD(hostname), NULL,
     "Host name to report; if unset, that of the address, see --hostname_lookup.", NULL, 0, NULL},
    {"hostname_lookup", FLAG_BOOL, FIELD(hostname_lookup), "true",
     "Look the host name up if --hostname is not set; otherwise the IP address is reported.", NULL, 0, NULL},
    {"resources", FLAG_STRING, FIELD(resources), NULL,
     "Resources to offer: 'cpus:4;mem:2048;ports:[31000-32000]', or a JSON array; what is not named of cpus, mem, disk "
     "and ports is detected.",
     NULL, FLAG_FROM_FILE, NULL},
    {"attributes", FLAG_STRING, FIELD(attributes), NULL, "Attributes of this machine: 'rack:2;zone:west'.", NULL, 0,
     NULL},
    {"default_role", FLAG_STRING, FIELD(default_role), "*", "Role of the resources that name none.", NULL, 0,
     check_default_role},
    {"domain", FLAG_STRING, FIELD(domain), NULL, "The fault domain of this agent, as JSON of DomainInfo.", NULL,
     FLAG_FROM_FILE, NULL},
    {"launcher", FLAG_STRING, FIELD(launcher), "posix", "How processes are started: 'posix'.", NULL, 0, check_launcher},
    {"isolation", FLAG_STRING, FIELD(isolation), "posix/cpu,posix/mem",
     "How containers are kept apart: 'posix/cpu,posix/mem' watches what they use.", NULL, 0, check_isolation},
    {"containerizers", FLAG_STRING, FIELD(containerizers), "mesos", "What runs containers: 'mesos'.", NULL, 0,
     check_containerizers},
    {"image_providers", FLAG_STRING, FIELD(image_providers), NULL, "Kinds of container images; none is available.",
     NULL, 0, check_image_providers},
    {"switch_user", FLAG_BOOL, FIELD(switch_user), "true",
     "Run tasks as the user of their command or framework instead of the agent's own; needs root.", NULL, 0, NULL},
    {"frameworks_home", FLAG_STRING, FIELD(frameworks_home), "", "Directory put before relative executor URIs.", NULL,
     0, NULL},
    {"sandbox_directory", FLAG_STRING, FIELD(sandbox_directory), "/mnt/mesos/sandbox",
     "Where a container that has a file system of its own sees its sandbox.", NULL, 0, NULL},
    {"executor_environment_variables", FLAG_STRING, FIELD(executor_environment_variables), NULL,
     "Environment variables for executors, as a JSON object of strings.", NULL, FLAG_FROM_FILE, NULL},
    {"registration_backoff_factor", FLAG_DURATION, FIELD(registration_backoff_factor_ns), "1secs",
     "The agent waits a random time up to this before it registers with a new master, then up to twice as long each "
     "time, at most 1mins.",
     NULL, 0, NULL},
    {"executor_registration_timeout", FLAG_DURATION, FIELD(executor_registration_timeout_ns), "1mins",
     "How long an executor may take to register before it is killed.", NULL, 0, NULL},
    {"executor_reregistration_timeout", FLAG_DURATION, FIELD(executor_reregistration_timeout_ns), "2secs",
     "How long an executor may take to come back after a restart of the agent; at most 15secs.", NULL, 0,
     check_executor_reregistration_timeout},
    {"executor_reregistration_retry_interval", FLAG_DURATION, FIELD(executor_reregistration_retry_interval_ns), NULL,
     "How often executors that use libprocess are asked again to come back after a restart of the agent; unset: once.",
     NULL, 0, NULL},
    {"executor_shutdown_grace_period", FLAG_DURATION, FIELD(executor_shutdown_grace_period_ns), "5secs",
     "How long an executor may take to shut down before it is killed.", NULL, 0, NULL},
    {"recover", FLAG_STRING, FIELD(recover), "reconnect",
     "What to do with executors of an earlier agent: 'reconnect', or 'cleanup': kill them and exit.", NULL, 0,
     check_recover},
    {"strict", FLAG_BOOL, FIELD(strict), "true",
     "Whether state that can not be read back is fatal; else it is skipped.", NULL, 0, NULL},
    {"recovery_timeout", FLAG_DURATION, FIELD(recovery_timeout_ns), "15mins",
     "How long executors wait for a restarted agent before they end themselves.", NULL, 0, NULL},
    {"reconfiguration_policy", FLAG_STRING, FIELD(reconfiguration_policy), "equal",
     "Changes of resources and attributes that a restarted agent accepts: 'equal' none, 'additive' more of them.", NULL,
     0, check_reconfiguration_policy},
    {"gc_delay", FLAG_DURATION, FIELD(gc_delay_ns), "1weeks",
     "How long sandboxes of finished executors are kept at most.", NULL, 0, NULL},
    {"gc_disk_headroom", FLAG_DOUBLE, FIELD(gc_disk_headroom), "0.1",
     "Part of the disk to be kept free: sandboxes are kept for gc_delay * max(0, 1 - gc_disk_headroom - usage).", NULL,
     0, check_gc_disk_headroom},
    {"gc_non_executor_container_sandboxes", FLAG_BOOL, FIELD(gc_non_executor_container_sandboxes), "false",
     "Whether the sandboxes of nested and standalone containers are removed after --gc_delay too.", NULL, 0, NULL},
    {"disk_watch_interval", FLAG_DURATION, FIELD(disk_watch_interval_ns), "1mins",
     "How often the disk usage is looked at.", NULL, 0, NULL},
    {"max_completed_executors_per_framework", FLAG_INTEGER, FIELD(max_completed_executors_per_framework), "150",
     "How many completed executors of each framework are remembered.", NULL, 0, check_completed_executors},
    {"http_heartbeat_interval", FLAG_DURATION, FIELD(http_heartbeat_interval_ns), "30secs",
     "Time between heartbeats on streams of the agent API.", NULL, 0, NULL},
    {"http_command_executor", FLAG_BOOL, FIELD(http_command_executor), "true",
     "Whether the command executor uses the HTTP API; always true here.", NULL, 0, check_http_command_executor},
    {"fetcher_cache_dir", FLAG_STRING, FIELD(fetcher_cache_dir), "/tmp/mesos/fetch",
     "Directory of downloads that are kept for other tasks.", NULL, 0, NULL},
    {"fetcher_cache_size", FLAG_BYTES, FIELD(fetcher_cache_size_bytes), "2GB", "How much is kept there.", NULL, 0,
     NULL},
    {"fetcher_stall_timeout", FLAG_DURATION, FIELD(fetcher_stall_timeout_ns), "1mins",
     "A download that does not get on for this long is given up.", NULL, 0, NULL},
    {"log_dir", FLAG_STRING, FIELD(log_dir), NULL,
     "Directory of the log file mesos-agent.INFO, besides standard error.", NULL, 0, NULL},
    {"logging_level", FLAG_STRING, FIELD(logging_level), "INFO", "The least level that is logged.", NULL, 0,
     check_logging_level},
    {"quiet", FLAG_BOOL, FIELD(quiet), "false", "Log nothing to standard error.", NULL, 0, NULL},
};

static const char no_modules[] = "loadable modules are not supported";
static const char no_authentication[] = "authentication is not available in this version";
static const char no_images[] = "container images are not available in this version";
static const char no_docker[] = "the Docker engine is not supported";
static const char no_cgroups[] = "control groups are not available in this version";
static const char no_networks[] = "container networks are not available in this version";
static const char no_port_mapping[] = "it belongs to the port-mapping isolator, which is not supported";
static const char no_oversubscription[] = "oversubscription is not available in this version";
static const char no_providers[] = "resource providers are not available in this version";
static const char no_limits[] = "it belongs to an isolator that is not available in this version";

static const struct flag_refused refused[] = {
    {"ip6", "IPv6 addresses are not reported in this version"},
    {"ip6_discovery_command", "not supported: give the address with --ip"},
    {"ip_discovery_command", "not supported: give the address with --ip"},
    {"memory_profiling", "not supported: use the tools of the system"},
    {"resource_provider_config_dir", no_providers},
    {"csi_plugin_config_dir", no_providers},
    {"disk_profile_adaptor", no_modules},
    {"image_provisioner_backend", no_images},
    {"image_gc_config", no_images},
    {"appc_simple_discovery_uri_prefix", no_images},
    {"appc_store_dir", no_images},
    {"docker_registry", no_images},
    {"docker_store_dir", no_images},
    {"docker_volume_checkpoint_dir", no_docker},
    {"docker_volume_chown", no_docker},
    {"docker_ignore_runtime", no_images},
    {"hadoop_home", "the fetcher does not use Hadoop"},
    {"volume_gid_range", no_limits},
    {"authentication_backoff_factor", no_authentication},
    {"authentication_timeout_min", no_authentication},
    {"authentication_timeout_max", no_authentication},
    {"jwt_secret_key", no_authentication},
    {"executor_secret_key", no_authentication},
    {"container_logger", no_modules},
    {"cgroups_destroy_timeout", no_cgroups},
    {"cgroups_hierarchy", no_cgroups},
    {"cgroups_root", no_cgroups},
    {"cgroups_enable_cfs", no_cgroups},
    {"cgroups_limit_swap", no_cgroups},
    {"cgroups_cpu_enable_pids_and_tids_count", no_cgroups},
    {"cgroups_net_cls_primary_handle", no_cgroups},
    {"cgroups_net_cls_secondary_handles", no_cgroups},
    {"allowed_devices", no_cgroups},
    {"agent_subsystems", no_cgroups},
    {"slave_subsystems", no_cgroups},
    {"host_path_volume_force_creation", no_limits},
    {"nvidia_gpu_devices", no_limits},
    {"perf_events", no_limits},
    {"perf_interval", no_limits},
    {"perf_duration", no_limits},
    {"revocable_cpu_low_priority", no_cgroups},
    {"systemd_enable_support", "executors outlive the agent without it: run the unit with KillMode=process"},
    {"systemd_runtime_directory", "executors outlive the agent without it: run the unit with KillMode=process"},
    {"effective_capabilities", no_limits},
    {"allowed_capabilities", no_limits},
    {"bounding_capabilities", no_limits},
    {"default_container_shm_size", no_limits},
    {"disallow_sharing_agent_ipc_namespace", no_limits},
    {"disallow_sharing_agent_pid_namespace", no_limits},
    {"agent_features", "the capabilities that this version has are always announced"},
    {"firewall_rules", "not available in this version"},
    {"credential", no_authentication},
    {"acls", "authorization is not available in this version"},
    {"docker", no_docker},
    {"docker_remove_delay", no_docker},
    {"docker_kill_orphans", no_docker},
    {"docker_mesos_image", no_docker},
    {"docker_socket", no_docker},
    {"docker_config", no_docker},
    {"docker_stop_timeout", no_docker},
    {"domain_socket_location", "executors reach the agent over TCP in this version"},
    {"http_executor_domain_sockets", "executors reach the agent over TCP in this version"},
    {"default_container_dns", no_networks},
    {"default_container_info", "not available in this version"},
    {"ephemeral_ports_per_container", no_port_mapping},
    {"eth0_name", no_port_mapping},
    {"lo_name", no_port_mapping},
    {"egress_rate_limit_per_container", no_port_mapping},
    {"egress_rate_per_cpu", no_port_mapping},
    {"minimum_egress_rate_limit", no_port_mapping},
    {"maximum_egress_rate_limit", no_port_mapping},
    {"egress_ceil_limit", no_port_mapping},
    {"egress_burst", no_port_mapping},
    {"egress_unique_flow_per_container", no_port_mapping},
    {"egress_flow_classifier_parent", no_port_mapping},
    {"ingress_rate_limit_per_container", no_port_mapping},
    {"ingress_rate_per_cpu", no_port_mapping},
    {"minimum_ingress_rate_limit", no_port_mapping},
    {"maximum_ingress_rate_limit", no_port_mapping},
    {"ingress_ceil_limit", no_port_mapping},
    {"ingress_burst", no_port_mapping},
    {"ingress_isolate_existing_containers", no_port_mapping},
    {"network_link_speed", no_port_mapping},
    {"network_enable_socket_statistics_summary", no_port_mapping},
    {"network_enable_socket_statistics_details", no_port_mapping},
    {"network_enable_snmp_statistics", no_port_mapping},
    {"network_enable_rate_statistics", no_port_mapping},
    {"network_rate_statistics_window", no_port_mapping},
    {"network_rate_statistics_interval", no_port_mapping},
    {"container_ports_watch_interval", no_limits},
    {"check_agent_port_range_only", no_limits},
    {"enforce_container_ports", no_limits},
    {"container_ports_isolated_range", no_limits},
    {"network_cni_plugins_dir", no_networks},
    {"network_cni_config_dir", no_networks},
    {"network_cni_root_dir_persist", no_networks},
    {"network_cni_metrics", no_networks},
    {"container_disk_watch_interval", no_limits},
    {"enforce_container_disk_quota", no_limits},
    {"modules", no_modules},
    {"modules_dir", no_modules},
    {"authenticatee", no_modules},
    {"authorizer", no_modules},
    {"http_authenticators", no_modules},
    {"authenticate_http", no_authentication},
    {"authenticate_http_readwrite", no_authentication},
    {"authenticate_http_readonly", no_authentication},
    {"authenticate_http_executors", no_authentication},
    {"http_credentials", no_authentication},
    {"hooks", no_modules},
    {"secret_resolver", no_modules},
    {"resource_estimator", no_oversubscription},
    {"qos_controller", no_oversubscription},
    {"qos_correction_interval_min", no_oversubscription},
    {"oversubscribed_resources_interval", no_oversubscription},
    {"master_detector", no_modules},
    {"xfs_project_range", no_limits},
    {"xfs_kill_containers", no_limits},
    {"xfs_quota_headroom", no_limits},
    {"seccomp_config_dir", no_limits},
    {"seccomp_profile_name", no_limits},
    {"logbufsecs", "log lines are never held back"},
    {"external_log_file", "not available in this version"},
    {"initialize_driver_logging", "it is a flag of drivers"},
    {NULL, NULL},
};

const struct flag_table agent_flag_table = {
    .program = "mesos-agent",
    .usage = "Usage: mesos-agent [options]",
    .environment_prefix = "MESOS_",
    .flags = flags,
    .count = ARRAY_SIZE(flags),
    .refused = refused,
};

char *agent_log_path(const struct agent_flags *values) {
    return values->log_dir == NULL ? NULL : path_join(values->log_dir, "mesos-agent.INFO");
}
