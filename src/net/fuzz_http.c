/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and responses from arbitrary bytes: the parser, targets, queries, bodies in gzip. The first byte says how
 * the rest is cut into pieces; the same must come out however it is cut. */
#include <stdint.h>

#include "base/arena.h"
#include "net/gzip.h"
#include "net/http_parser.h"
#include "net/http_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct http_parser parser;
    struct http_head head;
    struct arena arena;
    struct buffer said;
    bool pausing; /* pause at every event */
};

enum { HEAD_LIMIT_BYTES = 4096, HEADER_LIMIT = 50, BODY_LIMIT_BYTES = 100000 };

static struct http_head *on_begin(struct http_parser *parser) {
    struct run *run = parser->user;

    return &run->head;
}

static enum http_parser_next next(const struct run *run) {
    return run->pausing ? HTTP_PARSER_PAUSE : HTTP_PARSER_CONTINUE;
}

static enum http_parser_next on_head(struct http_parser *parser) {
    struct run *run = parser->user;
    const struct http_head *head = &run->head;
    struct http_target target;

    buffer_printf(&run->said, "[%s %s %u %d", head->method == NULL ? "-" : head->method, head->target, head->status,
                  head->keep_alive);
    for (size_t i = 0; i < head->headers.count; i++)
        buffer_printf(&run->said, " %s:%s;", head->headers.items[i].name, head->headers.items[i].value);
    http_accepts(http_headers_find(&head->headers, "Accept"), "application/json");
    http_accepts_encoding(http_headers_find(&head->headers, "Accept-Encoding"), "gzip");
    if (head->method != NULL && http_target_parse(head->target, &run->arena, &target, NULL) == 0) {
        const char *value = http_query_find(target.query, "a", &run->arena);

        if (target.path[0] != '/' && strcmp(target.path, "*") != 0)
            abort();
        buffer_printf(&run->said, " path %s a=%s", target.path, value == NULL ? "-" : value);
    }
    buffer_append_char(&run->said, ']');
    return next(run);
}

static enum http_parser_next on_body(struct http_parser *parser, const char *data, size_t size) {
    struct run *run = parser->user;

    buffer_append(&run->said, data, size);
    return next(run);
}

static enum http_parser_next on_end(struct http_parser *parser) {
    struct run *run = parser->user;

    buffer_append_string(&run->said, "[end]");
    return next(run);
}

static const struct http_parser_events events = {on_begin, on_head, on_body, on_end};

/* Parse everything in pieces of @step bytes. Whether it was taken. */
static bool parse(struct run *run, bool response, bool pausing, const uint8_t *data, size_t size, size_t step) {
    size_t at = 0, idle = 0, more = 3;

    *run = (struct run){.pausing = pausing};
    if (response)
        http_parser_init_response(&run->parser, &events, HEAD_LIMIT_BYTES, HEADER_LIMIT, run);
    else
        http_parser_init_request(&run->parser, &events, HEAD_LIMIT_BYTES, HEADER_LIMIT, run);
    /* After a pause there may be something to tell without a further byte. */
    while (at < size || more-- > 0) {
        size_t piece = size - at < step ? size - at : step, used = 0;
        char *copy = xmemdup(size == 0 ? "" : (const char *)data + at, piece); /* reading past its end is seen */
        int result = http_parser_feed(&run->parser, copy, piece, &used, NULL);

        free(copy);
        if (result < 0) {
            if (run->parser.failure_status < 400 || run->parser.failure == NULL)
                abort();
            return false;
        }
        if (used > piece || (used == 0 && piece > 0 && ++idle > 4))
            abort(); /* it must go on some time */
        idle = used == 0 ? idle : 0;
        at += used;
    }
    return http_parser_finish(&run->parser, NULL) == 0;
}

static void finish(struct run *run) {
    http_head_done(&run->head);
    arena_done(&run->arena);
    buffer_done(&run->said);
}

static void compare_cuts(bool response, const uint8_t *data, size_t size, size_t step) {
    struct run whole, cut;
    bool taken = parse(&whole, response, false, data, size, SIZE_MAX);
    bool taken_cut = parse(&cut, response, (step & 1) != 0, data, size, step);

    /* Where the limit of the head is met depends on the cut; all else does not. */
    if (taken && taken_cut &&
        (whole.said.size != cut.said.size || memcmp(buffer_text(&whole.said), buffer_text(&cut.said), cut.said.size)))
        abort();
    finish(&whole);
    finish(&cut);
}

static void unpack(const uint8_t *data, size_t size) {
    struct buffer plain = BUFFER_INIT;
    struct gunzip gunzip;

    gunzip_init(&gunzip);
    gunzip_feed(&gunzip, data, size, &plain, BODY_LIMIT_BYTES, NULL);
    if (plain.size > BODY_LIMIT_BYTES + 64 * 1024)
        abort();
    gunzip_done(&gunzip);
    buffer_done(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t step;

    if (size == 0)
        return 0;
    step = data[0] % 64 + 1;
    compare_cuts(false, data + 1, size - 1, step);
    compare_cuts(true, data + 1, size - 1, step);
    unpack(data + 1, size - 1);
    return 0;
}
