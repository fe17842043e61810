/* SPDX-License-Identifier: Apache-2.0 */
#include "master/http/api/listing.h"

#include "master/agent.h"
#include "master/framework.h"
#include "master/http/endpoints.h"
#include "message/json.h"
#include "message/v0.h"

#define MAKE(arena, type, init) \
    ({ \
        type *made_ = arena_alloc(arena, sizeof(*made_)); \
        init(made_); \
        made_; \
    })

/* Messages */

static Mesos__V1__TimeInfo *time_message(int64_t wall_ns, struct arena *arena) {
    Mesos__V1__TimeInfo *time = MAKE(arena, Mesos__V1__TimeInfo, mesos__v1__time_info__init);

    time->nanoseconds = wall_ns;
    return time;
}

/* What the agent has said of itself, its resources in the newest format. */
static Mesos__V1__AgentInfo *agent_info(const Mesos__V1__AgentInfo *info, struct arena *arena) {
    Mesos__V1__AgentInfo *shallow = arena_memdup(arena, info, sizeof(*info));

    shallow->resources = arena_alloc(arena, (info->n_resources + 1) * sizeof(*info->resources));
    for (size_t i = 0; i < info->n_resources; i++) {
        shallow->resources[i] = MESSAGE_COPY_TO(info->resources[i], arena);
        resource_message_upgrade(shallow->resources[i], arena);
    }
    return shallow;
}

/* [protobuf::master::event::createAgentResponse] */
Mesos__V1__Master__Response__GetAgents__Agent *listing_agent(const struct agent *agent, struct arena *arena) {
    Mesos__V1__Master__Response__GetAgents__Agent *message = MAKE(arena, Mesos__V1__Master__Response__GetAgents__Agent,
                                                                  mesos__v1__master__response__get_agents__agent__init);

    message->agent_info = agent_info(agent->info, arena);
    message->active = agent_is_active(agent);
    message->has_deactivated = true;
    message->deactivated = agent->is_deactivated;
    message->version = agent->version == NULL ? "" : agent->version;
    message->pid = (char *)agent->pid_text;
    message->registered_time = time_message(agent->registered_ns, arena);
    if (agent->reregistered_ns != 0)
        message->reregistered_time = time_message(agent->reregistered_ns, arena);
    resources_to_messages(&agent->total, RESOURCE_FORMAT_ENDPOINT, arena, &message->total_resources,
                          &message->n_total_resources);
    resources_to_messages(&agent->used, RESOURCE_FORMAT_ENDPOINT, arena, &message->allocated_resources,
                          &message->n_allocated_resources);
    resources_to_messages(&agent->offered, RESOURCE_FORMAT_ENDPOINT, arena, &message->offered_resources,
                          &message->n_offered_resources);
    message->capabilities = agent_capability_messages(agent, arena, &message->n_capabilities);
    return message;
}

static void add_offers(Mesos__V1__Master__Response__GetFrameworks__Framework *message,
                       const struct framework *framework, struct arena *arena) {
    const struct inverse_offer *inverse;
    const struct offer *offer;
    size_t inverse_count = 0;

    message->offers = arena_alloc(arena, (framework->offer_count + 1) * sizeof(*message->offers));
    list_for_each (&framework->offers, offer, in_framework)
        message->offers[message->n_offers++] = offer_to_endpoint_message(offer, arena);
    list_for_each (&framework->inverse_offers, inverse, in_framework)
        inverse_count++;
    message->inverse_offers = arena_alloc(arena, (inverse_count + 1) * sizeof(*message->inverse_offers));
    list_for_each (&framework->inverse_offers, inverse, in_framework)
        message->inverse_offers[message->n_inverse_offers++] = inverse_offer_to_message(inverse, arena);
}

/* [model(Framework) in master/http.cpp] */
Mesos__V1__Master__Response__GetFrameworks__Framework *listing_framework(const struct framework *framework,
                                                                         struct arena *arena) {
    Mesos__V1__Master__Response__GetFrameworks__Framework *message = MAKE(
        arena, Mesos__V1__Master__Response__GetFrameworks__Framework,
        mesos__v1__master__response__get_frameworks__framework__init);

    message->framework_info = framework->info;
    message->active = framework->is_active;
    message->connected = framework_is_connected(framework);
    message->recovered = framework->state == FRAMEWORK_RECOVERED;
    if (framework->registered_ns != 0)
        message->registered_time = time_message(framework->registered_ns, arena);
    if (framework->reregistered_ns != 0)
        message->reregistered_time = time_message(framework->reregistered_ns, arena);
    if (framework->unregistered_ns != 0)
        message->unregistered_time = time_message(framework->unregistered_ns, arena);
    add_offers(message, framework, arena);
    resources_to_messages(&framework->used, RESOURCE_FORMAT_ENDPOINT, arena, &message->allocated_resources,
                          &message->n_allocated_resources);
    resources_to_messages(&framework->offered, RESOURCE_FORMAT_ENDPOINT, arena, &message->offered_resources,
                          &message->n_offered_resources);
    message->offer_constraints = framework->offer_constraints != NULL
                                     ? framework->offer_constraints
                                     : MAKE(arena, Mesos__V1__Scheduler__OfferConstraints,
                                            mesos__v1__scheduler__offer_constraints__init);
    return message;
}

/* Lists: each has a function that visits. It returns false at the end; otherwise there may be a message to write. */

typedef bool visit(struct listing *listing, const ProtobufCMessage **ret);

/* All frameworks: those that are there, then the completed ones; NULL at the end. */
static struct framework *next_of_all(struct listing *listing) {
    struct framework *framework;

    if (!listing->is_open)
        table_cursor_init(&listing->cursor, &listing->master->frameworks);
    framework = table_cursor_next(&listing->cursor);
    if (framework != NULL || listing->is_among_completed)
        return framework;
    listing->is_among_completed = true;
    table_cursor_done(&listing->cursor);
    table_cursor_init(&listing->cursor, &listing->master->completed_frameworks);
    return table_cursor_next(&listing->cursor);
}

static bool visit_tasks(struct listing *listing, enum task_list list, const ProtobufCMessage **ret) {
    const struct task *task = listing->tasks.master == NULL ? NULL : task_walk_next(&listing->tasks);
    struct framework *framework;

    if (task != NULL) {
        *ret = &task_to_message(task, RESOURCE_FORMAT_NEW, &listing->arena)->base;
        return true;
    }
    task_walk_done(&listing->tasks);
    framework = next_of_all(listing);
    if (framework == NULL)
        return false;
    task_walk_init(&listing->tasks, framework, list);
    return true;
}

static bool visit_active_tasks(struct listing *listing, const ProtobufCMessage **ret) {
    return visit_tasks(listing, TASKS_ACTIVE, ret);
}

static bool visit_unreachable_tasks(struct listing *listing, const ProtobufCMessage **ret) {
    return visit_tasks(listing, TASKS_UNREACHABLE, ret);
}

static bool visit_completed_tasks(struct listing *listing, const ProtobufCMessage **ret) {
    return visit_tasks(listing, TASKS_COMPLETED, ret);
}

static bool visit_executors(struct listing *listing, const ProtobufCMessage **ret) {
    const struct executor *executor = id_walk_next_executor(&listing->executors, listing->master);
    Mesos__V1__Master__Response__GetExecutors__Executor *message;
    const struct framework *framework;

    if (executor != NULL) {
        message = MAKE(&listing->arena, Mesos__V1__Master__Response__GetExecutors__Executor,
                       mesos__v1__master__response__get_executors__executor__init);
        message->executor_info = executor->info;
        message->agent_id = executor->agent->info->id;
        *ret = &message->base;
        return true;
    }
    id_walk_done(&listing->executors);
    framework = next_of_all(listing);
    if (framework == NULL)
        return false;
    id_walk_add_executors(&listing->executors, framework);
    return true;
}

static void *next_of(struct listing *listing, struct table *table) {
    if (!listing->is_open)
        table_cursor_init(&listing->cursor, table);
    return table_cursor_next(&listing->cursor);
}

static bool visit_frameworks(struct listing *listing, const ProtobufCMessage **ret) {
    const struct framework *framework = next_of(listing, &listing->master->frameworks);

    if (framework != NULL)
        *ret = &listing_framework(framework, &listing->arena)->base;
    return framework != NULL;
}

static bool visit_completed_frameworks(struct listing *listing, const ProtobufCMessage **ret) {
    const struct framework *framework = next_of(listing, &listing->master->completed_frameworks);

    if (framework != NULL)
        *ret = &listing_framework(framework, &listing->arena)->base;
    return framework != NULL;
}

static bool visit_agents(struct listing *listing, const ProtobufCMessage **ret) {
    const struct agent *agent = next_of(listing, &listing->master->agents);

    if (agent != NULL)
        *ret = &listing_agent(agent, &listing->arena)->base;
    return agent != NULL;
}

/* Agents that a durable registry knew of: there is none. */
static bool visit_nothing(struct listing *listing, const ProtobufCMessage **ret) {
    return false;
}

struct listing_list {
    const char *name;
    unsigned field;
    visit *visit;
};

struct listing_group {
    const char *name;
    unsigned state_field; /* in GetState */
    struct listing_list lists[4];
};

/* In the order of GetState, and of the LISTING_…. */
static const struct listing_group groups[] = {
    {"get_tasks",
     1,
     {{"tasks", 2, visit_active_tasks},
      {"unreachable_tasks", 5, visit_unreachable_tasks},
      {"completed_tasks", 3, visit_completed_tasks}}},
    {"get_executors", 2, {{"executors", 1, visit_executors}}},
    {"get_frameworks",
     3,
     {{"frameworks", 1, visit_frameworks}, {"completed_frameworks", 2, visit_completed_frameworks}}},
    {"get_agents", 4, {{"agents", 1, visit_agents}, {"recovered_agents", 2, visit_nothing}}},
};

/* Protobuf */

static void append_varint(struct buffer *buffer, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        buffer_append_char(buffer, (char)(value | 0x80));
    buffer_append_char(buffer, (char)value);
}

/* The head of a member that is a message of @size bytes. */
static void append_head(struct buffer *buffer, unsigned field, size_t size) {
    append_varint(buffer, (uint64_t)field << 3 | 2);
    append_varint(buffer, size);
}

void listing_append_member(struct buffer *buffer, unsigned field, struct buffer *bytes) {
    append_head(buffer, field, bytes->size);
    buffer_append(buffer, bytes->data, bytes->size);
    buffer_clear(bytes);
}

/* Put what was written of the group into what is around it. Even an empty group shows that it was asked for. */
static void flush_group(struct listing *listing) {
    if (listing->group_bytes.size == 0 && listing->was_written)
        return;
    if (listing->is_state)
        listing_append_member(&listing->state_bytes, listing->group->state_field, &listing->group_bytes);
    else
        listing_append_member(listing->out, listing->response_field, &listing->group_bytes);
    listing->was_written = true;
}

static void flush_state(struct listing *listing) {
    if (listing->is_state && listing->state_bytes.size > 0)
        listing_append_member(listing->out, listing->response_field, &listing->state_bytes);
}

/* JSON */

/* Masters of Apache Mesos show the old SlaveInfo.checkpoint, which agents still send. It comes last in the agent's
 * info, which is the first member of @message. */
static void write_agent_json(struct json_writer *json, const ProtobufCMessage *message) {
    Mesos__V1__Master__Response__GetAgents__Agent rest = *(
        const Mesos__V1__Master__Response__GetAgents__Agent *)message;
    const Mesos__V1__AgentInfo *info = rest.agent_info;
    size_t at;

    json_begin_object(json);
    json_key(json, "agent_info");
    MESSAGE_WRITE_JSON(info, MESSAGE_V1, json);
    if (v0_agent_info_checkpoint(info)) {
        json->buffer->size--;
        json_member_bool(json, "checkpoint", true);
        json_end_object(json);
    }
    /* The others are joined to it: their opening brace becomes the comma between. */
    rest.agent_info = NULL;
    at = json->buffer->size;
    json->needs_comma = false;
    MESSAGE_WRITE_JSON(&rest, MESSAGE_V1, json);
    json->buffer->data[at] = ',';
}

static void write_item(struct listing *listing, const ProtobufCMessage *message) {
    if (listing->format == MEDIA_PROTOBUF) {
        append_head(&listing->group_bytes, listing->group->lists[listing->list].field, message_size(message));
        message_encode(message, &listing->group_bytes);
    } else if (message->descriptor == &mesos__v1__master__response__get_agents__agent__descriptor) {
        write_agent_json(&listing->json, message);
    } else {
        message_write_json(message, MESSAGE_V1, &listing->json);
    }
    arena_reset(&listing->arena);
}

/* The whole */

void listing_init(struct listing *listing, struct master *master, int what, enum media format, unsigned field,
                  struct buffer *out) {
    *listing = (struct listing){
        .master = master,
        .format = format,
        .group = what == LISTING_STATE ? &groups[0] : &groups[what],
        .groups_left = what == LISTING_STATE ? ARRAY_SIZE(groups) : 1,
        .is_state = what == LISTING_STATE,
        .response_field = field,
        .out = out,
    };
    json_init(&listing->json, out);
}

void listing_done(struct listing *listing) {
    table_cursor_done(&listing->cursor);
    task_walk_done(&listing->tasks);
    id_walk_done(&listing->executors);
    buffer_done(&listing->group_bytes);
    buffer_done(&listing->state_bytes);
    arena_done(&listing->arena);
}

static void begin_list(struct listing *listing) {
    struct json_writer *json = &listing->json;
    bool is_first = listing->list == 0;

    if (listing->format == MEDIA_PROTOBUF)
        return;
    if (is_first && listing->is_state) {
        if (listing->groups_left == ARRAY_SIZE(groups))
            json_begin_object(json);
        json_key(json, listing->group->name);
    }
    if (is_first)
        json_begin_object(json);
    json_key(json, listing->group->lists[listing->list].name);
    json_begin_array(json);
}

static void end_group(struct listing *listing) {
    if (listing->format == MEDIA_PROTOBUF)
        flush_group(listing);
    else
        json_end_object(&listing->json);
    listing->group++;
    listing->groups_left--;
    listing->list = 0;
    listing->was_written = false;
}

/* Returns whether another list or group follows. */
static bool end_list(struct listing *listing) {
    if (listing->format == MEDIA_JSON)
        json_end_array(&listing->json);
    table_cursor_done(&listing->cursor);
    listing->is_among_completed = false;
    listing->is_open = false;
    listing->list++;
    if (listing->list < ARRAY_SIZE(listing->group->lists) && listing->group->lists[listing->list].name != NULL)
        return true;
    end_group(listing);
    if (listing->groups_left > 0)
        return true;
    if (listing->format == MEDIA_PROTOBUF)
        flush_state(listing);
    else if (listing->is_state)
        json_end_object(&listing->json);
    return false;
}

bool listing_write(struct listing *listing) {
    const ProtobufCMessage *message = NULL;
    bool has_more;

    if (!listing->is_open)
        begin_list(listing);
    has_more = listing->group->lists[listing->list].visit(listing, &message);
    listing->is_open = true;
    if (message != NULL)
        write_item(listing, message);
    return has_more || end_list(listing);
}

void listing_pause(struct listing *listing) {
    task_walk_pause(&listing->tasks);
    if (listing->format == MEDIA_PROTOBUF) {
        if (listing->group_bytes.size > 0)
            flush_group(listing);
        flush_state(listing);
    }
}

/* The calls */

struct listing_document {
    struct document document;
    struct listing listing;
    Mesos__V1__Master__Response__Type type;
    const char *member;
};

/* What is not in the text yet counts as well. */
static bool is_full(struct listing_document *document) {
    return document_is_full(&document->document) ||
           document->listing.group_bytes.size + document->listing.state_bytes.size >= DOCUMENT_SLICE_BYTES;
}

static void write_head(struct listing_document *document) {
    struct document *base = &document->document;

    if (document->listing.format == MEDIA_PROTOBUF) {
        /* Response.type */
        append_varint(&base->text, 1 << 3);
        append_varint(&base->text, document->type);
        return;
    }
    json_begin_object(&document->listing.json);
    json_member_string(
        &document->listing.json, "type",
        message_value_name(&mesos__v1__master__response__type__descriptor, (int)document->type, MESSAGE_V1));
    json_key(&document->listing.json, document->member);
}

static bool write_document(struct document *base) {
    struct listing_document *document = container_of(base, struct listing_document, document);

    if (!base->is_begun)
        write_head(document);
    while (listing_write(&document->listing)) {
        if (is_full(document)) {
            listing_pause(&document->listing);
            return false;
        }
    }
    if (document->listing.format == MEDIA_JSON)
        json_end_object(&document->listing.json);
    return true;
}

static void free_document(struct document *base) {
    struct listing_document *document = container_of(base, struct listing_document, document);

    listing_done(&document->listing);
    free(document);
}

static const struct document_ops listing_ops = {.write = write_document, .free = free_document};

static void start(struct api_request *request, int what, Mesos__V1__Master__Response__Type type, const char *member,
                  unsigned field) {
    struct listing_document *document = new0(struct listing_document);

    document->type = type;
    document->member = member;
    listing_init(&document->listing, request->endpoints->master, what, request->format, field,
                 &document->document.text);
    document_start(&document->document, &listing_ops, &request->endpoints->documents, request->exchange,
                   media_type(request->format));
}

void api_get_state(struct api_request *request) {
    start(request, LISTING_STATE, MESOS__V1__MASTER__RESPONSE__TYPE__GET_STATE, "get_state", 9);
}

void api_get_tasks(struct api_request *request) {
    start(request, LISTING_TASKS, MESOS__V1__MASTER__RESPONSE__TYPE__GET_TASKS, "get_tasks", 13);
}

void api_get_executors(struct api_request *request) {
    start(request, LISTING_EXECUTORS, MESOS__V1__MASTER__RESPONSE__TYPE__GET_EXECUTORS, "get_executors", 12);
}

void api_get_frameworks(struct api_request *request) {
    start(request, LISTING_FRAMEWORKS, MESOS__V1__MASTER__RESPONSE__TYPE__GET_FRAMEWORKS, "get_frameworks", 11);
}

void api_get_agents(struct api_request *request) {
    start(request, LISTING_AGENTS, MESOS__V1__MASTER__RESPONSE__TYPE__GET_AGENTS, "get_agents", 10);
}
