/* SPDX-License-Identifier: Apache-2.0 */
/* The real world: one libuv loop on one thread, with its env, signals, posts from other threads, blocking work and
 * child processes. Nothing of libuv shows here. */
#pragma once

#include "event/env.h"

struct loop;

/* NULL on failure. */
struct loop *loop_new(struct error *err);
/* Everything opened through the loop must have been closed before; pending closes are carried through. */
void loop_free(struct loop *loop); /* accepts NULL */

struct env *loop_env(struct loop *loop);
/* The loop whose env it is; NULL if that is a simulated one. */
struct loop *loop_of(struct env *env);

/* Run until loop_stop(). */
void loop_run(struct loop *loop);
/* Make loop_run() return once the callbacks of the current turn are through; what they have written is sent. Called
 * before loop_run(), it makes that return at once. From the loop's thread; see loop_post() for others. */
void loop_stop(struct loop *loop);

/* Run @callback(@user) on the loop's thread soon. The only function that any thread may call. Posts are run in order;
 * those that have not been when the loop is freed are dropped. */
void loop_post(struct loop *loop, void (*callback)(void *user), void *user);

/* Run @work(@user) on a pool thread, then @done(@user) on the loop's. */
void loop_work(struct loop *loop, void (*work)(void *user), void (*done)(void *user), void *user);

/* Call @callback when the process gets signal @number. One callback a signal: a later call replaces it, NULL ends it.
 */
int loop_on_signal(struct loop *loop, int number, void (*callback)(int number, void *user), void *user,
                   struct error *err);

/* Child processes. */
struct child_options {
    const char *file;                   /* the program; looked up in PATH if it has no slash */
    char *const *arguments;             /* argv, NULL-terminated */
    char *const *environment;           /* "NAME=value", NULL-terminated; NULL: inherited */
    const char *directory;              /* working directory; NULL: inherited */
    int stdin_fd, stdout_fd, stderr_fd; /* descriptors to give to the child; -1: /dev/null */
    int extra_fd;                       /* becomes descriptor 3; -1: none */
    bool new_session;                   /* setsid() */
};

struct child; /* owned by the loop; gone after on_exit, or when the loop is freed (the process then goes on) */
typedef void child_exit(struct child *child, int wait_status, void *user);

/* Start a program. @on_exit comes exactly once, with a wait(2) status. Signals have their default actions in the child.
 * @ret_child may be NULL. */
int loop_spawn(struct loop *loop, const struct child_options *options, child_exit *on_exit, void *user,
               struct child **ret_child, struct error *err);
int child_pid(const struct child *child);
/* Do not call on_exit; the process goes on and is reaped quietly. */
void child_forget(struct child *child);

/* Tell when @fd (a pidfd, a pipe) is readable, at its end or broken, as long as it is. The descriptor stays the
 * caller's, is made non-blocking and must not be closed before the watch. */
struct watch;
int loop_watch(struct loop *loop, int fd, void (*on_readable)(struct watch *watch, void *user), void *user,
               struct watch **ret_watch, struct error *err);
void watch_close(struct watch *watch); /* accepts NULL */
