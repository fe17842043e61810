/* SPDX-License-Identifier: Apache-2.0 */
/* A master on a simulated network, with scripted schedulers that speak JSON over HTTP and scripted agents that speak
 * libprocess. For the tests of this folder. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "event/sim.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/http/endpoints.h"
#include "master/master.h"
#include "mesos/internal/messages.pb-c.h"
#include "message/json.h"
#include "message/message.h"
#include "net/http_client.h"
#include "net/recordio.h"

enum { WORLD_PEERS = 4, WORLD_RECORDS = 4000 };

/* What a peer has got, in order; taken off the front by the tests. */
struct records {
    char *items[WORLD_RECORDS];
    size_t first, count;
};

struct fake_agent {
    struct world *world;
    struct sim_node *node;
    struct router *router;
    struct process_endpoint *endpoint;
    struct process process;
    bool is_mute; /* answers no pings */
    char id[100]; /* once registered */
    size_t pings, pings_disconnected;
    struct records records; /* "<message name> <JSON>" but for pings */
};

struct fake_scheduler {
    struct world *world;
    struct http_client *client;
    struct http_call *stream;
    struct recordio_reader reader;
    unsigned stream_status;
    bool is_stream_over;
    char stream_id[100];
    char framework_id[100];
    size_t heartbeats, chunks; /* chunks of data that came */
    struct records records;    /* JSON of each event but HEARTBEAT */
};

struct world {
    struct sim *sim;
    struct sim_node *master_node, *scheduler_node;
    struct master_flags flags;
    struct master *master;
    struct fake_agent agents[WORLD_PEERS];
    struct fake_scheduler schedulers[WORLD_PEERS];
};

static inline void records_add(struct records *records, char *item) {
    assert_true(records->first + records->count < WORLD_RECORDS);
    records->items[records->first + records->count++] = item;
}

/* Pass over all of them. */
static inline void records_clear(struct records *records) {
    records->first += records->count;
    records->count = 0;
}

/* Take off records up to the first that contains @text, and return it (valid until the world ends); NULL if there is
 * none. */
static inline const char *records_take(struct records *records, const char *text) {
    for (size_t i = 0; i < records->count; i++) {
        const char *item = records->items[records->first + i];

        if (strstr(item, text) != NULL) {
            /* What was passed over stays allocated until the end, like what is returned. */
            records->first += i + 1;
            records->count -= i + 1;
            return item;
        }
    }
    return NULL;
}

static inline bool records_hold(const struct records *records, const char *text) {
    for (size_t i = 0; i < records->count; i++) {
        if (strstr(records->items[records->first + i], text) != NULL)
            return true;
    }
    return false;
}

static inline void records_done(struct records *records) {
    for (size_t i = 0; i < records->first + records->count; i++)
        free(records->items[i]);
}

static inline void settle(struct world *world) {
    sim_run_for(world->sim, 20 * MILLISECOND);
}

/* Agents */

static inline void fake_agent_on_message(struct process *process, const struct pid *from, const char *name,
                                         const char *body, size_t size) {
    static const ProtobufCMessageDescriptor *const descriptors[] = {
        &mesos__internal__slave_registered_message__descriptor,
        &mesos__internal__slave_reregistered_message__descriptor,
        &mesos__internal__run_task_message__descriptor,
        &mesos__internal__run_task_group_message__descriptor,
        &mesos__internal__kill_task_message__descriptor,
        &mesos__internal__status_update_acknowledgement_message__descriptor,
        &mesos__internal__shutdown_framework_message__descriptor,
        &mesos__internal__shutdown_executor_message__descriptor,
        &mesos__internal__shutdown_message__descriptor,
        &mesos__internal__framework_to_executor_message__descriptor,
        &mesos__internal__update_framework_message__descriptor,
        &mesos__internal__apply_operation_message__descriptor,
        &mesos__internal__acknowledge_operation_status_message__descriptor,
        &mesos__internal__reconcile_operations_message__descriptor,
        &mesos__internal__checkpoint_resources_message__descriptor,
        /* What drivers get */
        &mesos__internal__framework_registered_message__descriptor,
        &mesos__internal__framework_reregistered_message__descriptor,
        &mesos__internal__resource_offers_message__descriptor,
        &mesos__internal__rescind_resource_offer_message__descriptor,
        &mesos__internal__status_update_message__descriptor,
        &mesos__internal__executor_to_framework_message__descriptor,
        &mesos__internal__lost_slave_message__descriptor,
        &mesos__internal__exited_executor_message__descriptor,
        &mesos__internal__framework_error_message__descriptor,
    };
    struct fake_agent *agent = container_of(process, struct fake_agent, process);
    struct arena arena = ARENA_INIT;
    struct buffer text = BUFFER_INIT;
    ProtobufCMessage *message;

    if (strcmp(name, "mesos.internal.PingSlaveMessage") == 0) {
        agent->pings++;
        assert_int_equal(
            message_decode(&mesos__internal__ping_slave_message__descriptor, body, size, &arena, &message, NULL), 0);
        agent->pings_disconnected += !((Mesos__Internal__PingSlaveMessage *)message)->connected;
        if (!agent->is_mute)
            process_send(process, from, "mesos.internal.PongSlaveMessage", NULL, 0);
        arena_done(&arena);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(descriptors); i++) {
        if (strcmp(descriptors[i]->name, name) != 0)
            continue;
        assert_int_equal(message_decode(descriptors[i], body, size, &arena, &message, NULL), 0);
        buffer_printf(&text, "%s ", name + strlen("mesos.internal."));
        message_append_json(message, MESSAGE_V1, &text);
        records_add(&agent->records, buffer_take(&text, NULL));
        if (descriptors[i] == &mesos__internal__slave_registered_message__descriptor)
            snprintf(agent->id, sizeof(agent->id), "%s",
                     ((Mesos__Internal__SlaveRegisteredMessage *)message)->slave_id->value);
        break;
    }
    arena_done(&arena);
}

static inline const struct process_ops *fake_agent_ops(void) {
    static const struct process_ops ops = {.on_message = fake_agent_on_message};

    return &ops;
}

/* Put the process called @id on a machine of its own. */
static inline struct fake_agent *world_add_process(struct world *world, int index, const char *id) {
    struct fake_agent *agent = &world->agents[index];
    struct address address;
    char host[20];

    snprintf(host, sizeof(host), "10.0.1.%d", index + 1);
    *agent = (struct fake_agent){.world = world, .node = sim_node_new(world->sim, host), .router = router_new()};
    agent->endpoint = process_endpoint_new(sim_node_env(agent->node), agent->router, NULL);
    address = address_tcp(host, 5051);
    assert_int_equal(process_endpoint_listen(agent->endpoint, &address, NULL, NULL), 0);
    process_init(&agent->process, agent->endpoint, id, fake_agent_ops());
    return agent;
}

static inline void fake_agent_send(struct fake_agent *agent, const ProtobufCMessage *message) {
    struct buffer body = BUFFER_INIT;

    message_encode(message, &body);
    process_send(&agent->process, &agent->world->master->pid, message->descriptor->name, body.data, body.size);
    buffer_done(&body);
}

/* Send the message of type @descriptor whose JSON is formatted. */
static inline void fake_agent_send_json(struct fake_agent *agent, const ProtobufCMessageDescriptor *descriptor,
                                        const char *format, ...) {
    struct error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;
    ProtobufCMessage *message;
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = xvasprintf(format, arguments);
    va_end(arguments);
    if (message_parse_json(descriptor, text, strlen(text), MESSAGE_V1, &arena, &message, &err) < 0)
        fail_msg("%s: %s", text, error_message(&err));
    fake_agent_send(agent, message);
    arena_done(&arena);
    free(text);
}

#define AGENT_CAPABILITIES \
    "\"agent_capabilities\":[{\"type\":\"MULTI_ROLE\"},{\"type\":\"HIERARCHICAL_ROLE\"}," \
    "{\"type\":\"RESERVATION_REFINEMENT\"},{\"type\":\"RESOURCE_PROVIDER\"},{\"type\":\"RESIZE_VOLUME\"}," \
    "{\"type\":\"AGENT_OPERATION_FEEDBACK\"},{\"type\":\"TASK_RESOURCE_LIMITS\"}]," \
    "\"resource_version_uuid\":{\"value\":\"AAECAwQFBgcICQoLDA0ODw==\"},\"version\":\"1.11.0\""
#define AGENT_RESOURCES \
    "\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":4}}," \
    "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":4096}}," \
    "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":10000}}," \
    "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":31000,\"end\":32000}]}}]"

/* Bring up an agent and register it. */
static inline struct fake_agent *world_add_agent(struct world *world, int index) {
    struct fake_agent *agent = world_add_process(world, index, "slave(1)");

    fake_agent_send_json(
        agent, &mesos__internal__register_slave_message__descriptor,
        "{\"slave\":{\"hostname\":\"host%d\",\"port\":5051," AGENT_RESOURCES "}," AGENT_CAPABILITIES "}", index);
    settle(world);
    assert_non_null(records_take(&agent->records, "SlaveRegisteredMessage"));
    return agent;
}

/* A status update of @task_id from the agent; @n makes its uuid. */
static inline void fake_agent_update(struct fake_agent *agent, const char *framework_id, const char *task_id,
                                     const char *state, int n) {
    uint8_t uuid[UUID_BYTES] = {(uint8_t)n, (uint8_t)(n >> 8)};
    struct buffer text = BUFFER_INIT;

    base64_append(&text, uuid, sizeof(uuid));
    fake_agent_send_json(agent, &mesos__internal__status_update_message__descriptor,
                         "{\"update\":{\"framework_id\":{\"value\":\"%s\"},\"slave_id\":{\"value\":\"%s\"},\"status\":{"
                         "\"task_id\":{\"value\":\"%s\"},\"state\":\"%s\",\"source\":\"SOURCE_EXECUTOR\","
                         "\"timestamp\":1.5},\"timestamp\":1.5,\"uuid\":\"%s\"},\"pid\":\"slave(1)@10.0.1.1:5051\"}",
                         framework_id, agent->id, task_id, state, buffer_text(&text));
    buffer_done(&text);
    settle(agent->world);
}

static inline void fake_agent_stop(struct fake_agent *agent) {
    process_done(&agent->process);
    process_endpoint_free(agent->endpoint);
    router_free(agent->router);
    agent->endpoint = NULL;
    agent->router = NULL;
}

/* Schedulers */

static inline bool fake_scheduler_on_record(void *user, const char *record, size_t size) {
    struct fake_scheduler *scheduler = user;
    char *text = xstrndup(record, size);
    const char *id = strstr(text, "\"subscribed\":{\"framework_id\":{\"value\":\"");

    if (strstr(text, "\"type\":\"HEARTBEAT\"") != NULL) {
        scheduler->heartbeats++;
        free(text);
        return true;
    }
    if (id != NULL) {
        id += strlen("\"subscribed\":{\"framework_id\":{\"value\":\"");
        snprintf(scheduler->framework_id, sizeof(scheduler->framework_id), "%.*s", (int)strcspn(id, "\""), id);
    }
    records_add(&scheduler->records, text);
    return true;
}

static inline void fake_scheduler_on_head(struct http_call *call, const struct http_response *response, void *user) {
    struct fake_scheduler *scheduler = user;
    const char *id = http_headers_find(&response->headers, "Mesos-Stream-Id");

    scheduler->stream_status = response->status;
    if (id != NULL)
        snprintf(scheduler->stream_id, sizeof(scheduler->stream_id), "%s", id);
}

static inline void fake_scheduler_on_data(struct http_call *call, const char *data, size_t size, void *user) {
    struct fake_scheduler *scheduler = user;

    scheduler->chunks++;
    if (scheduler->stream_status == 200)
        assert_int_equal(recordio_read(&scheduler->reader, data, size, fake_scheduler_on_record, scheduler, NULL), 0);
}

static inline void fake_scheduler_on_done(struct http_call *call, const struct http_response *response,
                                          const struct error *err, void *user) {
    struct fake_scheduler *scheduler = user;

    scheduler->stream = NULL;
    scheduler->is_stream_over = true;
}

static inline struct address world_master_address(struct world *world) {
    return *master_address(world->master);
}

/* Send SUBSCRIBE with the formatted JSON, on a new stream; the older one is left to itself. */
static inline struct fake_scheduler *world_subscribe(struct world *world, int index, const char *format, ...) {
    static const struct http_call_events events = {fake_scheduler_on_head, fake_scheduler_on_data,
                                                   fake_scheduler_on_done};
    struct fake_scheduler *scheduler = &world->schedulers[index];
    struct http_header headers[] = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
    struct address address = world_master_address(world);
    va_list arguments;
    char *body;

    va_start(arguments, format);
    body = xvasprintf(format, arguments);
    va_end(arguments);
    if (scheduler->client == NULL) {
        scheduler->world = world;
        scheduler->client = http_client_new(sim_node_env(world->scheduler_node));
        recordio_reader_init(&scheduler->reader, 1 << 24);
    }
    scheduler->stream = http_client_call(scheduler->client, &address,
                                         &(struct http_call_options){.method = "POST",
                                                                     .target = "/api/v1/scheduler",
                                                                     .headers = headers,
                                                                     .header_count = ARRAY_SIZE(headers),
                                                                     .body = body,
                                                                     .body_size = strlen(body),
                                                                     .own_connection = true},
                                         &events, scheduler);
    free(body);
    settle(world);
    return scheduler;
}

#define SUBSCRIBE_AS(name, extra) \
    "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"root\",\"name\":\"" name \
    "\",\"roles\":[\"r\"],\"capabilities\":[{\"type\":\"MULTI_ROLE\"}" extra "}}}"
/* Partition-aware, checkpointing, comes back within 100 s. */
#define SUBSCRIBE_AWARE \
    SUBSCRIBE_AS("aware", ",{\"type\":\"PARTITION_AWARE\"}],\"checkpoint\":true,\"failover_timeout\":100")
#define SUBSCRIBE_PLAIN SUBSCRIBE_AS("plain", "],\"checkpoint\":true,\"failover_timeout\":100")

/* The answer to the last call. */
struct answer {
    unsigned status;
    char body[2000];
    bool is_done;
};

static inline void answer_on_done(struct http_call *call, const struct http_response *response, const struct error *err,
                                  void *user) {
    struct answer *answer = user;

    answer->is_done = true;
    if (response == NULL)
        return;
    answer->status = response->status;
    snprintf(answer->body, sizeof(answer->body), "%.*s", (int)response->body_size,
             response->body == NULL ? "" : response->body);
}

/* POST @body with these headers and return the answer. */
static inline struct answer world_post(struct world *world, const struct http_header *headers, size_t header_count,
                                       const void *body, size_t size) {
    static const struct http_call_events events = {.on_done = answer_on_done};
    struct http_client *client = http_client_new(sim_node_env(world->scheduler_node));
    struct address address = world_master_address(world);
    struct answer answer = {0};

    http_client_call(client, &address,
                     &(struct http_call_options){.method = "POST",
                                                 .target = "/master/api/v1/scheduler",
                                                 .headers = headers,
                                                 .header_count = header_count,
                                                 .body = body,
                                                 .body_size = size},
                     &events, &answer);
    settle(world);
    http_client_free(client);
    return answer;
}

/* A call of the scheduler: the members after type and framework_id, formatted. */
static inline struct answer fake_scheduler_call(struct fake_scheduler *scheduler, const char *type, const char *format,
                                                ...) {
    struct http_header headers[] = {{"Content-Type", "application/json"}, {"Mesos-Stream-Id", scheduler->stream_id}};
    struct answer answer;
    va_list arguments;
    char *members, *body;

    va_start(arguments, format);
    members = xvasprintf(format, arguments);
    va_end(arguments);
    body = xasprintf("{\"type\":\"%s\",\"framework_id\":{\"value\":\"%s\"}%s%s}", type, scheduler->framework_id,
                     members[0] == '\0' ? "" : ",", members);
    answer = world_post(scheduler->world, headers, ARRAY_SIZE(headers), body, strlen(body));
    free(members);
    free(body);
    return answer;
}

/* Copy the id of the first offer in the event, or of the first record after @mark in general. */
static inline void copy_after(const char *text, const char *mark, char *ret, size_t size) {
    const char *found = text == NULL ? NULL : strstr(text, mark);

    if (found == NULL) {
        fail_msg("no %s in %s", mark, text == NULL ? "(nothing)" : text);
        return;
    }
    found += strlen(mark);
    snprintf(ret, size, "%.*s", (int)strcspn(found, "\""), found);
}

/* Wait for an offer and return its event; the id of its first offer is stored. */
static inline const char *fake_scheduler_take_offer(struct fake_scheduler *scheduler, char ret_id[100]) {
    const char *event = NULL;

    for (int i = 0; i < 300 && event == NULL; i++) {
        sim_run_for(scheduler->world->sim, 20 * MILLISECOND);
        event = records_take(&scheduler->records, "\"type\":\"OFFERS\"");
    }
    copy_after(event, "\"offers\":[{\"id\":{\"value\":\"", ret_id, 100);
    return event;
}

/* A task of half a CPU and 64 MB. */
#define TASK(id) \
    "{\"name\":\"" id "\",\"task_id\":{\"value\":\"" id \
    "\"},\"agent_id\":{\"value\":\"%s\"},\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" \
    "0.5}}," \
    "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":64}}],\"command\":{\"value\":\"true\"}}"

/* ACCEPT the offer with LAUNCH of the tasks in @tasks_json. */
static inline struct answer fake_scheduler_launch(struct fake_scheduler *scheduler, const char *offer_id,
                                                  const char *tasks_json) {
    return fake_scheduler_call(scheduler, "ACCEPT",
                               "\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],\"operations\":[{\"type\":\"LAUNCH\","
                               "\"launch\":{\"task_infos\":[%s]}}],\"filters\":{\"refuse_seconds\":0}}",
                               offer_id, tasks_json);
}

static inline struct answer fake_scheduler_acknowledge(struct fake_scheduler *scheduler, const char *agent_id,
                                                       const char *task_id, int n) {
    uint8_t uuid[UUID_BYTES] = {(uint8_t)n, (uint8_t)(n >> 8)};
    struct buffer text = BUFFER_INIT;
    struct answer answer;

    base64_append(&text, uuid, sizeof(uuid));
    answer = fake_scheduler_call(scheduler, "ACKNOWLEDGE",
                                 "\"acknowledge\":{\"agent_id\":{\"value\":\"%s\"},\"task_id\":{\"value\":\"%s\"},"
                                 "\"uuid\":\"%s\"}",
                                 agent_id, task_id, buffer_text(&text));
    buffer_done(&text);
    return answer;
}

/* An offer of the only agent, and the task t on it, running and acknowledged. */
static inline void world_run_task(struct world *world, struct fake_scheduler *scheduler, struct fake_agent *agent) {
    char offer[100], *task = xasprintf(TASK("t"), agent->id);

    fake_scheduler_take_offer(scheduler, offer);
    assert_int_equal(fake_scheduler_launch(scheduler, offer, task).status, 202);
    free(task);
    assert_non_null(records_take(&agent->records, "RunTaskMessage"));
    fake_agent_update(agent, scheduler->framework_id, "t", "TASK_RUNNING", 1);
    assert_non_null(records_take(&scheduler->records, "TASK_RUNNING"));
    assert_int_equal(fake_scheduler_acknowledge(scheduler, agent->id, "t", 1).status, 202);
    assert_non_null(records_take(&agent->records, "StatusUpdateAcknowledgementMessage"));
}

/* The world */

static inline void world_discard_line(enum log_level level, const char *line, size_t size, void *user) {
}

static inline void world_start_master(struct world *world, const struct http_limits *limits) {
    struct master_options options = {.flags = &world->flags, .http_limits = limits, .http = &master_http_endpoints};
    struct error err = ERROR_INIT;

    if (master_new(sim_node_env(world->master_node), &options, &world->master, &err) < 0)
        fail_msg("%s", error_message(&err));
}

/* All but the master, which has @flag (NULL: none) besides its address. */
static inline struct world *world_prepare(uint64_t seed, const char *flag) {
    struct world *world = new0(struct world);
    char *arguments[] = {"mesos-master", "--ip=10.0.0.1", "--port=5050", (char *)(uintptr_t)flag, NULL};

    log_set_sink(getenv("WORLD_LOG") == NULL ? world_discard_line : NULL, NULL);
    world->sim = sim_new(seed);
    world->master_node = sim_node_new(world->sim, "10.0.0.1");
    world->scheduler_node = sim_node_new(world->sim, "10.0.0.2");
    assert_int_equal(flags_parse(&master_flag_table, flag == NULL ? 3 : 4, arguments, &world->flags, NULL, NULL), 0);
    return world;
}

static inline struct world *world_new(uint64_t seed) {
    struct world *world = world_prepare(seed, NULL);

    world_start_master(world, NULL);
    return world;
}

static inline void world_free(struct world *world) {
    for (int i = 0; i < WORLD_PEERS; i++) {
        http_client_free(world->schedulers[i].client);
        if (world->schedulers[i].client != NULL)
            recordio_reader_done(&world->schedulers[i].reader);
        records_done(&world->schedulers[i].records);
    }
    master_free(world->master);
    for (int i = 0; i < WORLD_PEERS; i++) {
        if (world->agents[i].endpoint != NULL)
            fake_agent_stop(&world->agents[i]);
        records_done(&world->agents[i].records);
    }
    sim_free(world->sim);
    flags_done(&master_flag_table, &world->flags);
    free(world);
    log_set_sink(NULL, NULL);
}

/* cmocka's hooks: *state is the world. */
static inline int world_setup(void **state) {
    *state = world_new(1);
    return 0;
}

static inline int world_teardown(void **state) {
    world_free(*state);
    return 0;
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
