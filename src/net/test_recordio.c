/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/recordio.h"

static bool on_record(void *user, const char *record, size_t size) {
    struct buffer *said = user;

    buffer_append_char(said, '[');
    buffer_append(said, record, size);
    buffer_append_char(said, ']');
    return true;
}

static bool on_first_record(void *user, const char *record, size_t size) {
    on_record(user, record, size);
    return false;
}

/* Read @text in pieces of @step bytes. */
static int read_all(struct recordio_reader *reader, const char *text, size_t step, struct buffer *said) {
    size_t size = strlen(text);

    for (size_t at = 0; at < size; at += step) {
        size_t piece = size - at < step ? size - at : step;
        char *copy = xmemdup(text + at, piece);
        int result = recordio_read(reader, copy, piece, on_record, said, NULL);

        free(copy);
        if (result < 0)
            return -1;
    }
    return 0;
}

static void records_come_out_however_they_are_cut(void **state) {
    static const char text[] = "5\nhello0\n1\nx12\n{\"type\":\"x\"}003\nabc0\n";

    for (size_t step = 1; step < sizeof(text); step++) {
        cleanup_buffer struct buffer said = BUFFER_INIT;
        struct recordio_reader reader;

        recordio_reader_init(&reader, 100);
        assert_int_equal(read_all(&reader, text, step, &said), 0);
        assert_string_equal(buffer_text(&said), "[hello][][x][{\"type\":\"x\"}][abc][]");
        assert_true(recordio_is_between_records(&reader));
        recordio_reader_done(&reader);
    }
}

static void frames_are_read_back(void **state) {
    cleanup_buffer struct buffer frames = BUFFER_INIT, said = BUFFER_INIT;
    struct recordio_reader reader;

    recordio_append(&frames, "one", 3);
    recordio_append(&frames, NULL, 0);
    recordio_append(&frames, "two\n", 4);
    assert_string_equal(buffer_text(&frames), "3\none0\n4\ntwo\n");
    recordio_reader_init(&reader, 4);
    assert_int_equal(read_all(&reader, buffer_text(&frames), 3, &said), 0);
    assert_string_equal(buffer_text(&said), "[one][][two\n]");
    recordio_reader_done(&reader);
}

static void bad_lengths_are_errors_for_good(void **state) {
    static const char *const texts[] = {"-1\nx",
                                        "+1\nx",
                                        "\nx",
                                        " 1\nx",
                                        "1 \nx",
                                        "1\r\nx",
                                        "0x1\nx",
                                        "x\n",
                                        "1e3\n",
                                        "{\"a\":1}",
                                        "101\nx",
                                        "00000000000000000000001\nx",
                                        "18446744073709551616\nx",
                                        "99999999999999999999999999999999999\nx"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        for (size_t step = 1; step <= 4; step++) {
            cleanup_buffer struct buffer said = BUFFER_INIT;
            struct recordio_reader reader;

            recordio_reader_init(&reader, 100);
            if (read_all(&reader, texts[i], step, &said) == 0)
                fail_msg("was taken: %s", texts[i]);
            assert_int_equal(said.size, 0);
            assert_int_equal(recordio_read(&reader, "1\nx", 3, on_record, &said, NULL), -1);
            assert_int_equal(said.size, 0);
            recordio_reader_done(&reader);
        }
    }
}

static void a_huge_length_is_refused_before_its_bytes_come(void **state) {
    cleanup_buffer struct buffer said = BUFFER_INIT;
    struct recordio_reader reader;

    recordio_reader_init(&reader, SIZE_MAX);
    assert_int_equal(read_all(&reader, "18446744073709551615\n", 4, &said), -1);
    recordio_reader_done(&reader);
    recordio_reader_init(&reader, 1000);
    assert_int_equal(read_all(&reader, "1001", 1, &said), -1);
    recordio_reader_done(&reader);
}

static void an_unfinished_record_is_seen(void **state) {
    static const char *const texts[] = {"5", "5\n", "5\nhell", "1\nx2"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        cleanup_buffer struct buffer said = BUFFER_INIT;
        struct recordio_reader reader;

        recordio_reader_init(&reader, 100);
        assert_int_equal(read_all(&reader, texts[i], 1, &said), 0);
        assert_false(recordio_is_between_records(&reader));
        recordio_reader_done(&reader);
    }
}

static void what_follows_a_refused_record_is_dropped(void **state) {
    cleanup_buffer struct buffer said = BUFFER_INIT;
    struct recordio_reader reader;

    recordio_reader_init(&reader, 100);
    assert_int_equal(recordio_read(&reader, "1\na1\nb1\nc", 9, on_first_record, &said, NULL), 0);
    assert_string_equal(buffer_text(&said), "[a]");
    recordio_reader_done(&reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_however_they_are_cut),
        cmocka_unit_test(frames_are_read_back),
        cmocka_unit_test(bad_lengths_are_errors_for_good),
        cmocka_unit_test(a_huge_length_is_refused_before_its_bytes_come),
        cmocka_unit_test(an_unfinished_record_is_seen),
        cmocka_unit_test(what_follows_a_refused_record_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
