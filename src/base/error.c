/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <string.h>

static void replace(struct error *err, int code, char *message) {
    free(err->message);
    err->code = code;
    err->message = message;
}

int error_set(struct error *err, int code, const char *format, ...) {
    va_list arguments;

    if (err == NULL)
        return -1;
    va_start(arguments, format);
    replace(err, code, xvasprintf(format, arguments));
    va_end(arguments);
    return -1;
}

int error_errno(struct error *err, const char *format, ...) {
    int code = errno;
    va_list arguments;
    char *context;

    if (err == NULL)
        return -1;
    va_start(arguments, format);
    context = xvasprintf(format, arguments);
    va_end(arguments);
    replace(err, code, xasprintf("%s: %s", context, strerror(code)));
    free(context);
    return -1;
}

int error_wrap(struct error *err, const char *format, ...) {
    va_list arguments;
    char *context;

    if (err == NULL)
        return -1;
    va_start(arguments, format);
    context = xvasprintf(format, arguments);
    va_end(arguments);
    replace(err, err->code, xasprintf("%s: %s", context, error_message(err)));
    free(context);
    return -1;
}

const char *error_message(const struct error *err) {
    return err != NULL && err->message != NULL ? err->message : "unknown error";
}

void error_move(struct error *to, struct error *from) {
    if (from == NULL)
        return;
    if (to == NULL) {
        error_done(from);
        return;
    }
    free(to->message);
    *to = *from;
    *from = ERROR_INIT;
}

void error_done(struct error *err) {
    if (err == NULL)
        return;
    free(err->message);
    *err = ERROR_INIT;
}
