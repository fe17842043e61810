/* SPDX-License-Identifier: Apache-2.0 */
/* From what is asked for to what a monitor is told. What processes without isolation can not give is refused: a task
 * that asked for an image must not run on the host by mistake. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "containerizer/monitor.h"
#include "containerizer/posix_container.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ContainerInfo */

static int check_networks(const Mesos__V1__ContainerInfo *info, struct error *err) {
    for (size_t i = 0; i < info->n_network_infos; i++) {
        const Mesos__V1__NetworkInfo *network = info->network_infos[i];
        if (network->name != NULL)
            return error_set(err, ENOTSUP,
                             "Network '%s' can not be joined: the posix launcher shares the host's network",
                             network->name);
        if (network->n_port_mappings > 0)
            return error_set(err, ENOTSUP, "Port mappings are not supported by the posix launcher");
    }
    return 0;
}

static int check_linux(const Mesos__V1__LinuxInfo *info, struct error *err) {
    if (info == NULL)
        return 0;
    if (info->capability_info != NULL || info->bounding_capabilities != NULL || info->effective_capabilities != NULL)
        return error_set(err, ENOTSUP, "Capabilities can not be set by the posix launcher");
    if (info->seccomp != NULL)
        return error_set(err, ENOTSUP, "Seccomp profiles are not supported by the posix launcher");
    if (info->has_share_pid_namespace && !info->share_pid_namespace)
        return error_set(err, ENOTSUP, "A PID namespace of its own is not supported by the posix launcher");
    if (info->has_ipc_mode && info->ipc_mode == MESOS__V1__LINUX_INFO__IPC_MODE__PRIVATE)
        return error_set(err, ENOTSUP, "A private IPC namespace is not supported by the posix launcher");
    if (info->has_shm_size)
        return error_set(err, ENOTSUP, "The size of /dev/shm can not be set by the posix launcher");
    return 0;
}

static int check_container_info(const Mesos__V1__ContainerInfo *info, struct error *err) {
    if (info == NULL)
        return 0;
    if (info->type == MESOS__V1__CONTAINER_INFO__TYPE__DOCKER)
        return error_set(err, ENOTSUP, "Containers of type DOCKER are not supported by the posix launcher");
    if (info->mesos != NULL && info->mesos->image != NULL)
        return error_set(err, ENOTSUP, "Container images are not supported by the posix launcher");
    if (info->hostname != NULL)
        return error_set(err, ENOTSUP, "A hostname of its own is not supported by the posix launcher");
    if (info->tty_info != NULL)
        return error_set(err, ENOTSUP, "Terminals are not supported by the posix launcher");
    if (check_networks(info, err) < 0)
        return -1;
    return check_linux(info->linux_info, err);
}

/* Limits */

static int resource_of(Mesos__V1__RLimitInfo__RLimit__Type type) {
    static const int resources[] = {
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_AS] = RLIMIT_AS + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_CORE] = RLIMIT_CORE + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_CPU] = RLIMIT_CPU + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_DATA] = RLIMIT_DATA + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_FSIZE] = RLIMIT_FSIZE + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_LOCKS] = RLIMIT_LOCKS + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_MEMLOCK] = RLIMIT_MEMLOCK + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_MSGQUEUE] = RLIMIT_MSGQUEUE + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_NICE] = RLIMIT_NICE + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_NOFILE] = RLIMIT_NOFILE + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_NPROC] = RLIMIT_NPROC + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_RSS] = RLIMIT_RSS + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_RTPRIO] = RLIMIT_RTPRIO + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_RTTIME] = RLIMIT_RTTIME + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_SIGPENDING] = RLIMIT_SIGPENDING + 1,
        [MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_STACK] = RLIMIT_STACK + 1,
    };
    return (size_t)type < ARRAY_SIZE(resources) ? resources[type] - 1 : -1;
}

static int build_limit(const Mesos__V1__RLimitInfo__RLimit *limit, struct monitor_limit *ret, struct error *err) {
    ret->resource = limit->has_type ? resource_of(limit->type) : -1;
    if (ret->resource < 0)
        return error_set(err, EINVAL, "Unknown rlimit type");
    if (limit->has_soft != limit->has_hard)
        return error_set(err, EINVAL, "Invalid rlimit values: soft and hard must both be set, or neither");
    if (!limit->has_soft) {
        ret->limit = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
        return 0;
    }
    if (limit->soft > limit->hard)
        return error_set(err, EINVAL, "Invalid rlimit values: the soft limit is above the hard one");
    ret->limit = (struct rlimit){limit->soft, limit->hard};
    return 0;
}

static int build_limits(const Mesos__V1__ContainerInfo *info, struct monitor_order *order, struct error *err) {
    if (info == NULL || info->rlimit_info == NULL)
        return 0;
    order->limits = xcalloc(info->rlimit_info->n_rlimits + 1, sizeof(order->limits[0]));
    order->limit_count = info->rlimit_info->n_rlimits;
    for (size_t i = 0; i < order->limit_count; i++) {
        if (build_limit(info->rlimit_info->rlimits[i], &order->limits[i], err) < 0)
            return -1;
    }
    return 0;
}

/* Command and environment */

static int build_command(const Mesos__V1__CommandInfo *command, struct monitor_order *order, struct error *err) {
    if (command == NULL || command->value == NULL)
        return error_set(err, EINVAL, "The container has no command");
    if (command->shell) {
        order->executable = "/bin/sh";
        order->arguments = xcalloc(4, sizeof(char *));
        order->arguments[0] = "sh";
        order->arguments[1] = "-c";
        order->arguments[2] = command->value;
        return 0;
    }
    order->executable = command->value;
    order->arguments = xcalloc(command->n_arguments + 2, sizeof(char *));
    memcpy(order->arguments, command->arguments, command->n_arguments * sizeof(char *));
    if (command->n_arguments == 0)
        order->arguments[0] = command->value;
    return 0;
}

static void build_environment(char *const *environment, struct monitor_order *order) {
    size_t count = text_list_count(environment);
    bool has_path = false;
    order->environment = xcalloc(count + 2, sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        order->environment[i] = environment[i];
        has_path = has_path || text_starts_with(environment[i], "PATH=");
    }
    if (!has_path)
        order->environment[count] = DEFAULT_PATH;
}

static int build(const struct posix *posix, const struct container_config *config, struct monitor_order *order,
                 struct error *err) {
    if (check_container_info(config->container, err) < 0 || build_command(config->command, order, err) < 0 ||
        build_limits(config->container, order, err) < 0)
        return -1;
    build_environment(config->environment, order);
    order->forked_pid_path = config->forked_pid_path;
    order->directory = config->directory;
    order->user = posix->switch_user ? config->user : NULL;
    order->checkpoint = config->checkpoint;
    order->own_output = config->own_output;
    return 0;
}

int posix_order_build(const struct posix *posix, const struct container_config *config, const char *runtime_path,
                      struct buffer *ret, struct error *err) {
    struct monitor_order order = {.runtime_directory = runtime_path};
    int result = build(posix, config, &order, err);
    if (result == 0)
        monitor_order_encode(&order, ret);
    free(order.arguments);
    free(order.environment);
    free(order.limits);
    return result;
}
