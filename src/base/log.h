/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a daemon: one line an event, in the layout that Mesos (glog) writes and its users' tools read:
 *
 *     I1124 18:30:00.123456  4711 agent.c:212] Registered with master 10.0.0.1:5050
 */
#pragma once

#include <stdint.h>

#include "base/memory.h"

enum log_level {
    LOG_DEBUG, /* what Mesos shows with --logging_level=INFO and verbosity (VLOG) 1 and up */
    LOG_INFO,
    LOG_WARNING,
    LOG_ERROR,
};

#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

#define log_at(level, ...) \
    do { \
        if (log_is_on(level)) \
            log_write(level, __FILE__, __LINE__, __VA_ARGS__); \
    } while (0)

bool log_is_on(enum log_level level);
void log_set_level(enum log_level level); /* LOG_INFO at first */
enum log_level log_get_level(void);

/* Where lines go: standard error at first. @sink gets the whole line with its newline; NULL restores standard error.
 * The sink must not log. */
typedef void log_sink(enum log_level level, const char *line, size_t size, void *user);
void log_set_sink(log_sink *sink, void *user);

/* Also append to the file @path (created if need be); NULL ends that. Returns 0 or -1 with errno. */
int log_set_file(const char *path);

/* The clock lines are stamped with, in ns since the epoch; NULL restores the system's. The simulation sets its own. */
void log_set_clock(int64_t (*clock)(void *user), void *user);

void log_write(enum log_level level, const char *source, int number, const char *format, ...) printf_like_(4, 5);
