/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "event/stream.h"

static void addresses_are_parsed_and_formatted(void **state) {
    static const struct {
        const char *text, *host;
        enum address_family family;
        uint16_t port;
    } rows[] = {
        {"127.0.0.1:5050", "127.0.0.1", ADDRESS_TCP, 5050},
        {"master.example.com:0", "master.example.com", ADDRESS_TCP, 0},
        {"[::1]:65535", "::1", ADDRESS_TCP, 65535},
        {"unix:/var/run/agent.sock", "/var/run/agent.sock", ADDRESS_UNIX, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct address address;
        char text[ADDRESS_TEXT_BYTES];

        assert_int_equal(address_parse(rows[i].text, &address, NULL), 0);
        assert_string_equal(address.host, rows[i].host);
        assert_int_equal(address.family, rows[i].family);
        assert_int_equal(address.port, rows[i].port);
        assert_string_equal(address_format(&address, text), rows[i].text);
    }
}

static void what_is_no_address_is_refused_with_a_reason(void **state) {
    static const char *const texts[] = {
        "",      "host",     ":5050",     "host:",   "host:65536", "host:-1", "host:5o50",
        "a b:1", "::1:5050", "[::1:5050", "[]:5050", "unix:",      "host: 1", "[::1]5050",
    };
    char long_host[400];

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct address address = address_tcp("untouched", 1);
        cleanup_error struct error err = ERROR_INIT;

        assert_int_equal(address_parse(texts[i], &address, &err), -1);
        assert_non_null(strstr(err.message, "is not an address"));
        assert_string_equal(address.host, "untouched");
    }
    snprintf(long_host, sizeof(long_host), "%0300d:5050", 0);
    assert_int_equal(address_parse(long_host, &(struct address){0}, NULL), -1);
    snprintf(long_host, sizeof(long_host), "unix:%0300d", 0);
    assert_int_equal(address_parse(long_host, &(struct address){0}, NULL), -1);
}

static void addresses_are_compared_by_all_their_parts(void **state) {
    struct address a = address_tcp("10.0.0.1", 1), b = address_tcp("10.0.0.1", 2), c = address_tcp("10.0.0.2", 1);
    struct address d = {.family = ADDRESS_UNIX, .host = "10.0.0.1", .port = 1};

    assert_true(address_equal(&a, &a));
    assert_false(address_equal(&a, &b));
    assert_false(address_equal(&a, &c));
    assert_false(address_equal(&a, &d));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_parsed_and_formatted),
        cmocka_unit_test(what_is_no_address_is_refused_with_a_reason),
        cmocka_unit_test(addresses_are_compared_by_all_their_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
