/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <string.h>

#include "agent/drain.h"
#include "agent/executor.h"
#include "agent/http/agent_api.h"
#include "agent/http/sandboxes.h"
#include "agent/http/usage.h"
#include "agent/info.h"
#include "agent/launch.h"
#include "agent/nested.h"
#include "agent/operations.h"
#include "agent/paths.h"
#include "agent/recovery.h"
#include "agent/registration.h"
#include "agent/task_status.h"
#include "base/log.h"
#include "base/text.h"
#include "message/json.h"

const char *agent_state_name(enum agent_state state) {
    static const char *const names[] = {"RECOVERING", "DISCONNECTED", "RUNNING", "TERMINATING"};

    return names[state];
}

void agent_enter(struct agent *agent, enum agent_state state) {
    static const unsigned allowed[] = {
        [AGENT_RECOVERING] = 1u << AGENT_DISCONNECTED | 1u << AGENT_TERMINATING,
        [AGENT_DISCONNECTED] = 1u << AGENT_RUNNING | 1u << AGENT_TERMINATING,
        [AGENT_RUNNING] = 1u << AGENT_DISCONNECTED | 1u << AGENT_TERMINATING,
        [AGENT_TERMINATING] = 1u << AGENT_TERMINATING,
    };

    if ((allowed[agent->state] & 1u << state) == 0) {
        log_error("The agent can not go from %s to %s", agent_state_name(agent->state), agent_state_name(state));
        abort();
    }
    log_debug("The agent goes from %s to %s", agent_state_name(agent->state), agent_state_name(state));
    agent->state = state;
}

void agent_set_id(struct agent *agent, const Mesos__V1__AgentID *id) {
    MESSAGE_FREE(agent->id);
    agent->id = MESSAGE_COPY(id);
    agent->info->id = agent->id;
}

void agent_send_to(struct agent *agent, const struct pid *to, const ProtobufCMessage *message) {
    cleanup_buffer struct buffer body = BUFFER_INIT;

    message_encode(message, &body);
    process_send(&agent->process, to, message->descriptor->name, body.data, body.size);
}

void agent_send_to_master(struct agent *agent, const ProtobufCMessage *message) {
    if (agent->has_master)
        agent_send_to(agent, &agent->master, message);
    else
        log_warning("Dropping message %s because there is no master", message->descriptor->name);
}

/* The end */

static void on_end(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, end);
    const struct error *err = agent->end_error.message != NULL ? &agent->end_error : NULL;

    if (agent->events != NULL)
        agent->events->on_ended(agent->user, err);
}

static void end(struct agent *agent) {
    if (agent->has_ended)
        return;
    agent->has_ended = true;
    if (agent->end_error.message != NULL)
        log_error("The agent ends: %s", error_message(&agent->end_error));
    else
        log_info("The agent has shut down");
    env_timer_start(&agent->end, 0);
}

void agent_fail(struct agent *agent, const struct error *err) {
    if (agent->end_error.message == NULL)
        error_set(&agent->end_error, err->code, "%s", error_message(err));
    end(agent);
}

void agent_end_if_idle(struct agent *agent) {
    if (agent->state == AGENT_TERMINATING && agent->frameworks.count == 0)
        end(agent);
}

void agent_begin_shutdown(struct agent *agent, bool tells_master) {
    struct agent_framework *framework;

    if (agent->state == AGENT_TERMINATING)
        return;
    if (tells_master && agent->info->id != NULL) {
        Mesos__Internal__UnregisterSlaveMessage message = MESOS__INTERNAL__UNREGISTER_SLAVE_MESSAGE__INIT;

        message.slave_id = agent->info->id;
        agent_send_to_master(agent, &message.base);
    }
    agent_enter(agent, AGENT_TERMINATING);
    env_timer_stop(&agent->registration);
    table_for_each (&agent->frameworks, framework)
        agent_framework_shutdown(framework);
    agent_end_if_idle(agent);
}

void agent_shutdown(struct agent *agent, const char *message) {
    log_info("Shutting down%s%s", message != NULL && *message != '\0' ? ": " : "", message != NULL ? message : "");
    agent_begin_shutdown(agent, true);
}

/* Directories */

void agent_collect_garbage(struct agent *agent, char *path) {
    const int64_t modified_ns = env_file_modified(agent->env, path);
    int64_t delay_ns = agent->flags->gc_delay_ns;

    if (modified_ns >= 0) {
        /* While recovering, directories have been waiting since they were last changed; now they begin to. */
        if (agent->state == AGENT_RECOVERING)
            delay_ns -= env_wall_clock(agent->env) - modified_ns;
        gc_schedule(&agent->gc, path, delay_ns);
    }
    free(path);
}

static void on_path_removed(void *user, const char *path, const struct error *err) {
    agent_launch_waiting(user);
}

static const struct gc_events gc_events = {.on_removed = on_path_removed};

/* [Slave::_checkDiskUsage] */
static void on_disk_watch(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, disk_watch);
    const double usage = agent->machine->disk_usage(agent->machine->user, agent->work_dir);
    double part = 1 - agent->flags->gc_disk_headroom - usage;
    int64_t age_ns;

    if (part < 0)
        part = 0;
    if (usage < 0) {
        log_error("Failed to get the disk usage of '%s'", agent->work_dir);
    } else {
        cleanup_free char *text = NULL;

        age_ns = (int64_t)((double)agent->flags->gc_delay_ns * part);
        text = duration_format(age_ns);
        agent->executor_directory_max_age_seconds = duration_to_seconds(age_ns);
        log_info("Current disk usage %.2f%%. Max allowed age: %s", 100 * usage, text);
        gc_prune(&agent->gc, agent->flags->gc_delay_ns - age_ns);
    }
    env_timer_start(timer, agent->flags->disk_watch_interval_ns);
}

/* Making one */

static void ignore_member(void *user, const char *name, const char *value) {
}

static int check_executor_environment(const char *text, struct error *err) {
    if (text == NULL || json_parse_strings(text, strlen(text), ignore_member, NULL, err) == 0)
        return 0;
    return error_wrap(err, "flag 'executor_environment_variables'");
}

/* What executors get of the daemon's own environment. */
static char **select_inherited(char *const *environment, const struct agent_flags *flags) {
    static const char *const names[] = {"LIBPROCESS_IP=", "MESOS_NATIVE_JAVA_LIBRARY=", "MESOS_NATIVE_LIBRARY="};
    char **selected = xcalloc(ARRAY_SIZE(names) + 1, sizeof(*selected));
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (i == 0 && flags->ip != NULL) {
            /* Executors that use libprocess listen where the agent does. */
            selected[count++] = xasprintf("%s%s", names[i], flags->ip);
            continue;
        }
        for (size_t j = 0; environment != NULL && environment[j] != NULL; j++) {
            if (text_starts_with(environment[j], names[i])) {
                selected[count++] = xstrdup(environment[j]);
                break;
            }
        }
    }
    return selected;
}

static int listen_on(struct agent *agent, const struct agent_options *options, struct error *err) {
    const struct agent_flags *flags = agent->flags;
    const bool is_everywhere = flags->ip == NULL || strcmp(flags->ip, "0.0.0.0") == 0;
    const struct address address = address_tcp(is_everywhere ? "0.0.0.0" : flags->ip, (uint16_t)flags->port);
    struct address advertised = address;

    if (flags->advertise_ip != NULL)
        advertised = address_tcp(flags->advertise_ip, 0);
    else if (is_everywhere && options->address_ip != NULL)
        advertised = address_tcp(options->address_ip, 0);
    /* 0 stands for the port that is listened on. */
    advertised.port = (uint16_t)flags->advertise_port;
    agent->router = router_new();
    agent->endpoint = process_endpoint_new(agent->env, agent->router, options->http_limits);
    return process_endpoint_listen(agent->endpoint, &address, &advertised, err);
}

static int make_directories(struct agent *agent, struct error *err) {
    cleanup_free char *slaves = path_join(agent->work_dir, "slaves");
    cleanup_free char *probe = path_join(agent->meta_dir, ".writable");

    if (env_make_directories(agent->env, agent->meta_dir, err) < 0 ||
        env_make_directories(agent->env, slaves, err) < 0 || env_file_write_now(agent->env, probe, "", 0, err) < 0)
        return error_wrap(err, "the work directory '%s' can not be used", agent->work_dir);
    env_file_remove(agent->env, probe, NULL);
    return 0;
}

static void init_parts(struct agent *agent, const struct agent_options *options) {
    metrics_init(&agent->registry);
    agent_metrics_init(agent);
    checkpoints_init(&agent->checkpoints, agent->env);
    update_manager_init(&agent->updates, agent->env, &agent_update_events, agent);
    removals_init(&agent->removals, agent->env);
    gc_init(&agent->gc, agent->env, &gc_events, agent, &agent->registry);
    table_init(&agent->frameworks);
    table_init(&agent->completed_frameworks);
    table_init(&agent->containers);
    table_init(&agent->nested);
    agent_operations_init(agent);
    list_init(&agent->deliveries);
    env_timer_init(&agent->delivering, agent->env, agent_launch_next);
    list_init(&agent->collections);
    list_init(&agent->api_calls);
    resources_init(&agent->total);
    resources_init(&agent->durable_total);
    resources_init(&agent->checkpointed);
    agent->inherited = select_inherited(options->environment, agent->flags);
    agent_registration_init(agent);
    agent_recovery_init(agent);
    env_timer_init(&agent->end, agent->env, on_end);
    env_timer_init(&agent->disk_watch, agent->env, on_disk_watch);
    env_random_uuid(agent->env, agent->resource_version);
    agent->containerizer->events = &agent_containerizer_events;
    agent->containerizer->user = agent;
}

static int begin(struct agent *agent, const struct agent_options *options, struct error *err) {
    const struct agent_flags *flags = agent->flags;
    const char *hostname = flags->hostname != NULL ? flags->hostname : options->hostname;
    cleanup_free char *resources = NULL, *log_path = NULL;

    if (check_executor_environment(flags->executor_environment_variables, err) < 0)
        return -1;
    agent->detector = detector_new(agent->env, flags->master, &agent_detector_events, agent, err);
    if (agent->detector == NULL || make_directories(agent, err) < 0 || listen_on(agent, options, err) < 0)
        return -1;
    detector_set_session_timeout(agent->detector, flags->zk_session_timeout_ns);
    process_init(&agent->process, agent->endpoint, "slave(1)", &agent_process_ops);
    common_endpoints_init(&agent->common, agent->router, "slave(1)", &agent->registry, &agent_flag_table, flags,
                          agent->env, agent->machine->system_stats);
    agent_add_routes(agent);
    log_path = agent_log_path(flags);
    files_init(&agent->files, agent->env, agent->router, "/slave/log", log_path, &sandbox_files_ops, agent);
    if (agent_info_new(flags, agent->machine, hostname != NULL ? hostname : agent->process.pid.address.host,
                       agent->process.pid.address.port, &agent->info, err) < 0)
        return -1;
    if (agent_recover(agent, err) < 0)
        return -1;
    resources = resources_text(&agent->total);
    log_info("Agent resources: %s", resources);
    log_info("Agent hostname: %s", agent->info->hostname);
    env_timer_start(&agent->disk_watch, flags->disk_watch_interval_ns);
    return 0;
}

int agent_new(struct env *env, const struct agent_options *options, struct agent **ret, struct error *err) {
    struct agent *agent = new0(struct agent);

    agent->env = env;
    agent->flags = options->flags;
    agent->machine = options->machine != NULL ? options->machine : &agent_real_machine;
    agent->events = options->events;
    agent->user = options->user;
    agent->containerizer = options->containerizer;
    agent->start_ns = env_wall_clock(env);
    agent->capabilities = agent_capabilities_list;
    agent->capability_count = agent_capabilities_count;
    agent->work_dir = xstrdup(options->flags->work_dir);
    agent->meta_dir = agent_path_meta(agent->work_dir);
    init_parts(agent, options);
    if (begin(agent, options, err) < 0) {
        agent_free(agent);
        return -1;
    }
    *ret = agent;
    return 0;
}

void agent_free(struct agent *agent) {
    struct agent_framework *framework;

    if (agent == NULL)
        return;
    agent->has_ended = true;
    detector_free(agent->detector);
    usage_cancel_all(agent);
    agent_api_cancel_all(agent);
    nested_free_all(agent);
    table_for_each (&agent->frameworks, framework)
        agent_framework_free(framework);
    table_for_each (&agent->completed_frameworks, framework)
        agent_framework_free(framework);
    table_done(&agent->frameworks);
    table_done(&agent->completed_frameworks);
    table_done(&agent->containers);
    table_done(&agent->nested);
    update_manager_done(&agent->updates);
    agent_operations_done(agent);
    checkpoints_done(&agent->checkpoints);
    removals_done(&agent->removals);
    gc_done(&agent->gc, &agent->registry);
    agent_registration_done(agent);
    env_timer_done(&agent->delivering);
    env_timer_done(&agent->reregister_executors);
    env_timer_done(&agent->reconnect_again);
    env_timer_done(&agent->end);
    env_timer_done(&agent->disk_watch);
    common_endpoints_done(&agent->common);
    files_done(&agent->files);
    process_done(&agent->process);
    process_endpoint_free(agent->endpoint);
    router_free(agent->router);
    agent_metrics_done(agent);
    metrics_done(&agent->registry);
    agent->containerizer->events = NULL;
    resources_done(&agent->total);
    resources_done(&agent->durable_total);
    resources_done(&agent->checkpointed);
    MESSAGE_FREE(agent->info);
    MESSAGE_FREE(agent->id);
    MESSAGE_FREE(agent->drain);
    text_list_free(agent->inherited);
    free(agent->work_dir);
    free(agent->meta_dir);
    error_done(&agent->end_error);
    free(agent);
}

const struct address *agent_address(const struct agent *agent) {
    return &agent->process.pid.address;
}

const char *agent_id(const struct agent *agent) {
    return agent->info->id != NULL ? agent->info->id->value : NULL;
}

bool agent_is_registered(const struct agent *agent) {
    return agent->state == AGENT_RUNNING;
}
