/* SPDX-License-Identifier: Apache-2.0 */
/* The v1 scheduler API: calls in, and for SUBSCRIBE a stream of events out. The order of the checks is that of
 * Master::Http::scheduler. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "master/dispatch.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/observer.h"
#include "master/subscribe.h"
#include "master/validation.h"
#include "message/media.h"

/* [Master::subscribe(http, …), Master::_subscribe(http, …)] */
static void subscribe(struct master *master, struct http_exchange *exchange, const Mesos__V1__Scheduler__Call *call,
                      enum media media) {
    struct error cleanup_error err = ERROR_INIT;
    struct subscription subscription;
    struct framework *framework;
    bool is_new;

    log_info("Received subscription request for the HTTP framework '%.200s'", call->subscribe->framework_info->name);
    if (subscription_prepare(master, call->subscribe, &subscription, &err) < 0) {
        log_info("Refusing the subscription of the framework '%.200s': %s", call->subscribe->framework_info->name,
                 error_message(&err));
        connection_refuse_http(master, exchange, media, error_message(&err));
        subscription_done(&subscription);
        return;
    }
    is_new = subscription.framework == NULL;
    framework = subscription_apply(master, &subscription);
    subscription_done(&subscription);
    framework_metrics_count_call(&framework->metrics, MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE);
    framework_fail_over(framework);
    connection_init_http(&framework->connection, master, exchange, media, framework_on_connection_lost);
    framework_connected(framework);
    framework_send_subscribed(framework, false);
    if (is_new)
        observers_framework_added(master, framework);
    else
        framework_broadcast_info(framework);
}

/* Whether the request may make calls for the framework; answers if not. */
static bool is_from_stream(const struct framework *framework, struct http_exchange *exchange) {
    const char *stream_id = http_headers_find(&http_exchange_request(exchange)->headers, "Mesos-Stream-Id");

    if (!framework_is_connected(framework))
        http_respond_text(exchange, 403, "Framework is not subscribed");
    else if (!connection_is_http(&framework->connection))
        http_respond_text(exchange, 403, "Framework is not connected via HTTP");
    else if (stream_id == NULL)
        http_respond_text(exchange, 400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
    else if (strcmp(stream_id, framework->connection.stream_id) != 0)
        http_respond_text(exchange, 400,
                          "The stream ID '%.100s' included in this request didn't match the stream ID currently "
                          "associated with framework ID %s",
                          stream_id, framework->id);
    else
        return true;
    return false;
}

static void make_call(struct master *master, struct http_exchange *exchange, Mesos__V1__Scheduler__Call *call,
                      struct arena *arena) {
    struct framework *framework = framework_find(master, call->framework_id->value);
    struct error cleanup_error err = ERROR_INIT;

    if (framework == NULL) {
        http_respond_text(exchange, 400, "Framework cannot be found");
        return;
    }
    framework_metrics_count_call(&framework->metrics, (int)call->type);
    if (!is_from_stream(framework, exchange))
        return;
    switch (dispatch_call(framework, call, arena, &err)) {
    case 0:
        http_respond(exchange, call->type == MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK ? 200 : 202, NULL, NULL,
                     0);
        break;
    case CALL_UNKNOWN:
        http_respond(exchange, 501, NULL, NULL, 0);
        break;
    default:
        http_respond_text(exchange, 400, "%s", error_message(&err));
    }
}

static bool has_response(const Mesos__V1__Scheduler__Call *call) {
    return call->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE ||
           call->type == MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE_OPERATIONS;
}

static void answer(struct master *master, struct http_exchange *exchange, struct arena *arena) {
    const struct http_request *request = http_exchange_request(exchange);
    struct error cleanup_error err = ERROR_INIT;
    enum media media = MEDIA_JSON;
    Mesos__V1__Scheduler__Call *call;
    unsigned status = media_read_call(request, &mesos__v1__scheduler__call__descriptor, arena, &call, &err);

    if (status != 0)
        http_respond_text(exchange, status, "%s", error_message(&err));
    else if (validate_call(call, &err) < 0)
        http_respond_text(exchange, 400, "Failed to validate scheduler::Call: %s", error_message(&err));
    else if (has_response(call) && !media_accepted(request, &media))
        http_respond_text(exchange, 406, "Expecting 'Accept' to allow '%s' or '%s'", media_type(MEDIA_PROTOBUF),
                          media_type(MEDIA_JSON));
    else if (call->type != MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE)
        make_call(master, exchange, call, arena);
    else if (http_headers_find(&request->headers, "Mesos-Stream-Id") != NULL)
        http_respond_text(exchange, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
    else
        subscribe(master, exchange, call, media);
}

void scheduler_api(struct http_exchange *exchange, void *user) {
    struct arena arena = ARENA_INIT;

    answer(user, exchange, &arena);
    arena_done(&arena);
}
