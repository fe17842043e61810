/* SPDX-License-Identifier: Apache-2.0 */
#include "master/whitelist.h"

#include <string.h>

#include "allocator/allocator.h"
#include "base/log.h"
#include "base/text.h"

enum { MOST_BYTES = 16 << 20 };

static const int64_t interval_ns = 5 * SECOND;

static void tell_allocator(struct whitelist *whitelist) {
    char **hostnames = text_split(buffer_text(&whitelist->last), "\n");
    size_t count = 0;

    while (hostnames[count] != NULL)
        count++;
    log_info("Only agents on the %zu hosts of %s are offered", count, whitelist->path);
    allocator_update_whitelist(whitelist->allocator, (const char *const *)hostnames, count);
    text_list_free(hostnames);
}

/* A file that cannot be read leaves things as they are. */
static void read_file(struct whitelist *whitelist) {
    cleanup_buffer struct buffer now = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;

    if (env_file_read(whitelist->timer.env, whitelist->path, MOST_BYTES, &now, &err) < 0) {
        log_error("Error reading whitelist file: %s. Retrying", error_message(&err));
        return;
    }
    if (whitelist->has_read && strcmp(buffer_text(&now), buffer_text(&whitelist->last)) == 0)
        return;
    whitelist->has_read = true;
    buffer_done(&whitelist->last);
    whitelist->last = now;
    now = BUFFER_INIT;
    tell_allocator(whitelist);
}

static void on_timer(struct env_timer *timer) {
    read_file(container_of(timer, struct whitelist, timer));
    env_timer_start(timer, interval_ns);
}

void whitelist_init(struct whitelist *whitelist, const char *path, struct allocator *allocator, struct env *env) {
    *whitelist = (struct whitelist){.allocator = allocator, .last = BUFFER_INIT};
    env_timer_init(&whitelist->timer, env, on_timer);
    if (path == NULL)
        return;
    if (strcmp(path, "*") == 0) {
        log_warning("--whitelist=* is deprecated: without --whitelist all agents are accepted");
        return;
    }
    whitelist->path = strncmp(path, "file://", 7) == 0 ? path + 7 : path;
    read_file(whitelist);
    env_timer_start(&whitelist->timer, interval_ns);
}

void whitelist_done(struct whitelist *whitelist) {
    env_timer_done(&whitelist->timer);
    buffer_done(&whitelist->last);
}
