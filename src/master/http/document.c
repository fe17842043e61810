/* SPDX-License-Identifier: Apache-2.0 */
#include "master/http/document.h"

#include <string.h>

#include "process/common_endpoints.h"

static void document_free(struct document *document) {
    list_remove(&document->in_all);
    list_remove(&document->in_ready);
    buffer_done(&document->text);
    document->ops->free(document);
}

static void on_closed(struct http_exchange *exchange, void *user) {
    document_free(user);
}

static void set_ready(struct document *document) {
    struct documents *documents = document->documents;

    if (!list_is_linked(&document->in_ready))
        list_append(&documents->ready, &document->in_ready);
    if (!env_timer_is_running(&documents->turn))
        env_timer_start(&documents->turn, 0);
}

static void on_drain(struct http_exchange *exchange, void *user) {
    set_ready(user);
}

static void begin(struct document *document) {
    document->is_begun = true;
    http_exchange_set_user(document->exchange, document);
    http_stream_on_drain(document->exchange, on_drain);
    http_stream_begin(document->exchange, 200, document->content_type);
}

static void finish(struct document *document) {
    struct http_exchange *exchange = document->exchange;

    http_exchange_on_closed(exchange, NULL, NULL);
    if (document->is_begun) {
        http_stream_write(exchange, document->text.data, document->text.size);
        http_stream_end(exchange);
    } else {
        http_respond_buffer(exchange, 200, document->content_type, &document->text);
    }
    document_free(document);
}

/* An answer to HEAD needs no more than its head. */
static bool is_head(const struct document *document) {
    return strcmp(http_exchange_request(document->exchange)->method, "HEAD") == 0;
}

static void write_slice(struct document *document) {
    bool is_end;

    document->steps = 0;
    is_end = document->ops->write(document);
    if (is_end && document->has_callback)
        buffer_append_char(&document->text, ')');
    if (!is_end && !document->is_begun)
        begin(document);
    if (is_end || is_head(document)) {
        finish(document);
        return;
    }
    /* If this fails the connection is broken, and on_closed follows. */
    if (!http_stream_write(document->exchange, document->text.data, document->text.size))
        return;
    buffer_clear(&document->text);
    if (http_stream_pending(document->exchange) == 0)
        set_ready(document);
}

static void on_turn(struct env_timer *timer) {
    struct documents *documents = container_of(timer, struct documents, turn);
    struct document *document = list_first(&documents->ready, struct document, in_ready);

    if (document == NULL)
        return;
    list_remove(&document->in_ready);
    if (!list_is_empty(&documents->ready))
        env_timer_start(timer, 0);
    write_slice(document);
}

void documents_init(struct documents *documents, struct env *env) {
    list_init(&documents->all);
    list_init(&documents->ready);
    env_timer_init(&documents->turn, env, on_turn);
}

void documents_done(struct documents *documents) {
    struct document *document;

    env_timer_done(&documents->turn);
    while ((document = list_first(&documents->all, struct document, in_all)) != NULL) {
        http_exchange_on_closed(document->exchange, NULL, NULL);
        http_exchange_abort(document->exchange);
        document_free(document);
    }
}

static void init(struct document *document, const struct document_ops *ops, struct documents *documents,
                 struct http_exchange *exchange, const char *content_type) {
    document->ops = ops;
    document->documents = documents;
    document->exchange = exchange;
    document->content_type = content_type;
    list_append(&documents->all, &document->in_all);
    json_init(&document->json, &document->text);
}

void document_start(struct document *document, const struct document_ops *ops, struct documents *documents,
                    struct http_exchange *exchange, const char *content_type) {
    init(document, ops, documents, exchange, content_type);
    http_exchange_on_closed(exchange, on_closed, document);
    set_ready(document);
}

void document_start_json(struct document *document, const struct document_ops *ops, struct documents *documents,
                         struct http_exchange *exchange) {
    const char *callback = http_request_query(exchange, "jsonp");

    if (callback != NULL && !jsonp_is_callback(callback)) {
        init(document, ops, documents, exchange, NULL);
        document_free(document);
        http_respond_text(exchange, 400, "jsonp is not the name of a function.\n");
        return;
    }
    document_start(document, ops, documents, exchange, callback == NULL ? "application/json" : "text/javascript");
    if (callback != NULL) {
        document->has_callback = true;
        buffer_printf(&document->text, "%s(", callback);
    }
}
