/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text, one token after the other (RFC 8259, strictly). Nothing is built of what is not asked for: that is what
 * makes reading a message three times as fast as through a tree. Not for other folders. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct json_scanner {
    const char *start, *next, *end;
    struct arena *arena; /* for strings with escapes */
    struct error *err;
    unsigned depth, depth_limit; /* of open objects and arrays */
};

struct json_number {
    const char *text; /* as it was written */
    size_t size;
    uint64_t magnitude; /* if it is whole and not too large */
    bool is_negative;
    bool is_whole;     /* has neither fraction nor exponent */
    bool is_too_large; /* whole, and does not fit into 64 bits */
};

/* What the next value begins with: '{', '[', '"', 't', 'f', 'n', '-' for any number, '\0' for what begins none. */
char json_scan_kind(struct json_scanner *scanner);

/* All return 0, or -1 with err->code EBADMSG: "syntax error at line 2: …". */

/* Set the error; "<reason>" is followed by the place. */
int json_scan_fail(struct json_scanner *scanner, const char *reason);

/* @letter and what white space is around it. json_scan_accept() returns whether it was there. */
bool json_scan_accept(struct json_scanner *scanner, char letter);
int json_scan_expect(struct json_scanner *scanner, char letter);

/* Enter and leave an object or array whose bracket has been or will be read. */
int json_scan_enter(struct json_scanner *scanner);
void json_scan_leave(struct json_scanner *scanner);

/* The text of a string, which is valid UTF-8; may hold NULs and need not end in one. */
int json_scan_string(struct json_scanner *scanner, const char **ret, size_t *ret_size);
int json_scan_number(struct json_scanner *scanner, struct json_number *ret);
/* "true", "false", "null". */
int json_scan_literal(struct json_scanner *scanner, const char *literal);

/* Step over any value, checking it. */
int json_scan_skip(struct json_scanner *scanner);

/* Only white space is left. */
int json_scan_end(struct json_scanner *scanner);

/* The nearest double; infinite if there is none. The locale does not matter. */
double json_number_to_double(const struct json_number *number);
