/* SPDX-License-Identifier: Apache-2.0 */
/* Why something failed, as a sentence that grows on the way up.
 *
 * A function that can fail returns an int: 0 is done, negative is failed and says why in its last argument, positive is
 * a result that its header documents. Callers that do not want the reason pass NULL. */
#pragma once

#include "base/memory.h"

struct error {
    int code;      /* an errno value, or 0 where none fits */
    char *message; /* owned; NULL while nothing is wrong */
};

#define ERROR_INIT ((struct error){0})

/* Declares @name, which is released at the end of the scope. */
#define cleanup_error cleanup_(error_done)

/* Set @err, releasing what it held. @code is kept as it is. Returns -1, so that `return error_set(…)` reads well. */
int error_set(struct error *err, int code, const char *format, ...) printf_like_(3, 4);

/* As error_set() with the current errno, whose text is appended: "<message>: No such file or directory". */
int error_errno(struct error *err, const char *format, ...) printf_like_(2, 3);

/* Put context before the message: "<context>: <message>". Returns -1. */
int error_wrap(struct error *err, const char *format, ...) printf_like_(2, 3);

/* The message, or "unknown error"; never NULL. Valid until the error changes. */
const char *error_message(const struct error *err);

/* Hand the error from @from to @to (either may be NULL); @from is empty afterwards. */
void error_move(struct error *to, struct error *from);

void error_done(struct error *err);
