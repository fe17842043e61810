/* SPDX-License-Identifier: Apache-2.0 */
/* Pings, and the agent that does not answer them. [src/master/slave_observer in Master] */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/master.h"
#include "message/message.h"

static void ping(struct agent_observer *observer) {
    struct agent *agent = observer->agent;
    Mesos__Internal__PingSlaveMessage message = MESOS__INTERNAL__PING_SLAVE_MESSAGE__INIT;
    struct buffer cleanup_buffer body = BUFFER_INIT;

    /* An agent that we hold for disconnected registers again when it reads so. */
    message.connected = agent_is_connected(agent);
    MESSAGE_ENCODE(&message, &body);
    process_send(&observer->process, &agent->pid, message.base.descriptor->name, body.data, body.size);
    observer->is_waiting = true;
    env_timer_start(&observer->timer, agent->master->flags->agent_ping_timeout_ns);
}

static void on_timeout(struct env_timer *timer) {
    struct agent_observer *observer = container_of(timer, struct agent_observer, timer);
    struct agent *agent = observer->agent;
    struct master *master = agent->master;

    if (observer->is_waiting && ++observer->missed >= master->flags->max_agent_ping_timeouts) {
        cleanup_free char *message = xasprintf("health check timed out after %" PRId64 " pings", observer->missed);

        metric_increment(&master->metrics.slave_unreachable_scheduled);
        metric_increment(&master->metrics.slave_unreachable_completed);
        agent_mark_unreachable(agent, message);
        return;
    }
    ping(observer);
}

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    struct agent_observer *observer = container_of(process, struct agent_observer, process);

    if (strcmp(name, "mesos.internal.PongSlaveMessage") != 0 && strcmp(name, "PONG") != 0)
        return;
    observer->is_waiting = false;
    observer->missed = 0;
}

static const struct process_ops ops = {.on_message = on_message};

void agent_observer_init(struct agent_observer *observer, struct agent *agent) {
    struct master *master = agent->master;
    char id[40];

    *observer = (struct agent_observer){.agent = agent};
    snprintf(id, sizeof(id), "slave-observer(%" PRIu64 ")", ++master->next_observer);
    process_init(&observer->process, master->endpoint, id, &ops);
    env_timer_init(&observer->timer, master->env, on_timeout);
    ping(observer);
}

void agent_observer_done(struct agent_observer *observer) {
    if (observer->agent == NULL)
        return;
    env_timer_done(&observer->timer);
    process_done(&observer->process);
    observer->agent = NULL;
}
