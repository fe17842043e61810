/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/state_future.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

/* A store whose server answers once it is let. */
struct slow_store {
    struct state_store store;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int answers; /* still to be given */
    bool is_interrupted, *is_closed;
};

static struct slow_store *slow_of(struct state_store *store) {
    return container_of(store, struct slow_store, store);
}

static int await_answer(struct slow_store *slow, struct error *err) {
    int result = 0;

    pthread_mutex_lock(&slow->lock);
    while (slow->answers == 0 && !slow->is_interrupted)
        pthread_cond_wait(&slow->changed, &slow->lock);
    if (slow->is_interrupted)
        result = error_set(err, ECANCELED, "interrupted");
    else
        slow->answers--;
    pthread_mutex_unlock(&slow->lock);
    return result;
}

static int slow_fetch(struct state_store *store, const char *name, struct state_variable **ret, struct error *err) {
    uint8_t version[STATE_VERSION_BYTES] = {1};

    if (await_answer(slow_of(store), err) < 0)
        return -1;
    *ret = state_variable_new(name, version, "value", 5);
    return 0;
}

static void slow_interrupt(struct state_store *store) {
    struct slow_store *slow = slow_of(store);

    pthread_mutex_lock(&slow->lock);
    slow->is_interrupted = true;
    pthread_cond_broadcast(&slow->changed);
    pthread_mutex_unlock(&slow->lock);
}

static void slow_close(struct state_store *store) {
    struct slow_store *slow = slow_of(store);

    *slow->is_closed = true;
    pthread_cond_destroy(&slow->changed);
    pthread_mutex_destroy(&slow->lock);
    free(slow);
}

static const struct state_store_ops slow_ops = {.fetch = slow_fetch, .interrupt = slow_interrupt, .close = slow_close};

struct fixture {
    struct slow_store *slow;
    struct state_client *client;
    bool is_closed;
};

static int setup(void **state) {
    struct fixture *f = new0(struct fixture);

    f->slow = new0(struct slow_store);
    f->slow->store.ops = &slow_ops;
    f->slow->is_closed = &f->is_closed;
    pthread_mutex_init(&f->slow->lock, NULL);
    pthread_cond_init(&f->slow->changed, NULL);
    f->client = state_client_new(&f->slow->store);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    state_client_close(f->client);
    free(f);
    return 0;
}

static void answer(struct fixture *f) {
    pthread_mutex_lock(&f->slow->lock);
    f->slow->answers++;
    pthread_cond_broadcast(&f->slow->changed);
    pthread_mutex_unlock(&f->slow->lock);
}

static struct state_future *fetch(struct fixture *f, const char *name) {
    return state_begin(f->client, STATE_FETCH, &(struct state_variable){.name = (char *)name});
}

static void what_is_begun_is_done_in_order(void **state) {
    struct fixture *f = *state;
    struct state_future *first = fetch(f, "first"), *second = fetch(f, "second");

    assert_null(state_future_wait(first, 0));
    assert_null(state_future_wait(first, 1000));
    answer(f);
    assert_string_equal(state_future_wait(first, -1)->variable->name, "first");
    assert_null(state_future_wait(second, 0));
    answer(f);
    assert_string_equal(state_future_wait(second, -1)->variable->name, "second");
    assert_non_null(state_future_wait(second, 0));
    state_future_free(first);
    state_future_free(second);
}

static void what_nobody_waits_for_is_done_all_the_same(void **state) {
    struct fixture *f = *state;
    struct state_future *last;

    state_future_free(fetch(f, "forgotten"));
    last = fetch(f, "last");
    answer(f);
    answer(f);
    assert_string_equal(state_future_wait(last, -1)->variable->name, "last");
    state_future_free(last);
}

static void what_was_given_up_counts_as_done_and_is_not_told(void **state) {
    struct fixture *f = *state;
    struct state_future *given_up = fetch(f, "a"), *done = fetch(f, "b");

    assert_false(state_future_is_done(given_up));
    state_future_discard(given_up);
    assert_true(state_future_is_done(given_up));
    assert_null(state_future_wait(given_up, 0));
    answer(f);
    assert_true(state_future_wait(given_up, -1)->is_discarded);
    answer(f);
    assert_non_null(state_future_wait(done, -1));
    state_future_discard(done);
    assert_false(state_future_wait(done, -1)->is_discarded);
    state_future_free(given_up);
    state_future_free(done);
}

static void what_is_pending_fails_when_the_state_is_closed(void **state) {
    struct fixture *f = *state;
    struct state_future *running = fetch(f, "running"), *waiting = fetch(f, "waiting");

    state_future_free(fetch(f, "forgotten"));
    state_client_close(take_ptr(&f->client));
    assert_true(f->is_closed);
    assert_non_null(state_future_wait(running, 0)->error);
    assert_non_null(state_future_wait(waiting, 0)->error);
    state_future_free(running);
    state_future_free(waiting);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_begun_is_done_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_waits_for_is_done_all_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_given_up_counts_as_done_and_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_pending_fails_when_the_state_is_closed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
