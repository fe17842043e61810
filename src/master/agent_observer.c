/* SPDX-License-Identifier: Apache-2.0 */
/* Pings, and the agent that does not answer them. [src/master/slave_observer in Master] */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/master.h"
#include "message/message.h"

static void ping(struct agent *agent) {
    struct master *master = agent->master;
    Mesos__Internal__PingSlaveMessage message = MESOS__INTERNAL__PING_SLAVE_MESSAGE__INIT;
    struct buffer cleanup_buffer body = BUFFER_INIT;
    struct pid pid;

    /* An agent that we hold for disconnected registers again when it reads so. */
    message.connected = agent_is_connected(agent);
    MESSAGE_ENCODE(&message, &body);
    agent_get_pid(agent, &pid);
    process_send(&master->agent_observers, &pid, message.base.descriptor->name, body.data, body.size);
    agent->observer.is_waiting = true;
    env_timer_start(&agent->observer.timer, master->flags->agent_ping_timeout_ns);
}

static void on_timeout(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, observer.timer);
    struct agent_observer *observer = &agent->observer;
    struct master *master = agent->master;

    if (observer->is_waiting && ++observer->missed >= master->flags->max_agent_ping_timeouts) {
        cleanup_free char *message = xasprintf("health check timed out after %" PRId64 " pings", observer->missed);

        metric_increment(&master->metrics.slave_unreachable_scheduled);
        metric_increment(&master->metrics.slave_unreachable_completed);
        agent_mark_unreachable(agent, message);
        return;
    }
    ping(agent);
}

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    struct agent *agent = agent_find_by_pid(container_of(process, struct master, agent_observers), from);

    if (agent == NULL || (strcmp(name, "mesos.internal.PongSlaveMessage") != 0 && strcmp(name, "PONG") != 0))
        return;
    agent->observer.is_waiting = false;
    agent->observer.missed = 0;
}

static const struct process_ops ops = {.on_message = on_message};

void agent_observers_init(struct master *master) {
    process_init(&master->agent_observers, master->endpoint, "slave-observer(1)", &ops);
}

void agent_observer_init(struct agent *agent) {
    env_timer_init(&agent->observer.timer, agent->master->env, on_timeout);
}

void agent_observer_start(struct agent *agent) {
    ping(agent);
}
