/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/agent_calls.h"

#include "base/log.h"
#include "message/message.h"

#define PROTOBUF "application/x-protobuf"

struct agent_call {
    struct http_call *http;
    agent_call_done *on_done;
    void *user;
};

int agent_calls_init(struct agent_calls *calls, struct env *env, const struct executor_client_options *options,
                     struct error *err) {
    const char *token = options->authentication_token;
    *calls = (struct agent_calls){0};
    if (address_parse(options->agent, &calls->agent, err) < 0)
        return -1;
    calls->target = executor_client_agent_path(options, "/api/v1");
    calls->http = http_client_new(env);
    calls->authorization = token != NULL ? xasprintf("Bearer %s", token) : NULL;
    return 0;
}

void agent_calls_done(struct agent_calls *calls) {
    http_client_free(take_ptr(&calls->http));
    free(take_ptr(&calls->authorization));
    free(take_ptr(&calls->target));
}

static void on_answer(struct http_call *http, const struct http_response *response, const struct error *err,
                      void *user) {
    struct agent_call call = *(struct agent_call *)user;
    free(user);
    if (err != NULL) {
        call.on_done(call.user, 0, NULL, error_message(err));
        return;
    }
    if (response->status != 200 || response->body_size == 0) {
        call.on_done(call.user, response->status, NULL, response->body != NULL ? response->body : "");
        return;
    }
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error decode_err = ERROR_INIT;
    ProtobufCMessage *message = NULL;
    if (message_decode(&mesos__v1__agent__response__descriptor, response->body, response->body_size, &arena, &message,
                       &decode_err) < 0) {
        call.on_done(call.user, 0, NULL, error_message(&decode_err));
        return;
    }
    call.on_done(call.user, response->status, (const Mesos__V1__Agent__Response *)message, "");
}

struct agent_call *agent_calls_send(struct agent_calls *calls, const Mesos__V1__Agent__Call *message, bool is_long,
                                    agent_call_done *on_done, void *user) {
    static const struct http_call_events events = {.on_done = on_answer};
    const struct http_header headers[] = {
        {"Content-Type", PROTOBUF}, {"Accept", PROTOBUF}, {"Authorization", calls->authorization}};
    cleanup_buffer struct buffer body = BUFFER_INIT;
    MESSAGE_ENCODE(message, &body);
    const struct http_call_options options = {
        .method = "POST",
        .target = calls->target,
        .headers = headers,
        .header_count = ARRAY_SIZE(headers) - (calls->authorization == NULL),
        .body = body.data,
        .body_size = body.size,
        .timeout_ns = is_long ? -1 : 0,
        .own_connection = is_long,
    };
    struct agent_call *call = new0(struct agent_call);
    call->on_done = on_done;
    call->user = user;
    call->http = http_client_call(calls->http, &calls->agent, &options, &events, call);
    return call;
}

void agent_call_cancel(struct agent_call *call) {
    if (call == NULL)
        return;
    http_call_cancel(call->http);
    free(call);
}
