/* SPDX-License-Identifier: Apache-2.0 */
/* What containers use, counted over their processes as Mesos's posix isolators do. */
#include <errno.h>
#include <string.h>

#include "containerizer/posix_container.h"

/* A request for every container at once reads /proc once. */
#define PROCESSES_FRESH_NS (200 * MILLISECOND)

static int read_processes(struct posix *posix, struct error *err) {
    int64_t now = env_now(posix->env);
    if (posix->processes.count > 0 && now - posix->processes_read_ns < PROCESSES_FRESH_NS)
        return 0;
    posix->processes_read_ns = now;
    return process_table_read(&posix->processes, err);
}

static void add_process(const struct process_info *process, Mesos__V1__ResourceStatistics *ret) {
    double ticks = sysconf(_SC_CLK_TCK);
    ret->processes++;
    ret->threads += process->threads;
    ret->cpus_user_time_secs += process->user_ticks / ticks;
    ret->cpus_system_time_secs += process->system_ticks / ticks;
    ret->mem_rss_bytes += process->rss_pages * sysconf(_SC_PAGESIZE);
}

/* Everything below the monitor, which is ours and not the container's. */
static int count(struct posix *posix, const struct posix_container *container, Mesos__V1__ResourceStatistics *ret,
                 struct error *err) {
    if (read_processes(posix, err) < 0)
        return -1;
    cleanup_(process_list_done) struct process_list tree = {0};
    process_table_tree(&posix->processes, container->monitor_pid, PROCESS_TREE_DESCENDANTS, &tree);
    for (size_t i = 1; i < tree.count; i++) {
        const struct process_info *process = process_table_find(&posix->processes, tree.pids[i]);
        if (process != NULL)
            add_process(process, ret);
    }
    ret->timestamp = (double)env_wall_clock(posix->env) / SECOND;
    ret->has_processes = ret->has_threads = ret->has_cpus_user_time_secs = ret->has_cpus_system_time_secs =
        ret->has_mem_rss_bytes = true;
    /* The names Mesos gives them where they are no hard limits. */
    ret->has_cpus_soft_limit = container->cpus > 0;
    ret->cpus_soft_limit = container->cpus;
    ret->has_mem_limit_bytes = ret->has_mem_soft_limit_bytes = container->mem_bytes > 0;
    ret->mem_limit_bytes = ret->mem_soft_limit_bytes = container->mem_bytes;
    return 0;
}

void posix_container_set_resources(struct posix_container *container, Mesos__V1__Resource *const *resources,
                                   size_t count) {
    container->cpus = 0;
    container->mem_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (resources[i]->scalar == NULL)
            continue;
        if (strcmp(resources[i]->name, "cpus") == 0)
            container->cpus += resources[i]->scalar->value;
        else if (strcmp(resources[i]->name, "mem") == 0)
            container->mem_bytes += (uint64_t)(resources[i]->scalar->value * 1024 * 1024);
    }
}

void posix_update(struct containerizer *containerizer, const char *id, Mesos__V1__Resource *const *resources,
                  size_t count) {
    struct posix_container *container = table_find(&posix_from(containerizer)->containers, id);
    if (container != NULL)
        posix_container_set_resources(container, resources, count);
}

static void on_usage_due(struct env_timer *timer) {
    struct posix_answer *answer = container_of(timer, struct posix_answer, timer);
    struct posix *posix = answer->posix;
    Mesos__V1__ResourceStatistics statistics = MESOS__V1__RESOURCE_STATISTICS__INIT;
    const struct posix_container *container = table_find(&posix->containers, answer->id);
    int result = 0;
    if (container == NULL || container->state != POSIX_RUNNING)
        result = error_set(&answer->err, ESRCH, "Container '%s' is not running", answer->id);
    else
        result = count(posix, container, &statistics, &answer->err);
    answer->on_usage(answer->user, answer->id, result < 0 ? NULL : &statistics, result < 0 ? &answer->err : NULL);
    posix_answer_free(answer);
}

void posix_usage(struct containerizer *containerizer, const char *id, container_usage *on_usage, void *user) {
    struct posix_answer *answer = posix_answer_new(posix_from(containerizer), id, user, on_usage_due);
    answer->on_usage = on_usage;
}
