/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are written in slices, so that one about a whole cluster keeps nobody else waiting.
 *
 * A document writes into its text until it is full, which takes a few milliseconds; that is sent, and the next slice is
 * written when the peer has taken it. One turn of the loop holds at most one slice of all documents together. What fits
 * into one slice is sent in one piece, with its length, gzipped if the peer likes that.
 *
 * Between slices anything may happen to what the document is about: it holds ids and cursors, not pointers. */
#pragma once

#include "base/json.h"
#include "base/list.h"
#include "event/env.h"
#include "net/http_server.h"

struct document;

struct document_ops {
    /* Write on. Returns true at the end, false when document_is_full() says so. */
    bool (*write)(struct document *document);
    /* Release the document as a whole; what is in this struct is released already. */
    void (*free)(struct document *document);
};

/* All documents of a master that are being written. */
struct documents {
    struct list all;
    struct list ready; /* of those that can write their next slice, the one that waits longest first */
    struct env_timer turn;
};

void documents_init(struct documents *documents, struct env *env);
/* Breaks off those that are not complete. */
void documents_done(struct documents *documents);

/* Embedded in its owner at its beginning. */
struct document {
    const struct document_ops *ops;
    struct documents *documents;
    struct list in_all, in_ready;
    struct http_exchange *exchange;
    const char *content_type;
    bool has_callback; /* jsonp */
    bool is_begun;     /* at least one slice was sent */
    size_t steps;      /* of the slice at hand */
    struct buffer text;
    struct json_writer json; /* into text */
};

/* Answer @exchange with 200 and what @document will write. The document frees itself when it is sent, or cannot be. */
void document_start(struct document *document, const struct document_ops *ops, struct documents *documents,
                    struct http_exchange *exchange, const char *content_type);
/* As above for JSON, which may be asked for as jsonp. If the callback's name is wrong, that is the answer, and the
 * document is freed. */
void document_start_json(struct document *document, const struct document_ops *ops, struct documents *documents,
                         struct http_exchange *exchange);

#define DOCUMENT_SLICE_BYTES ((size_t)1 << 20)
#define DOCUMENT_SLICE_STEPS ((size_t)20000)

/* Whether the slice should end. Called once for each thing that was looked at, written or not. */
static inline bool document_is_full(struct document *document) {
    return document->text.size >= DOCUMENT_SLICE_BYTES || ++document->steps >= DOCUMENT_SLICE_STEPS;
}
