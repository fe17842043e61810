/* SPDX-License-Identifier: Apache-2.0 */
#include "master/observer.h"

#include "master/master.h"

void master_add_observer(struct master *master, struct master_observer *observer) {
    list_append(&master->observers, &observer->member);
}

void master_remove_observer(struct master_observer *observer) {
    list_remove(&observer->member);
}

#define TELL(master, callback, ...) \
    do { \
        struct master_observer *observer; \
\
        list_for_each (&(master)->observers, observer, member) { \
            if (observer->ops->callback != NULL) \
                observer->ops->callback(observer->user, __VA_ARGS__); \
        } \
    } while (0)

void observers_framework_added(struct master *master, const struct framework *framework) {
    TELL(master, on_framework_added, framework);
}

void observers_framework_updated(struct master *master, const struct framework *framework) {
    TELL(master, on_framework_updated, framework);
}

void observers_framework_removed(struct master *master, const struct framework *framework) {
    TELL(master, on_framework_removed, framework);
}

void observers_agent_added(struct master *master, const struct agent *agent) {
    TELL(master, on_agent_added, agent);
}

void observers_agent_removed(struct master *master, const char *agent_id) {
    TELL(master, on_agent_removed, agent_id);
}

void observers_task_added(struct master *master, const struct task *task) {
    TELL(master, on_task_added, task);
}

void observers_task_updated(struct master *master, const struct task *task, const Mesos__V1__TaskStatus *status) {
    TELL(master, on_task_updated, task, status);
}
