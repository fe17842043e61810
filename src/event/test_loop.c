/* SPDX-License-Identifier: Apache-2.0 */
/* The real loop: posts from other threads, work on the pool, its end. Streams, timers, files and processes have their
 * own tests. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "event/loop.h"

enum { POSTS = 10000, THREADS = 4 };

struct fixture {
    struct loop *loop;
    struct env *env;
    pthread_t loop_thread;
    int count, wanted;
};

static int setup(void **state) {
    struct fixture *f = new0(struct fixture);

    f->loop = loop_new(NULL);
    assert_non_null(f->loop);
    f->env = loop_env(f->loop);
    f->loop_thread = pthread_self();
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    loop_free(f->loop);
    free(f);
    return 0;
}

static void count_one(struct fixture *f) {
    assert_true(pthread_equal(f->loop_thread, pthread_self()));
    if (++f->count == f->wanted)
        loop_stop(f->loop);
}

/* Posts */

struct poster {
    struct fixture *fixture;
    pthread_t thread;
    int posted, seen;
};

static void on_post(void *user) {
    struct poster *poster = user;

    poster->seen++;
    count_one(poster->fixture);
}

static void *post_many(void *user) {
    struct poster *poster = user;

    for (poster->posted = 0; poster->posted < POSTS; poster->posted++)
        loop_post(poster->fixture->loop, on_post, poster);
    return NULL;
}

static void posts_of_other_threads_are_run_on_the_loops_thread(void **state) {
    struct fixture *f = *state;
    struct poster posters[THREADS] = {{0}};

    f->wanted = THREADS * POSTS;
    for (size_t i = 0; i < THREADS; i++) {
        posters[i].fixture = f;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    loop_run(f->loop);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_int_equal(posters[i].seen, POSTS);
    }
}

struct numbered {
    struct fixture *fixture;
    int number;
};

static void on_numbered(void *user) {
    struct numbered *numbered = user;

    assert_int_equal(numbered->fixture->count, numbered->number);
    count_one(numbered->fixture);
}

static void posts_are_run_in_order(void **state) {
    struct fixture *f = *state;
    struct numbered posts[100];

    f->wanted = ARRAY_SIZE(posts);
    for (size_t i = 0; i < ARRAY_SIZE(posts); i++) {
        posts[i] = (struct numbered){f, (int)i};
        loop_post(f->loop, on_numbered, &posts[i]);
    }
    assert_int_equal(f->count, 0);
    loop_run(f->loop);
    assert_int_equal(f->count, f->wanted);
}

static void post_again(void *user) {
    struct fixture *f = user;

    count_one(f);
    loop_post(f->loop, post_again, f);
}

static void a_post_may_post_and_what_is_left_is_dropped(void **state) {
    struct fixture *f = *state;

    f->wanted = 10;
    loop_post(f->loop, post_again, f);
    loop_run(f->loop);
    assert_int_equal(f->count, 10);
}

/* Work */

struct job {
    struct fixture *fixture;
    bool was_elsewhere;
};

static void work(void *user) {
    struct job *job = user;

    job->was_elsewhere = !pthread_equal(job->fixture->loop_thread, pthread_self());
}

static void on_worked(void *user) {
    struct job *job = user;

    assert_true(job->was_elsewhere);
    count_one(job->fixture);
}

static void work_is_done_on_another_thread_and_comes_back(void **state) {
    struct fixture *f = *state;
    struct job jobs[20];

    f->wanted = ARRAY_SIZE(jobs);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        jobs[i] = (struct job){f, false};
        loop_work(f->loop, work, on_worked, &jobs[i]);
    }
    loop_run(f->loop);
    assert_int_equal(f->count, f->wanted);
}

static void work_under_way_is_carried_through_when_the_loop_is_freed(void **state) {
    struct fixture *f = *state;
    struct job job = {f, false};

    f->wanted = -1;
    loop_work(f->loop, work, on_worked, &job);
    loop_free(f->loop);
    f->loop = NULL;
    assert_int_equal(f->count, 1);
}

/* Running */

static void a_loop_stopped_before_it_runs_returns_at_once(void **state) {
    struct fixture *f = *state;

    loop_stop(f->loop);
    loop_run(f->loop);
    f->wanted = 1; /* and it can run again */
    loop_post(f->loop, post_again, f);
    loop_run(f->loop);
    assert_int_equal(f->count, 1);
}

struct ending {
    struct env_timer timer;
    struct loop *loop;
};

static void on_ending(struct env_timer *timer) {
    loop_stop(container_of(timer, struct ending, timer)->loop);
}

static void an_idle_loop_only_wakes_for_its_timers(void **state) {
    struct fixture *f = *state;
    struct ending end = {.loop = f->loop}, stopped = {.loop = f->loop};
    struct rusage before, after;

    env_timer_init(&end.timer, f->env, on_ending);
    env_timer_init(&stopped.timer, f->env, on_ending);
    env_timer_start(&end.timer, 200 * MILLISECOND);
    env_timer_start(&stopped.timer, HOUR);
    getrusage(RUSAGE_THREAD, &before);
    loop_run(f->loop);
    getrusage(RUSAGE_THREAD, &after);
    env_timer_stop(&stopped.timer);
    /* Each sleep is a voluntary switch of context. */
    assert_in_range(after.ru_nvcsw - before.ru_nvcsw, 0, 3);
}

/* Streams, where the kernel matters */

static void on_stream_error(struct stream *stream, const struct error *err) {
    struct fixture *f = stream->user;

    assert_non_null(err->message);
    count_one(f);
}

static void on_stream_connect(struct stream *stream) {
    count_one(stream->user);
}

static const struct stream_events stream_events = {.on_connect = on_stream_connect, .on_error = on_stream_error};

static void on_accept(struct listener *listener, struct stream *stream, void *user) {
    stream_close(stream);
}

static void names_are_resolved_and_every_address_is_tried(void **state) {
    struct fixture *f = *state;
    struct address address = address_tcp("127.0.0.1", 0);
    struct listener *listener;
    struct stream *stream;

    /* "localhost" may be ::1 first, where nobody listens. */
    assert_int_equal(env_listen(f->env, &address, on_accept, f, &listener, NULL), 0);
    address = address_tcp("localhost", listener_address(listener)->port);
    f->wanted = 1;
    stream = env_connect(f->env, &address, &stream_events, f);
    loop_run(f->loop);
    assert_string_equal(stream->peer.host, "127.0.0.1");
    stream_close(stream);
    listener_close(listener);
}

static void a_name_that_can_not_be_resolved_fails(void **state) {
    struct fixture *f = *state;
    struct address address = address_tcp("name.invalid", 1);
    struct stream *stream;

    f->wanted = 1;
    stream = env_connect(f->env, &address, &stream_events, f);
    stream_write(stream, "x", 1);
    assert_int_equal(f->count, 0);
    loop_run(f->loop);
    assert_int_equal(stream_pending(stream), 0);
    stream_close(stream);
}

static void a_stream_closed_while_its_name_is_resolved_is_released(void **state) {
    struct fixture *f = *state;
    struct address address = address_tcp("name.invalid", 1);

    f->wanted = 1;
    stream_close(env_connect(f->env, &address, &stream_events, f));
    loop_free(f->loop);
    f->loop = NULL;
    assert_int_equal(f->count, 0);
}

static void a_path_too_long_for_a_socket_is_refused(void **state) {
    struct fixture *f = *state;
    struct address address = {.family = ADDRESS_UNIX};
    struct listener *listener = NULL;
    cleanup_error struct error err = ERROR_INIT;
    struct stream *stream;

    for (size_t i = 0; i < 200; i++)
        address.host[i] = i == 0 ? '/' : 'a';
    assert_int_equal(env_listen(f->env, &address, on_accept, f, &listener, &err), -1);
    assert_int_equal(err.code, ENAMETOOLONG);
    f->wanted = 1;
    stream = env_connect(f->env, &address, &stream_events, f);
    loop_run(f->loop);
    stream_close(stream);
}

static void a_socket_left_behind_gives_way(void **state) {
    struct fixture *f = *state;
    struct address address = {.family = ADDRESS_UNIX};
    struct listener *listener = NULL;
    char directory[] = "/tmp/test-loop-XXXXXX";
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr bound = {.sa_family = AF_UNIX};

    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0); /* the path fits into struct sockaddr */
    snprintf(bound.sa_data, sizeof(bound.sa_data), "socket");
    assert_int_equal(bind(fd, &bound, sizeof(bound)), 0);
    close(fd);
    snprintf(address.host, sizeof(address.host), "%s/socket", directory);
    assert_int_equal(env_listen(f->env, &address, on_accept, f, &listener, NULL), 0);
    listener_close(listener);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(directory), 0); /* the listener has removed its socket */
}

static void sigpipe_is_left_as_it_was(void **state) {
    struct fixture *f = *state;
    struct sigaction action;
    sigset_t blocked;

    loop_stop(f->loop);
    loop_run(f->loop);
    sigaction(SIGPIPE, NULL, &action);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGPIPE), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(posts_of_other_threads_are_run_on_the_loops_thread),
        TEST(posts_are_run_in_order),
        TEST(a_post_may_post_and_what_is_left_is_dropped),
        TEST(work_is_done_on_another_thread_and_comes_back),
        TEST(work_under_way_is_carried_through_when_the_loop_is_freed),
        TEST(a_loop_stopped_before_it_runs_returns_at_once),
        TEST(an_idle_loop_only_wakes_for_its_timers),
        TEST(names_are_resolved_and_every_address_is_tried),
        TEST(a_name_that_can_not_be_resolved_fails),
        TEST(a_stream_closed_while_its_name_is_resolved_is_released),
        TEST(a_path_too_long_for_a_socket_is_refused),
        TEST(a_socket_left_behind_gives_way),
        TEST(sigpipe_is_left_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
