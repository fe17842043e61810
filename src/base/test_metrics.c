/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metrics.h"

#include <math.h>
#include <string.h>

#include "base/duration.h"

struct fixture {
    struct metrics metrics;
    struct buffer buffer;
};

static int set_up(void **state) {
    struct fixture *fixture = new0(struct fixture);

    metrics_init(&fixture->metrics);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;

    metrics_done(&fixture->metrics);
    buffer_done(&fixture->buffer);
    free(fixture);
    return 0;
}

static const char *as_json(struct fixture *fixture) {
    struct json_writer writer;

    buffer_clear(&fixture->buffer);
    json_init(&writer, &fixture->buffer);
    metrics_write_json(&fixture->metrics, &writer);
    return buffer_text(&fixture->buffer);
}

static const char *as_prometheus(struct fixture *fixture) {
    buffer_clear(&fixture->buffer);
    metrics_append_prometheus(&fixture->metrics, &fixture->buffer);
    return buffer_text(&fixture->buffer);
}

static double read_seven(void *user) {
    return 7 * *(int *)user;
}

static double read_nothing(void *user) {
    return NAN;
}

static void metrics_are_shown_sorted_by_name(void **state) {
    struct fixture *fixture = *state;
    struct metric b, a, c;
    int factor = 2;

    metrics_add(&fixture->metrics, &b, METRIC_COUNTER, "master/%s", "b");
    metrics_add(&fixture->metrics, &c, METRIC_GAUGE, "master/c");
    metrics_add_reader(&fixture->metrics, &a, read_seven, &factor, "master/a");
    metric_increment(&b);
    metric_add(&b, 2);
    c.value = 0.5;
    assert_string_equal(as_json(fixture), "{\"master/a\":14.0,\"master/b\":3.0,\"master/c\":0.5}");
    metrics_remove(&fixture->metrics, &b);
    assert_string_equal(as_json(fixture), "{\"master/a\":14.0,\"master/c\":0.5}");
    metrics_remove(&fixture->metrics, &a);
    metrics_remove(&fixture->metrics, &c);
    metrics_remove(&fixture->metrics, &c);
    assert_string_equal(as_json(fixture), "{}");
}

static void a_value_that_is_not_known_is_left_out(void **state) {
    struct fixture *fixture = *state;
    struct metric unknown, timer;

    metrics_add_reader(&fixture->metrics, &unknown, read_nothing, NULL, "unknown");
    metrics_add(&fixture->metrics, &timer, METRIC_TIMER, "never_ms");
    assert_string_equal(as_json(fixture), "{}");
    assert_string_equal(as_prometheus(fixture), "");
    metrics_remove(&fixture->metrics, &unknown);
    metrics_remove(&fixture->metrics, &timer);
}

static void one_sample_has_no_statistics(void **state) {
    struct fixture *fixture = *state;
    struct metric timer;

    metrics_add(&fixture->metrics, &timer, METRIC_TIMER, "t_ms");
    metric_record(&timer, SECOND, 1500 * MICROSECOND);
    assert_string_equal(as_json(fixture), "{\"t_ms\":1.5}");
    metrics_remove(&fixture->metrics, &timer);
}

static void percentiles_are_interpolated_as_upstream_does(void **state) {
    struct fixture *fixture = *state;
    struct metric timer;

    metrics_add(&fixture->metrics, &timer, METRIC_TIMER, "t_ms");
    for (int i = 100; i >= 0; i--)
        metric_record(&timer, SECOND, i * MILLISECOND);
    assert_string_equal(as_json(fixture),
                        "{\"t_ms\":0.0,\"t_ms/count\":101.0,\"t_ms/max\":100.0,\"t_ms/min\":0.0,\"t_ms/p50\":50.0,"
                        "\"t_ms/p90\":90.0,\"t_ms/p95\":95.0,\"t_ms/p99\":99.0,\"t_ms/p999\":99.9,"
                        "\"t_ms/p9999\":99.99}");
    metrics_remove(&fixture->metrics, &timer);
}

static void samples_older_than_an_hour_are_forgotten(void **state) {
    struct fixture *fixture = *state;
    struct metric timer;

    metrics_add(&fixture->metrics, &timer, METRIC_TIMER, "t_ms");
    metric_record(&timer, 0, 1000 * MILLISECOND);
    metric_record(&timer, 10 * MINUTE, 2 * MILLISECOND);
    metric_record(&timer, HOUR, 3 * MILLISECOND);
    assert_non_null(strstr(as_json(fixture), "\"t_ms/count\":2.0,\"t_ms/max\":3.0,\"t_ms/min\":2.0"));
    metric_record(&timer, 10 * HOUR, 4 * MILLISECOND);
    assert_string_equal(as_json(fixture), "{\"t_ms\":4.0}");
    metrics_remove(&fixture->metrics, &timer);
}

static void a_full_window_is_thinned_out_but_stays_covered(void **state) {
    struct fixture *fixture = *state;
    struct metric timer;
    const char *text;

    metrics_add(&fixture->metrics, &timer, METRIC_TIMER, "t_ms");
    for (int i = 0; i < 5000; i++)
        metric_record(&timer, i * MILLISECOND, i * MILLISECOND);
    text = as_json(fixture);
    assert_non_null(strstr(text, "\"t_ms/count\":1000.0,"));
    assert_non_null(strstr(text, "\"t_ms/max\":4999.0,"));
    assert_non_null(strstr(text, "\"t_ms/min\":0.0,"));
    metrics_remove(&fixture->metrics, &timer);
}

struct owner {
    int factor;
    struct metric events, sevens;
};

static void rows_register_the_metrics_of_a_struct(void **state) {
    static const struct metric_row rows[] = {
        {"events", METRIC_COUNTER, offsetof(struct owner, events), NULL},
        {"sevens", METRIC_GAUGE, offsetof(struct owner, sevens), read_seven},
    };
    struct fixture *fixture = *state;
    struct owner owner = {.factor = 3};

    metrics_add_rows(&fixture->metrics, rows, ARRAY_SIZE(rows), &owner, &owner.factor);
    metric_increment(&owner.events);
    assert_string_equal(as_json(fixture), "{\"events\":1.0,\"sevens\":21.0}");
    metrics_remove_rows(&fixture->metrics, rows, ARRAY_SIZE(rows), &owner);
    assert_string_equal(as_json(fixture), "{}");
}

static void prometheus_text_has_types_and_summaries(void **state) {
    struct fixture *fixture = *state;
    struct metric counter, gauge, timer;

    metrics_add(&fixture->metrics, &counter, METRIC_COUNTER, "master/messages");
    metrics_add(&fixture->metrics, &gauge, METRIC_GAUGE, "master/frameworks/my \"fw\".x/subscribed");
    metrics_add(&fixture->metrics, &timer, METRIC_TIMER, "run_ms");
    metric_record(&timer, 0, MILLISECOND);
    metric_record(&timer, 0, 3 * MILLISECOND);
    assert_string_equal(as_prometheus(fixture),
                        "mesos_master_frameworks_my__fw__x_subscribed{name=\"master/frameworks/my "
                        "\\\"fw\\\".x/subscribed\"} 0.0\n"
                        "# TYPE mesos_master_messages counter\n"
                        "mesos_master_messages 0.0\n"
                        "# TYPE mesos_run_ms gauge\n"
                        "mesos_run_ms 3.0\n"
                        "# TYPE mesos_run_ms_summary summary\n"
                        "mesos_run_ms_summary_count 2.0\n"
                        "mesos_run_ms_summary{quantile=\"1\"} 3.0\n"
                        "mesos_run_ms_summary{quantile=\"0\"} 1.0\n"
                        "mesos_run_ms_summary{quantile=\"0.5\"} 2.0\n"
                        "mesos_run_ms_summary{quantile=\"0.9\"} 2.8\n"
                        "mesos_run_ms_summary{quantile=\"0.95\"} 2.9\n"
                        "mesos_run_ms_summary{quantile=\"0.99\"} 2.98\n"
                        "mesos_run_ms_summary{quantile=\"0.999\"} 2.998\n"
                        "mesos_run_ms_summary{quantile=\"0.9999\"} 2.9998\n");
    metrics_remove(&fixture->metrics, &counter);
    metrics_remove(&fixture->metrics, &gauge);
    metrics_remove(&fixture->metrics, &timer);
}

static void groups_are_shown_among_the_others(void **state) {
    struct values {
        double sent, open;
    };
    static const struct metric_group_row rows[] = {
        {"sent", METRIC_COUNTER, offsetof(struct values, sent)},
        {"open", METRIC_GAUGE, offsetof(struct values, open)},
    };
    struct fixture *fixture = *state;
    struct values first = {.sent = 1}, second = {.open = 2};
    struct metric_group groups[2];
    struct metric between;

    metrics_add_group(&fixture->metrics, &groups[0], xstrdup("peers/c"), rows, ARRAY_SIZE(rows), &second);
    metrics_add_group(&fixture->metrics, &groups[1], xstrdup("peers/a"), rows, ARRAY_SIZE(rows), &first);
    metrics_add(&fixture->metrics, &between, METRIC_GAUGE, "peers/b");
    first.sent = 3;
    assert_string_equal(as_json(fixture),
                        "{\"peers/a/open\":0.0,\"peers/a/sent\":3.0,\"peers/b\":0.0,\"peers/c/open\":2.0,"
                        "\"peers/c/sent\":0.0}");
    metrics_remove_group(&groups[1]);
    metrics_remove(&fixture->metrics, &between);
    assert_string_equal(as_prometheus(fixture), "# TYPE mesos_peers_c_open gauge\nmesos_peers_c_open 2.0\n"
                                                "# TYPE mesos_peers_c_sent counter\nmesos_peers_c_sent 0.0\n");
    metrics_remove_group(&groups[0]);
    assert_string_equal(as_json(fixture), "{}");
}

static void removing_a_zeroed_metric_does_nothing(void **state) {
    struct fixture *fixture = *state;
    struct metric metric = {0};

    metrics_remove(&fixture->metrics, &metric);
    assert_int_equal(fixture->metrics.by_name.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(metrics_are_shown_sorted_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_that_is_not_known_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_sample_has_no_statistics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(percentiles_are_interpolated_as_upstream_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(samples_older_than_an_hour_are_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_window_is_thinned_out_but_stays_covered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_register_the_metrics_of_a_struct, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prometheus_text_has_types_and_summaries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(groups_are_shown_among_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removing_a_zeroed_metric_does_nothing, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
