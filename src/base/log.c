/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

/* A longer line is cut, so that a peer's text can not fill a disk. */
enum { LINE_BYTES = 16 * 1024 };

/* The driver library logs from threads of its host program, so that the places lines go to are guarded. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic enum log_level level_now = LOG_INFO;
static log_sink *current_sink;
static void *sink_user;
static int file = -1;
static int64_t (*current_clock)(void *user);
static void *clock_user;
static unsigned long lost_lines; /* that standard error did not take */

bool log_is_on(enum log_level level) {
    return level >= atomic_load_explicit(&level_now, memory_order_relaxed);
}

void log_set_level(enum log_level level) {
    atomic_store_explicit(&level_now, level, memory_order_relaxed);
}

enum log_level log_get_level(void) {
    return atomic_load_explicit(&level_now, memory_order_relaxed);
}

void log_set_sink(log_sink *sink, void *user) {
    pthread_mutex_lock(&mutex);
    current_sink = sink;
    sink_user = user;
    pthread_mutex_unlock(&mutex);
}

int log_set_file(const char *path) {
    int opened = -1;

    if (path != NULL) {
        opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (opened < 0)
            return -1;
    }
    pthread_mutex_lock(&mutex);
    if (file >= 0)
        close(file);
    file = opened;
    pthread_mutex_unlock(&mutex);
    return 0;
}

void log_set_clock(int64_t (*clock)(void *user), void *user) {
    pthread_mutex_lock(&mutex);
    current_clock = clock;
    clock_user = user;
    pthread_mutex_unlock(&mutex);
}

/* Returns false if @descriptor is non-blocking and full, or gone: a log that nobody reads must not stop a daemon. */
static bool write_all(int descriptor, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(descriptor, data, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static void write_standard_error(const char *line, size_t size) {
    if (lost_lines > 0) {
        char note[64];
        int length = snprintf(note, sizeof(note), "(%lu lines of the log were lost here)\n", lost_lines);

        if (!write_all(STDERR_FILENO, note, (size_t)length)) {
            lost_lines++;
            return;
        }
        lost_lines = 0;
    }
    if (!write_all(STDERR_FILENO, line, size))
        lost_lines++;
}

static int64_t read_clock(void) {
    struct timespec now;

    if (current_clock != NULL)
        return current_clock(clock_user);
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t format_head(char *line, size_t size, enum log_level level, const char *source, int number) {
    /* The local time is worked out once a second only. */
    static time_t last_seconds = -1;
    static struct tm parts;
    static _Thread_local long thread;
    const char *slash = strrchr(source, '/');
    int64_t now = read_clock();
    time_t seconds = (time_t)(now / 1000000000);
    int length;

    if (thread == 0)
        thread = syscall(SYS_gettid);
    if (seconds != last_seconds) {
        localtime_r(&seconds, &parts);
        last_seconds = seconds;
    }
    length = snprintf(line, size, "%c%02d%02d %02d:%02d:%02d.%06d %5ld %s:%d] ", "IIWE"[level], parts.tm_mon + 1,
                      parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)(now % 1000000000 / 1000), thread,
                      slash == NULL ? source : slash + 1, number);
    return length < 0 ? 0 : (size_t)length < size ? (size_t)length : size - 1;
}

/* What a peer sent may be part of a line; it must not be able to begin one, or to drive a terminal. */
static void blank_controls(char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7F)
            text[i] = ' ';
}

void log_write(enum log_level level, const char *source, int number, const char *format, ...) {
    char line[LINE_BYTES];
    int saved_errno = errno, length;
    size_t head, size;
    va_list arguments;

    pthread_mutex_lock(&mutex);
    head = format_head(line, sizeof(line) - 1, level, source, number);
    va_start(arguments, format);
    errno = saved_errno;
    length = vsnprintf(line + head, sizeof(line) - 1 - head, format, arguments);
    va_end(arguments);
    size = head + (length < 0 ? 0 : (size_t)length);
    if (size > sizeof(line) - 2)
        size = sizeof(line) - 2;
    blank_controls(line + head, size - head);
    line[size++] = '\n';
    if (file >= 0)
        write_all(file, line, size);
    if (current_sink != NULL)
        current_sink(level, line, size, sink_user);
    else
        write_standard_error(line, size);
    pthread_mutex_unlock(&mutex);
    errno = saved_errno;
}
