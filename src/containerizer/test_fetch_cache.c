/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/fetch_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "event/loop.h"

struct fixture {
    char root[64];
    struct loop *loop;
    struct fetch_cache cache;
};

static void start(struct fixture *fixture, uint64_t limit_bytes) {
    log_set_level(LOG_ERROR + 1);
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_fetch_cache-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->loop = loop_new(NULL);
    fetch_cache_init(&fixture->cache, loop_env(fixture->loop), fixture->root, "/var/lib/agent", limit_bytes);
    assert_true(fetch_cache_open(&fixture->cache));
}

static void stop(struct fixture *fixture) {
    cleanup_free char *command = xasprintf("rm -r %s", fixture->root);
    fetch_cache_done(&fixture->cache);
    loop_free(fixture->loop);
    assert_int_equal(system(command), 0);
}

/* Take @uri and, if that is the caller's to do, download @size bytes. */
static struct fetch_entry *take(struct fixture *fixture, const char *uri, int size) {
    struct fetch_entry *entry = fetch_cache_take(&fixture->cache, NULL, uri, "file");
    if (!entry->is_ready) {
        FILE *file = fopen(entry->path, "w");
        assert_non_null(file);
        assert_int_equal(fprintf(file, "%*s", size, ""), size);
        fclose(file);
    }
    return entry;
}

static void use(struct fixture *fixture, const char *uri, int size) {
    fetch_cache_give_back(&fixture->cache, take(fixture, uri, size), true);
}

static bool is_kept(struct fixture *fixture, const char *uri) {
    cleanup_free char *key = xasprintf(" %s", uri);
    const struct fetch_entry *entry = table_find(&fixture->cache.entries, key);
    return entry != NULL && access(entry->path, F_OK) == 0;
}

static void a_file_is_downloaded_once(void **state) {
    struct fixture fixture;
    start(&fixture, 1000);
    struct fetch_entry *entry = take(&fixture, "a", 10);
    assert_false(entry->is_ready);
    assert_true(fetch_cache_is_busy(&fixture.cache, NULL, "a"));
    assert_false(fetch_cache_is_busy(&fixture.cache, "alice", "a"));
    fetch_cache_give_back(&fixture.cache, entry, true);
    assert_false(fetch_cache_is_busy(&fixture.cache, NULL, "a"));
    assert_int_equal(fixture.cache.used_bytes, 10);
    struct fetch_entry *again = fetch_cache_take(&fixture.cache, NULL, "a", "file");
    assert_ptr_equal(again, entry);
    assert_true(again->is_ready);
    fetch_cache_give_back(&fixture.cache, again, true);
    stop(&fixture);
}

static void users_have_files_of_their_own(void **state) {
    struct fixture fixture;
    start(&fixture, 1000);
    use(&fixture, "a", 10);
    struct fetch_entry *entry = fetch_cache_take(&fixture.cache, "alice", "a", "file");
    cleanup_free char *folder = xasprintf("%s/alice/", fixture.cache.directory);
    assert_false(entry->is_ready);
    assert_true(text_starts_with(entry->path, folder));
    fetch_cache_give_back(&fixture.cache, entry, false);
    stop(&fixture);
}

static void what_was_not_downloaded_is_not_kept(void **state) {
    struct fixture fixture;
    start(&fixture, 1000);
    struct fetch_entry *entry = take(&fixture, "a", 10);
    cleanup_free char *path = xstrdup(entry->path);
    fetch_cache_give_back(&fixture.cache, entry, false);
    assert_false(is_kept(&fixture, "a"));
    assert_int_equal(access(path, F_OK), -1);
    entry = fetch_cache_take(&fixture.cache, NULL, "b", "file");
    fetch_cache_give_back(&fixture.cache, entry, true); /* nothing is there, whatever the fetcher says */
    assert_false(is_kept(&fixture, "b"));
    assert_int_equal(fixture.cache.used_bytes, 0);
    stop(&fixture);
}

static void what_was_used_longest_ago_makes_room(void **state) {
    struct fixture fixture;
    start(&fixture, 100);
    use(&fixture, "a", 40);
    use(&fixture, "b", 40);
    use(&fixture, "a", 40);
    use(&fixture, "c", 40);
    assert_true(is_kept(&fixture, "a"));
    assert_false(is_kept(&fixture, "b"));
    assert_true(is_kept(&fixture, "c"));
    assert_int_equal(fixture.cache.used_bytes, 80);
    use(&fixture, "d", 101);
    assert_int_equal(fixture.cache.used_bytes, 0);
    assert_int_equal(fixture.cache.entries.count, 0);
    stop(&fixture);
}

static void what_is_in_use_stays(void **state) {
    struct fixture fixture;
    start(&fixture, 100);
    use(&fixture, "a", 60);
    struct fetch_entry *entry = take(&fixture, "a", 60);
    use(&fixture, "b", 60);
    assert_true(is_kept(&fixture, "a"));
    assert_false(is_kept(&fixture, "b"));
    fetch_cache_give_back(&fixture.cache, entry, true);
    assert_true(is_kept(&fixture, "a"));
    stop(&fixture);
}

/* Ends the loop once a path is gone. */
struct vigil {
    struct env_timer timer;
    struct loop *loop;
    const char *path;
};

static void on_look(struct env_timer *timer) {
    struct vigil *vigil = container_of(timer, struct vigil, timer);
    if (access(vigil->path, F_OK) < 0)
        loop_stop(vigil->loop);
    else
        env_timer_start(timer, MILLISECOND);
}

static void the_next_agent_removes_what_is_left(void **state) {
    struct fixture fixture;
    start(&fixture, 100);
    use(&fixture, "a", 10);
    cleanup_free char *old = xstrdup(fixture.cache.directory);
    fetch_cache_done(&fixture.cache);
    fetch_cache_init(&fixture.cache, loop_env(fixture.loop), fixture.root, "/var/lib/agent", 100);
    assert_true(fetch_cache_open(&fixture.cache));
    assert_string_not_equal(fixture.cache.directory, old);
    struct vigil vigil = {.loop = fixture.loop, .path = old};
    env_timer_init(&vigil.timer, loop_env(fixture.loop), on_look);
    env_timer_start(&vigil.timer, 0);
    loop_run(fixture.loop);
    env_timer_done(&vigil.timer);
    assert_int_equal(fixture.cache.entries.count, 0);
    stop(&fixture);
}

static void a_folder_of_somebody_else_is_not_used(void **state) {
    struct fixture fixture;
    struct fetch_cache other;
    start(&fixture, 100);
    cleanup_free char *link = xasprintf("%s/link", fixture.root);
    assert_int_equal(symlink(fixture.cache.directory, link), 0);
    fetch_cache_init(&other, loop_env(fixture.loop), link, "/var/lib/agent", 100);
    assert_false(fetch_cache_open(&other));
    fetch_cache_done(&other);
    stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_downloaded_once),
        cmocka_unit_test(users_have_files_of_their_own),
        cmocka_unit_test(what_was_not_downloaded_is_not_kept),
        cmocka_unit_test(what_was_used_longest_ago_makes_room),
        cmocka_unit_test(what_is_in_use_stays),
        cmocka_unit_test(the_next_agent_removes_what_is_left),
        cmocka_unit_test(a_folder_of_somebody_else_is_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
