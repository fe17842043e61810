/* SPDX-License-Identifier: Apache-2.0 */
/* The promises about time and chance in event/env.h, held by both envs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "event/loop.h"
#include "event/sim.h"

enum { TIMERS = 5 };

struct alarm {
    struct env_timer timer;
    struct fixture *fixture;
    int fired;
    int64_t fired_at;
    void (*on_fire)(struct alarm *alarm);
};

struct fixture {
    struct loop *loop;
    struct sim *sim;
    struct env *env;
    struct alarm alarms[TIMERS];
    struct alarm *order[16]; /* in which they fired */
    int fired, wanted;
};

static bool is_done(void *user) {
    struct fixture *f = user;

    return f->fired >= f->wanted;
}

static void on_fire(struct env_timer *timer) {
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    struct fixture *f = alarm->fixture;

    assert_false(env_timer_is_running(timer));
    alarm->fired++;
    alarm->fired_at = env_now(f->env);
    if (f->fired < (int)ARRAY_SIZE(f->order))
        f->order[f->fired] = alarm;
    f->fired++;
    if (alarm->on_fire != NULL)
        alarm->on_fire(alarm);
    if (f->loop != NULL && is_done(f))
        loop_stop(f->loop);
}

static void run_until_fired(struct fixture *f, int count) {
    f->wanted = count;
    if (f->sim != NULL)
        assert_true(sim_run_until(f->sim, INT64_MAX, is_done, f));
    else
        loop_run(f->loop);
    assert_true(f->fired >= count);
}

static void fixture_init(void **state, struct env *env, struct loop *loop, struct sim *sim) {
    struct fixture *f = new0(struct fixture);

    f->loop = loop;
    f->sim = sim;
    f->env = env;
    for (size_t i = 0; i < TIMERS; i++) {
        f->alarms[i].fixture = f;
        env_timer_init(&f->alarms[i].timer, env, on_fire);
    }
    *state = f;
}

static int setup_loop(void **state) {
    struct loop *loop = loop_new(NULL);

    fixture_init(state, loop_env(loop), loop, NULL);
    return 0;
}

static int setup_sim(void **state) {
    struct sim *sim = sim_new(1);

    fixture_init(state, sim_node_env(sim_node_new(sim, "10.0.0.1")), NULL, sim);
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    for (size_t i = 0; i < TIMERS; i++)
        env_timer_done(&f->alarms[i].timer);
    loop_free(f->loop);
    sim_free(f->sim);
    free(f);
    return 0;
}

static void a_timer_fires_once_and_not_too_early(void **state) {
    struct fixture *f = *state;
    int64_t begun_at = env_now(f->env);

    env_timer_start(&f->alarms[0].timer, 3 * MILLISECOND + 1);
    env_timer_start(&f->alarms[1].timer, 20 * MILLISECOND);
    assert_true(env_timer_is_running(&f->alarms[0].timer));
    run_until_fired(f, 2);
    assert_int_equal(f->alarms[0].fired, 1);
    assert_true(f->alarms[0].fired_at >= begun_at + 3 * MILLISECOND + 1);
    assert_true(f->alarms[1].fired_at >= begun_at + 20 * MILLISECOND);
}

static void timers_fire_by_time_and_equal_ones_in_order(void **state) {
    struct fixture *f = *state;

    env_timer_start(&f->alarms[0].timer, 3 * MILLISECOND);
    env_timer_start(&f->alarms[1].timer, MILLISECOND);
    env_timer_start(&f->alarms[2].timer, 2 * MILLISECOND);
    run_until_fired(f, 3);
    assert_ptr_equal(f->order[0], &f->alarms[1]);
    assert_ptr_equal(f->order[1], &f->alarms[2]);
    assert_ptr_equal(f->order[2], &f->alarms[0]);
}

static void start_two_at_once(struct alarm *alarm) {
    env_timer_start(&alarm->fixture->alarms[2].timer, 0);
    env_timer_start(&alarm->fixture->alarms[1].timer, 0);
}

static void timers_started_in_one_callback_fire_in_that_order(void **state) {
    struct fixture *f = *state;

    f->alarms[0].on_fire = start_two_at_once;
    env_timer_start(&f->alarms[0].timer, 0);
    run_until_fired(f, 3);
    assert_ptr_equal(f->order[1], &f->alarms[2]);
    assert_ptr_equal(f->order[2], &f->alarms[1]);
}

static void a_negative_delay_is_at_once_but_from_the_loop(void **state) {
    struct fixture *f = *state;

    env_timer_start(&f->alarms[0].timer, -SECOND);
    assert_int_equal(f->fired, 0);
    run_until_fired(f, 1);
    assert_int_equal(f->alarms[0].fired, 1);
}

static void a_delay_beyond_all_time_does_not_overflow(void **state) {
    struct fixture *f = *state;

    env_timer_start(&f->alarms[0].timer, INT64_MAX);
    env_timer_start(&f->alarms[1].timer, MILLISECOND);
    run_until_fired(f, 1);
    assert_ptr_equal(f->order[0], &f->alarms[1]);
    assert_true(env_timer_is_running(&f->alarms[0].timer));
}

static void a_stopped_timer_does_not_fire(void **state) {
    struct fixture *f = *state;

    env_timer_start(&f->alarms[0].timer, MILLISECOND);
    env_timer_start(&f->alarms[1].timer, 2 * MILLISECOND);
    env_timer_stop(&f->alarms[0].timer);
    env_timer_stop(&f->alarms[0].timer);
    assert_false(env_timer_is_running(&f->alarms[0].timer));
    run_until_fired(f, 1);
    assert_int_equal(f->alarms[0].fired, 0);
}

static void a_running_timer_is_set_anew(void **state) {
    struct fixture *f = *state;

    env_timer_start(&f->alarms[0].timer, MILLISECOND);
    env_timer_start(&f->alarms[1].timer, 2 * MILLISECOND);
    env_timer_start(&f->alarms[0].timer, 3 * MILLISECOND);
    run_until_fired(f, 2);
    assert_ptr_equal(f->order[0], &f->alarms[1]);
    assert_ptr_equal(f->order[1], &f->alarms[0]);
}

static void stop_others(struct alarm *alarm) {
    for (size_t i = 0; i < TIMERS - 1; i++)
        env_timer_stop(&alarm->fixture->alarms[i].timer);
}

static void a_timer_that_is_due_can_be_stopped_by_another(void **state) {
    struct fixture *f = *state;

    f->alarms[0].on_fire = stop_others;
    for (size_t i = 0; i < TIMERS - 1; i++)
        env_timer_start(&f->alarms[i].timer, 0);
    env_timer_start(&f->alarms[TIMERS - 1].timer, 2 * MILLISECOND);
    run_until_fired(f, 2);
    assert_int_equal(f->fired, 2);
    assert_ptr_equal(f->order[1], &f->alarms[TIMERS - 1]);
}

static void start_again(struct alarm *alarm) {
    env_timer_start(&alarm->timer, 0);
}

static void a_timer_that_starts_itself_with_no_delay_lets_others_run(void **state) {
    struct fixture *f = *state;

    /* On virtual time nothing else would ever be due: there it may only go on for ever. */
    if (f->sim != NULL) {
        f->alarms[0].on_fire = start_again;
        env_timer_start(&f->alarms[0].timer, 0);
        run_until_fired(f, 100);
        assert_int_equal(f->alarms[0].fired_at, 0);
        return;
    }
    f->alarms[0].on_fire = start_again;
    env_timer_start(&f->alarms[0].timer, 0);
    env_timer_start(&f->alarms[1].timer, MILLISECOND);
    while (f->alarms[1].fired == 0)
        run_until_fired(f, f->fired + 1);
    assert_true(f->alarms[0].fired > 1);
}

static void the_clock_stands_still(struct alarm *alarm) {
    int64_t now = env_now(alarm->fixture->env);

    while (env_wall_clock(alarm->fixture->env) % 1000 < 500 && alarm->fixture->loop != NULL)
        ;
    assert_int_equal(env_now(alarm->fixture->env), now);
}

static void the_clock_stands_still_during_one_callback(void **state) {
    struct fixture *f = *state;

    f->alarms[0].on_fire = the_clock_stands_still;
    env_timer_start(&f->alarms[0].timer, MILLISECOND);
    run_until_fired(f, 1);
    assert_true(env_wall_clock(f->env) > INT64_C(1700000000) * SECOND);
}

static void a_zeroed_timer_can_be_done(void **state) {
    struct env_timer timer;

    memset(&timer, 0, sizeof(timer));
    assert_false(env_timer_is_running(&timer));
    env_timer_done(&timer);
    assert_false(env_timer_is_running(&timer));
}

/* Chance */

static void random_bytes_differ(void **state) {
    struct fixture *f = *state;
    char large[2][1000], small[2][13];

    for (size_t i = 0; i < 2; i++) {
        env_random_bytes(f->env, large[i], sizeof(large[i]));
        env_random_bytes(f->env, small[i], sizeof(small[i]));
    }
    assert_memory_not_equal(large[0], large[1], sizeof(large[0]));
    assert_memory_not_equal(small[0], small[1], sizeof(small[0]));
    assert_memory_not_equal(large[0] + 990, large[1] + 990, 10);
}

static void fractions_are_uniform(void **state) {
    struct fixture *f = *state;
    int counts[10] = {0};

    for (int i = 0; i < 10000; i++) {
        double fraction = env_random_fraction(f->env);

        assert_true(fraction >= 0 && fraction < 1);
        counts[(int)(fraction * 10)]++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        assert_in_range(counts[i], 800, 1200); /* six standard deviations */
}

static void uuids_are_of_version_4(void **state) {
    struct fixture *f = *state;
    char text[2][UUID_TEXT_BYTES];
    uint8_t uuid[UUID_BYTES];

    for (size_t i = 0; i < 100; i++) {
        env_random_uuid(f->env, uuid);
        assert_int_equal(uuid[6] >> 4, 4);
        assert_int_equal(uuid[8] >> 6, 2);
    }
    assert_ptr_equal(env_random_uuid_text(f->env, text[0]), text[0]);
    env_random_uuid_text(f->env, text[1]);
    assert_int_equal(strlen(text[0]), UUID_TEXT_BYTES - 1);
    assert_int_equal(text[0][14], '4');
    assert_string_not_equal(text[0], text[1]);
}

#define IN(kind, test) \
    { #test "_in_" #kind, test, setup_##kind, teardown, NULL }
#define IN_BOTH(test) IN(loop, test), IN(sim, test)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_BOTH(a_timer_fires_once_and_not_too_early),
        IN_BOTH(timers_fire_by_time_and_equal_ones_in_order),
        IN_BOTH(timers_started_in_one_callback_fire_in_that_order),
        IN_BOTH(a_negative_delay_is_at_once_but_from_the_loop),
        IN_BOTH(a_delay_beyond_all_time_does_not_overflow),
        IN_BOTH(a_stopped_timer_does_not_fire),
        IN_BOTH(a_running_timer_is_set_anew),
        IN_BOTH(a_timer_that_is_due_can_be_stopped_by_another),
        IN_BOTH(a_timer_that_starts_itself_with_no_delay_lets_others_run),
        IN_BOTH(the_clock_stands_still_during_one_callback),
        cmocka_unit_test(a_zeroed_timer_can_be_done),
        IN_BOTH(random_bytes_differ),
        IN_BOTH(fractions_are_uniform),
        IN_BOTH(uuids_are_of_version_4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
