/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_parser.h"

#include <string.h>
#include <strings.h>

/* Trailers and chunk extensions of one message together. They are dropped, so there is no need for many. */
enum { EXTRA_LIMIT_BYTES = 16 * 1024 };

void http_head_reset(struct http_head *head) {
    buffer_clear(&head->text);
    head->headers.count = 0;
    head->method = head->target = NULL;
    head->status = head->minor_version = 0;
    head->content_length = 0;
    head->has_length = head->chunked = head->keep_alive = head->until_end = false;
}

void http_head_done(struct http_head *head) {
    if (head == NULL)
        return;
    buffer_done(&head->text);
    http_headers_done(&head->headers);
}

static int fail(struct http_parser *parser, unsigned status, const char *reason) {
    parser->failure_status = status;
    parser->failure = reason;
    llhttp_set_error_reason(&parser->llhttp, reason);
    return HPE_USER;
}

static int count_bytes(struct http_parser *parser, size_t size, size_t limit) {
    parser->used_bytes += size;
    if (parser->used_bytes > limit)
        return fail(parser, 431, "the head is too large");
    return 0;
}

static int on_message_begin(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;

    parser->head = parser->events->on_begin(parser);
    http_head_reset(parser->head);
    parser->stage = HTTP_PARSER_IN_HEAD;
    parser->used_bytes = parser->whole_bytes = 0;
    return 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t size) {
    struct http_parser *parser = llhttp->data;

    buffer_append(&parser->head->text, at, size);
    return count_bytes(parser, size, parser->head_limit_bytes);
}

static int on_url_complete(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;

    buffer_append_char(&parser->head->text, '\0');
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t size) {
    struct http_parser *parser = llhttp->data;

    if (parser->stage != HTTP_PARSER_IN_HEAD)
        return count_bytes(parser, size, EXTRA_LIMIT_BYTES);
    if (parser->name == SIZE_MAX)
        parser->name = parser->head->text.size;
    buffer_append(&parser->head->text, at, size);
    return count_bytes(parser, size, parser->head_limit_bytes);
}

static int on_header_field_complete(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;

    if (parser->stage != HTTP_PARSER_IN_HEAD)
        return 0;
    if (parser->name == SIZE_MAX || parser->name == parser->head->text.size)
        return fail(parser, 400, "a header without a name");
    buffer_append_char(&parser->head->text, '\0');
    parser->value = parser->head->text.size;
    parser->value_ended = false;
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t size) {
    struct http_parser *parser = llhttp->data;

    if (parser->stage != HTTP_PARSER_IN_HEAD)
        return count_bytes(parser, size, EXTRA_LIMIT_BYTES);
    /* A value in several pieces is one that crosses blocks, or one that goes on in the next line. RFC 9112 section 5.2
     * has such folding refused. */
    if (parser->value_ended)
        return fail(parser, 400, "a header is folded");
    parser->value_ended = at + size != parser->block_end;
    buffer_append(&parser->head->text, at, size);
    return count_bytes(parser, size, parser->head_limit_bytes);
}

static int on_header_value_complete(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;
    struct http_head *head = parser->head;

    if (parser->stage != HTTP_PARSER_IN_HEAD)
        return count_bytes(parser, 4, EXTRA_LIMIT_BYTES);
    while (head->text.size > parser->value &&
           (head->text.data[head->text.size - 1] == ' ' || head->text.data[head->text.size - 1] == '\t'))
        head->text.size--;
    buffer_append_char(&head->text, '\0');
    if (head->headers.count == parser->header_limit)
        return fail(parser, 431, "too many headers");
    /* Positions: the text may still move. on_headers_complete() turns them into pointers. */
    http_headers_add(&head->headers, (const char *)parser->name, (const char *)parser->value);
    parser->name = SIZE_MAX;
    return count_bytes(parser, 4, parser->head_limit_bytes);
}

/* Framing that llhttp lets through. */
static int check_framing(struct http_parser *parser, const struct http_head *head) {
    size_t codings = 0, hosts = 0;

    if (parser->llhttp.http_major != 1)
        return fail(parser, 505, "not HTTP/1");
    for (size_t i = 0; i < head->headers.count; i++) {
        const struct http_header *header = &head->headers.items[i];

        if (strcasecmp(header->name, "Transfer-Encoding") == 0) {
            codings++;
            if (strcasecmp(header->value, "chunked") != 0)
                return fail(parser, 501, "a transfer coding other than chunked");
        } else if (strcasecmp(header->name, "Host") == 0) {
            hosts++;
        }
    }
    if (codings > 1)
        return fail(parser, 400, "more than one Transfer-Encoding");
    if (codings > 0 && (head->has_length || head->minor_version == 0))
        return fail(parser, 400, "Transfer-Encoding where it must not be");
    if (hosts > 1)
        return fail(parser, 400, "more than one Host");
    return 0;
}

static int to_llhttp(enum http_parser_next next) {
    return next == HTTP_PARSER_SKIP_BODY ? 1 : next == HTTP_PARSER_PAUSE ? HPE_PAUSED : 0;
}

static int on_headers_complete(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;
    struct http_head *head = parser->head;
    const char *text = head->text.data;

    if (head->text.size == 0) {
        buffer_append_char(&head->text, '\0');
        text = head->text.data;
    }
    for (size_t i = 0; i < head->headers.count; i++) {
        head->headers.items[i].name = text + (uintptr_t)head->headers.items[i].name;
        head->headers.items[i].value = text + (uintptr_t)head->headers.items[i].value;
    }
    head->target = text;
    head->minor_version = llhttp->http_minor;
    head->has_length = (llhttp->flags & F_CONTENT_LENGTH) != 0;
    head->chunked = (llhttp->flags & F_CHUNKED) != 0;
    head->content_length = head->has_length ? llhttp->content_length : 0;
    head->keep_alive = llhttp_should_keep_alive(llhttp) == 1;
    /* No other protocol is spoken here: an Upgrade is passed over, as RFC 9110 section 7.8 allows. */
    llhttp->upgrade = 0;
    if (llhttp->type == HTTP_REQUEST) {
        head->method = llhttp_method_name(llhttp->method);
    } else {
        head->status = llhttp->status_code;
        head->until_end = llhttp_message_needs_eof(llhttp) == 1;
    }
    if (check_framing(parser, head) != 0)
        return HPE_USER;
    parser->stage = HTTP_PARSER_IN_BODY;
    parser->used_bytes = 0;
    return to_llhttp(parser->events->on_head(parser));
}

static int on_body(llhttp_t *llhttp, const char *at, size_t size) {
    struct http_parser *parser = llhttp->data;

    return size == 0 ? 0 : to_llhttp(parser->events->on_body(parser, at, size));
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t size) {
    struct http_parser *parser = llhttp->data;

    (void)at;
    return count_bytes(parser, size, EXTRA_LIMIT_BYTES);
}

static int on_message_complete(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;

    parser->stage = HTTP_PARSER_BETWEEN;
    parser->name = SIZE_MAX;
    return to_llhttp(parser->events->on_end(parser));
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void init(struct http_parser *parser, enum llhttp_type type, const struct http_parser_events *events,
                 size_t head_limit_bytes, size_t header_limit, void *user) {
    *parser = (struct http_parser){
        .events = events,
        .user = user,
        .head_limit_bytes = head_limit_bytes,
        .header_limit = header_limit,
        .name = SIZE_MAX,
    };
    llhttp_init(&parser->llhttp, type, &settings);
    parser->llhttp.data = parser;
}

void http_parser_init_request(struct http_parser *parser, const struct http_parser_events *events,
                              size_t head_limit_bytes, size_t header_limit, void *user) {
    init(parser, HTTP_REQUEST, events, head_limit_bytes, header_limit, user);
}

void http_parser_init_response(struct http_parser *parser, const struct http_parser_events *events,
                               size_t head_limit_bytes, size_t header_limit, void *user) {
    init(parser, HTTP_RESPONSE, events, head_limit_bytes, header_limit, user);
}

static int failed(struct http_parser *parser, struct error *err) {
    if (parser->failure == NULL) {
        const char *reason = llhttp_get_error_reason(&parser->llhttp);
        llhttp_errno_t code = llhttp_get_errno(&parser->llhttp);

        parser->failure = reason != NULL && reason[0] != '\0' ? reason : llhttp_errno_name(code);
        parser->failure_status = code == HPE_INVALID_VERSION || code == HPE_PAUSED_H2_UPGRADE ? 505 : 400;
    }
    parser->failed = true;
    return error_set(err, 0, "malformed HTTP message: %s", parser->failure);
}

int http_parser_feed(struct http_parser *parser, const char *data, size_t size, size_t *ret_used, struct error *err) {
    bool was_in_head = parser->stage == HTTP_PARSER_IN_HEAD;
    llhttp_errno_t code;

    if (parser->failed)
        return failed(parser, err);
    parser->block_end = data + size;
    code = llhttp_execute(&parser->llhttp, data, size);
    if (code == HPE_PAUSED) {
        *ret_used = (size_t)(llhttp_get_error_pos(&parser->llhttp) - data);
        llhttp_resume(&parser->llhttp);
        return 0;
    }
    if (code != HPE_OK)
        return failed(parser, err);
    /* White space is in no piece that the callbacks see, so a head that goes on through a whole block counts by its
     * bytes, too. */
    if (was_in_head && parser->stage == HTTP_PARSER_IN_HEAD) {
        parser->whole_bytes += size;
        if (parser->whole_bytes > parser->head_limit_bytes) {
            fail(parser, 431, "the head is too large");
            return failed(parser, err);
        }
    }
    *ret_used = size;
    return 0;
}

int http_parser_finish(struct http_parser *parser, struct error *err) {
    llhttp_errno_t code;

    if (parser->failed)
        return failed(parser, err);
    if (parser->stage == HTTP_PARSER_BETWEEN)
        return 0;
    code = llhttp_finish(&parser->llhttp);
    if ((code == HPE_OK || code == HPE_PAUSED) && parser->stage == HTTP_PARSER_BETWEEN)
        return 0;
    /* Nothing is wrong with what came. */
    parser->failed = true;
    fail(parser, 400, "the connection ended within it");
    return error_set(err, 0, "the peer closed the connection in the %s of an HTTP message",
                     parser->stage == HTTP_PARSER_IN_HEAD ? "head" : "body");
}
