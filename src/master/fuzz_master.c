/* SPDX-License-Identifier: Apache-2.0 */
/* A master with one agent and one driver, and lines of what they send, well formed or not. After each line what the
 * agent and the framework hold must be the sum of what they run and were offered.
 *
 *     C {call as JSON}                  a scheduler call
 *     A Name {message as JSON}          mesos.internal.<Name> from the agent
 *     D Name {message as JSON}          the same from the driver
 *     X name bytes                      any message, as it is, from the agent
 *     T                                 a second passes
 *
 * $F, $A and $O stand for the ids of the framework, the agent and its oldest offer. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "event/sim.h"
#include "master/agent.h"
#include "master/dispatch.h"
#include "master/framework.h"
#include "master/master.h"
#include "message/json.h"
#include "message/message.h"
#include "message/v0.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct sim *sim;
    struct master_flags flags;
    struct master *master;
    struct listener *listener; /* of the machine of agent and driver, which never answers */
    struct stream *streams[16];
    size_t stream_count;
    struct pid agent, driver;
};

static void require(bool condition) {
    if (!condition)
        abort();
}

static void discard_line(enum log_level level, const char *line, size_t size, void *user) {
}

/* Invariants */

static void check_agent(const struct agent *agent) {
    struct resources used = RESOURCES_INIT, offered = RESOURCES_INIT, all = RESOURCES_INIT;
    const struct executor *executor;
    const struct offer *offer;
    const struct task *task;

    list_for_each (&agent->tasks, task, in_agent) {
        require(task->agent == agent);
        require(table_find(&task->framework->tasks, task->id) == task);
        if (task->holds_resources)
            resources_add(&used, &task->resources);
    }
    table_for_each (&agent->executors, executor)
        resources_add(&used, &executor->resources);
    list_for_each (&agent->offers, offer, in_agent)
        resources_add(&offered, &offer->resources);
    require(resources_equal(&used, &agent->used));
    require(resources_equal(&offered, &agent->offered));
    /* An agent may come back with less than what runs on it; then at least no more is offered than there is. */
    resources_copy(&all, &used);
    resources_unallocate(&all);
    if (!resources_contain(&agent->total, &all))
        resources_clear(&all);
    resources_add(&all, &offered);
    resources_unallocate(&all);
    require(resources_contain(&agent->total, &all));
    resources_done(&used);
    resources_done(&offered);
    resources_done(&all);
}

static void check_framework(const struct framework *framework) {
    struct resources used = RESOURCES_INIT, offered = RESOURCES_INIT;
    const struct executor *executor;
    const struct offer *offer;
    const struct task *task;
    size_t count = 0;

    table_for_each (&framework->tasks, task) {
        if (task->holds_resources)
            resources_add(&used, &task->resources);
    }
    list_for_each (&framework->executors, executor, in_framework)
        resources_add(&used, &executor->resources);
    list_for_each (&framework->offers, offer, in_framework) {
        resources_add(&offered, &offer->resources);
        count++;
    }
    require(resources_equal(&used, &framework->used));
    require(resources_equal(&offered, &framework->offered));
    require(count == framework->offer_count);
    resources_done(&used);
    resources_done(&offered);
}

static void check(const struct master *master) {
    const struct framework *framework;
    const struct agent *agent;

    table_for_each (&master->agents, agent)
        check_agent(agent);
    table_for_each (&master->frameworks, framework)
        check_framework(framework);
}

/* What is sent */

static void send_bytes(struct world *world, const struct pid *from, const char *name, const struct buffer *body) {
    dispatch_message(world->master, from, name, body->data, body->size);
}

static const ProtobufCMessageDescriptor *find_type(const char *name) {
    static const ProtobufCMessageDescriptor *const types[] = {
        &mesos__internal__register_slave_message__descriptor,
        &mesos__internal__reregister_slave_message__descriptor,
        &mesos__internal__unregister_slave_message__descriptor,
        &mesos__internal__update_slave_message__descriptor,
        &mesos__internal__status_update_message__descriptor,
        &mesos__internal__exited_executor_message__descriptor,
        &mesos__internal__executor_to_framework_message__descriptor,
        &mesos__internal__update_operation_status_message__descriptor,
        &mesos__internal__register_framework_message__descriptor,
        &mesos__internal__reregister_framework_message__descriptor,
        &mesos__internal__unregister_framework_message__descriptor,
        &mesos__internal__deactivate_framework_message__descriptor,
        &mesos__internal__launch_tasks_message__descriptor,
        &mesos__internal__kill_task_message__descriptor,
        &mesos__internal__reconcile_tasks_message__descriptor,
        &mesos__internal__status_update_acknowledgement_message__descriptor,
        &mesos__internal__framework_to_executor_message__descriptor,
        &mesos__internal__revive_offers_message__descriptor,
        &mesos__internal__resource_request_message__descriptor,
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (strcmp(types[i]->short_name, name) == 0)
            return types[i];
    }
    return NULL;
}

static void send_call(struct world *world, const char *text) {
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct arena arena = ARENA_INIT;
    Mesos__V1__Scheduler__Call *call;

    if (MESSAGE_PARSE_JSON(&mesos__v1__scheduler__call__descriptor, text, strlen(text), MESSAGE_V1, &arena, &call,
                           NULL) == 0) {
        v0_scheduler_call_encode(call, &body);
        send_bytes(world, &world->driver, "mesos.scheduler.Call", &body);
    }
    arena_done(&arena);
}

static void send_json(struct world *world, const struct pid *from, char *text) {
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct arena arena = ARENA_INIT;
    char *json = strchr(text, ' ');
    const ProtobufCMessageDescriptor *type;
    ProtobufCMessage *message;

    if (json == NULL)
        return;
    *json++ = '\0';
    type = find_type(text);
    if (type != NULL && message_parse_json(type, json, strlen(json), MESSAGE_V1, &arena, &message, NULL) == 0) {
        message_encode(message, &body);
        send_bytes(world, from, type->name, &body);
    }
    arena_done(&arena);
}

static void send_raw(struct world *world, char *text) {
    char *bytes = strchr(text, ' ');

    if (bytes == NULL)
        return;
    *bytes++ = '\0';
    dispatch_message(world->master, &world->agent, text, bytes, strlen(bytes));
}

/* The line with its ids filled in; the caller frees. */
static char *fill_in(const struct world *world, const char *line, size_t size) {
    const struct framework *framework = table_first(&world->master->frameworks);
    const struct agent *agent = table_first(&world->master->agents);
    const struct offer *offer = table_first(&world->master->offers);
    struct buffer buffer = BUFFER_INIT;

    for (size_t i = 0; i < size; i++) {
        const char *id = NULL;

        if (line[i] == '$' && i + 1 < size) {
            if (line[i + 1] == 'F')
                id = framework == NULL ? "none" : framework->id;
            else if (line[i + 1] == 'A')
                id = agent == NULL ? "none" : agent->id;
            else if (line[i + 1] == 'O')
                id = offer == NULL ? "none" : offer->id;
        }
        if (id != NULL) {
            buffer_append_string(&buffer, id);
            i++;
        } else {
            buffer_append_char(&buffer, line[i] == '\0' ? '0' : line[i]);
        }
    }
    return buffer_take(&buffer, NULL);
}

static void run_line(struct world *world, const char *line, size_t size) {
    cleanup_free char *text = fill_in(world, line, size);

    if (text[0] == '\0' || text[1] == '\0')
        sim_run_for(world->sim, SECOND);
    else if (text[0] == 'C')
        send_call(world, text + 2);
    else if (text[0] == 'A')
        send_json(world, &world->agent, text + 2);
    else if (text[0] == 'D')
        send_json(world, &world->driver, text + 2);
    else if (text[0] == 'X')
        send_raw(world, text + 2);
    check(world->master);
}

/* The world */

static void on_accept(struct listener *listener, struct stream *stream, void *user) {
    static const struct stream_events deaf;
    struct world *world = user;

    stream->events = &deaf;
    if (world->stream_count == ARRAY_SIZE(world->streams))
        stream_close(stream);
    else
        world->streams[world->stream_count++] = stream;
}

static void begin(struct world *world) {
    char *arguments[] = {"mesos-master", "--ip=10.0.0.1"};
    struct master_options options = {.flags = &world->flags};
    struct address address = address_tcp("10.0.0.2", 5051);
    struct sim_node *node;
    char line[] = "A RegisterSlaveMessage {\"slave\":{\"hostname\":\"h\",\"resources\":[{\"name\":\"cpus\",\"type\":"
                  "\"SCALAR\",\"scalar\":{\"value\":4}},{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":"
                  "1000}},{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1,\"end\":9}]}}]},"
                  "\"version\":\"1.11.0\",\"agent_capabilities\":[{\"type\":\"MULTI_ROLE\"},{\"type\":"
                  "\"HIERARCHICAL_ROLE\"},{\"type\":\"RESERVATION_REFINEMENT\"},{\"type\":\"RESIZE_VOLUME\"},{\"type\":"
                  "\"TASK_RESOURCE_LIMITS\"}]}";
    char call[] =
        "C {\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"u\",\"name\":\"n\",\"roles\":["
        "\"r\"],\"failover_timeout\":100,\"capabilities\":[{\"type\":\"MULTI_ROLE\"},{\"type\":"
        "\"RESERVATION_REFINEMENT\"},{\"type\":\"PARTITION_AWARE\"}]}}}";

    *world = (struct world){.sim = sim_new(1)};
    node = sim_node_new(world->sim, "10.0.0.2");
    require(env_listen(sim_node_env(node), &address, on_accept, world, &world->listener, NULL) == 0);
    require(flags_parse(&master_flag_table, ARRAY_SIZE(arguments), arguments, &world->flags, NULL, NULL) == 0);
    require(master_new(sim_node_env(sim_node_new(world->sim, "10.0.0.1")), &options, &world->master, NULL) == 0);
    require(pid_parse("slave(1)@10.0.0.2:5051", &world->agent, NULL) == 0);
    require(pid_parse("scheduler-1@10.0.0.2:5051", &world->driver, NULL) == 0);
    run_line(world, line, strlen(line));
    run_line(world, call, strlen(call));
    sim_run_for(world->sim, SECOND);
    require(world->master->offers.count > 0);
}

static void end(struct world *world) {
    master_free(world->master);
    for (size_t i = 0; i < world->stream_count; i++)
        stream_close(world->streams[i]);
    listener_close(world->listener);
    sim_free(world->sim);
    flags_done(&master_flag_table, &world->flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data, *stop = text + size;
    struct world world;
    int lines = 0;

    log_set_sink(discard_line, NULL);
    begin(&world);
    while (text < stop && lines++ < 40) {
        const char *newline = memchr(text, '\n', (size_t)(stop - text));
        size_t length = (size_t)((newline == NULL ? stop : newline) - text);

        run_line(&world, text, length);
        text += length + 1;
    }
    end(&world);
    return 0;
}
