/* SPDX-License-Identifier: Apache-2.0 */
/* The promises about files in event/env.h, held by both envs, and what only a real disk shows. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/text.h"
#include "event/loop.h"
#include "event/sim.h"

enum { OPERATIONS = 100, DEEP = 300 };

struct operation {
    struct env_file_operation base;
    struct fixture *fixture;
    int done, code;
};

struct fixture {
    struct loop *loop;
    struct sim *sim;
    struct sim_node *node;
    struct env *env;
    char directory[32];
    char path[8][64]; /* what at() has returned */
    size_t path_count;
    struct operation operations[OPERATIONS];
    struct operation *order[OPERATIONS];
    int done, wanted;
    struct buffer content;
};

static int setup_loop(void **state) {
    struct fixture *f = new0(struct fixture);

    f->loop = loop_new(NULL);
    f->env = loop_env(f->loop);
    snprintf(f->directory, sizeof(f->directory), "/tmp/test-file-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    *state = f;
    return 0;
}

static int setup_sim(void **state) {
    static const struct sim_faults faults = {.disk_least_ns = MILLISECOND, .disk_most_ns = 20 * MILLISECOND};
    struct fixture *f = new0(struct fixture);

    f->sim = sim_new(3);
    sim_set_faults(f->sim, &faults);
    f->node = sim_node_new(f->sim, "10.0.0.1");
    f->env = sim_node_env(f->node);
    snprintf(f->directory, sizeof(f->directory), "/work");
    assert_int_equal(env_make_directories(f->env, f->directory, NULL), 0);
    *state = f;
    return 0;
}

static bool is_done(void *user) {
    struct fixture *f = user;

    return f->done >= f->wanted;
}

static void on_done(struct env_file_operation *base, const struct error *err) {
    struct operation *operation = container_of(base, struct operation, base);
    struct fixture *f = operation->fixture;

    assert_false(env_file_operation_is_pending(base));
    operation->done++;
    operation->code = err != NULL ? err->code : 0;
    if (f->done < OPERATIONS)
        f->order[f->done] = operation;
    f->done++;
    if (f->loop != NULL && is_done(f))
        loop_stop(f->loop);
}

static void run_until_done(struct fixture *f, int count) {
    f->wanted = count;
    if (f->sim != NULL)
        assert_true(sim_run_until(f->sim, INT64_MAX, is_done, f));
    else if (!is_done(f))
        loop_run(f->loop);
    assert_int_equal(f->done, count);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    struct operation removal = {.fixture = f};

    if (f->loop != NULL) {
        f->done = 0;
        env_remove_tree(&removal.base, f->env, f->directory, on_done);
        run_until_done(f, 1);
        assert_int_equal(removal.code, 0);
        assert_int_equal(access(f->directory, F_OK), -1);
    }
    loop_free(f->loop);
    sim_free(f->sim);
    buffer_done(&f->content);
    free(f);
    return 0;
}

/* The path of @name in the test's directory; valid for a few calls. */
static const char *at(struct fixture *f, const char *name) {
    char *path = f->path[f->path_count++ % ARRAY_SIZE(f->path)];

    snprintf(path, sizeof(f->path[0]), "%s/%s", f->directory, name);
    return path;
}

static const char *content_of(struct fixture *f, const char *name) {
    buffer_clear(&f->content);
    if (env_file_read(f->env, at(f, name), 1 << 20, &f->content, NULL) < 0)
        return NULL;
    return buffer_text(&f->content);
}

static void begin_write(struct fixture *f, size_t i, const char *name, const char *text) {
    f->operations[i].fixture = f;
    env_file_write(&f->operations[i].base, f->env, at(f, name), text, strlen(text), on_done);
    assert_true(env_file_operation_is_pending(&f->operations[i].base));
    assert_int_equal(f->operations[i].done, 0);
}

static void begin_append(struct fixture *f, size_t i, const char *name, const char *text) {
    f->operations[i].fixture = f;
    env_file_append(&f->operations[i].base, f->env, at(f, name), text, strlen(text), on_done);
}

static void begin_remove_tree(struct fixture *f, size_t i, const char *name) {
    f->operations[i].fixture = f;
    env_remove_tree(&f->operations[i].base, f->env, at(f, name), on_done);
}

/* Content */

static void a_file_is_replaced_as_a_whole(void **state) {
    struct fixture *f = *state;

    begin_write(f, 0, "file", "a long first content");
    run_until_done(f, 1);
    assert_string_equal(content_of(f, "file"), "a long first content");
    begin_write(f, 1, "file", "second");
    run_until_done(f, 2);
    assert_string_equal(content_of(f, "file"), "second");
    begin_write(f, 2, "file", "");
    run_until_done(f, 3);
    assert_string_equal(content_of(f, "file"), "");
}

static void records_are_appended_in_order(void **state) {
    struct fixture *f = *state;
    struct buffer expected = BUFFER_INIT;

    for (size_t i = 0; i < OPERATIONS; i++) {
        char record[16];

        snprintf(record, sizeof(record), "%zu,", i);
        begin_append(f, i, "log", record);
        buffer_append_string(&expected, record);
    }
    run_until_done(f, OPERATIONS);
    assert_string_equal(content_of(f, "log"), buffer_text(&expected));
    for (size_t i = 0; i < OPERATIONS; i++)
        assert_ptr_equal(f->order[i], &f->operations[i]);
    buffer_done(&expected);
}

static void what_need_not_be_durable_keeps_its_place(void **state) {
    struct fixture *f = *state;

    for (size_t i = 0; i < 6; i++) {
        const char digit[] = {(char)('0' + i), '\0'};

        f->operations[i].fixture = f;
        (i % 3 == 1 ? env_file_append : env_file_append_unsynced)(&f->operations[i].base, f->env, at(f, "log"), digit,
                                                                  1, on_done);
    }
    run_until_done(f, 6);
    assert_string_equal(content_of(f, "log"), "012345");
}

static void operations_on_one_path_keep_their_order(void **state) {
    struct fixture *f = *state;

    begin_append(f, 0, "file", "lost");
    begin_write(f, 1, "file", "written ");
    begin_append(f, 2, "file", "appended");
    begin_remove_tree(f, 3, "file");
    begin_append(f, 4, "file", "new");
    begin_write(f, 5, "other", "other");
    run_until_done(f, 6);
    assert_string_equal(content_of(f, "file"), "new");
    assert_string_equal(content_of(f, "other"), "other");
}

static void a_write_that_can_not_be_done_says_why(void **state) {
    struct fixture *f = *state;

    begin_write(f, 0, "no/such/directory", "text");
    begin_append(f, 1, "no/such/directory", "text");
    run_until_done(f, 2);
    assert_int_equal(f->operations[0].code, ENOENT);
    assert_int_equal(f->operations[1].code, ENOENT);
}

static void of_many_at_once_only_those_fail_that_can_not_be_done(void **state) {
    struct fixture *f = *state;
    char name[32];

    assert_int_equal(env_make_directories(f->env, at(f, "directory"), NULL), 0);
    for (size_t i = 0; i < OPERATIONS; i++) {
        snprintf(name, sizeof(name), "%s/file-%zu", i % 5 == 3 ? "nowhere" : "directory", i);
        if (i % 2 == 0)
            begin_append(f, i, name, name);
        else
            begin_write(f, i, name, name);
    }
    run_until_done(f, OPERATIONS);
    for (size_t i = 0; i < OPERATIONS; i++) {
        snprintf(name, sizeof(name), "directory/file-%zu", i);
        assert_int_equal(f->operations[i].done, 1);
        assert_int_equal(f->operations[i].code, i % 5 == 3 ? ENOENT : 0);
        if (i % 5 != 3)
            assert_string_equal(content_of(f, name), name);
    }
}

static void a_cancelled_operation_is_not_told_but_done(void **state) {
    struct fixture *f = *state;

    begin_append(f, 0, "file", "one ");
    begin_append(f, 1, "file", "two ");
    begin_append(f, 2, "file", "three");
    env_file_operation_cancel(&f->operations[1].base);
    assert_false(env_file_operation_is_pending(&f->operations[1].base));
    env_file_operation_cancel(&f->operations[1].base);
    run_until_done(f, 2);
    assert_int_equal(f->operations[1].done, 0);
    assert_string_equal(content_of(f, "file"), "one two three");
}

static void another_operation_can_be_begun_from_the_end_of_one(struct env_file_operation *base,
                                                               const struct error *err) {
    struct operation *operation = container_of(base, struct operation, base);
    struct fixture *f = operation->fixture;

    env_file_append(base, f->env, at(f, "file"), "again", 5, on_done);
}

static void an_operation_can_be_used_again_from_its_callback(void **state) {
    struct fixture *f = *state;

    f->operations[0].fixture = f;
    env_file_append(&f->operations[0].base, f->env, at(f, "file"), "once ", 5,
                    another_operation_can_be_begun_from_the_end_of_one);
    run_until_done(f, 1);
    assert_string_equal(content_of(f, "file"), "once again");
}

static void reading_is_limited(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(env_file_write_now(f->env, at(f, "file"), "12345", 5, NULL), 0);
    assert_int_equal(env_file_read(f->env, at(f, "file"), 5, &f->content, NULL), 0);
    assert_int_equal(env_file_read(f->env, at(f, "file"), 4, &f->content, &err), -1);
    assert_int_equal(err.code, EFBIG);
    assert_string_equal(buffer_text(&f->content), "12345");
    assert_int_equal(env_file_read(f->env, at(f, "none"), 5, &f->content, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(env_file_read(f->env, f->directory, 5, &f->content, &err), -1);
    assert_int_equal(err.code, EISDIR);
}

static void writing_now_is_done_on_return(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(env_file_write_now(f->env, at(f, "file"), "now", 3, NULL), 0);
    assert_string_equal(content_of(f, "file"), "now");
    assert_int_equal(env_file_write_now(f->env, at(f, "none/file"), "now", 3, &err), -1);
    assert_int_equal(err.code, ENOENT);
}

/* Directories and links */

static void directories_are_made_with_their_parents(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(env_make_directories(f->env, at(f, "a/b//c/"), NULL), 0);
    assert_int_equal(env_make_directories(f->env, at(f, "a/b/c"), NULL), 0);
    assert_true(env_file_exists(f->env, at(f, "a/b/c")));
    begin_write(f, 0, "a/b/c/file", "text");
    run_until_done(f, 1);
    assert_string_equal(content_of(f, "a/b/c/file"), "text");
    assert_int_equal(env_make_directories(f->env, at(f, "a/b/c/file/d"), &err), -1);
    assert_int_equal(err.code, ENOTDIR);
    assert_int_equal(env_make_directories(f->env, at(f, "a/b/c/file"), &err), -1);
    assert_int_equal(err.code, ENOTDIR);
}

static void names_are_listed_in_order(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;
    char **names;

    assert_int_equal(env_list_directory(f->env, f->directory, &names, NULL), 0);
    assert_null(names[0]);
    env_names_free(names);
    begin_write(f, 0, "b", "");
    begin_write(f, 1, "c", "");
    run_until_done(f, 2);
    assert_int_equal(env_make_directories(f->env, at(f, "a/inner"), NULL), 0);
    assert_int_equal(env_list_directory(f->env, f->directory, &names, NULL), 0);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[1], "b");
    assert_string_equal(names[2], "c");
    assert_null(names[3]); /* nor is there anything temporary left */
    env_names_free(names);
    assert_int_equal(env_list_directory(f->env, at(f, "none"), &names, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(env_list_directory(f->env, at(f, "b"), &names, &err), -1);
    assert_int_equal(err.code, ENOTDIR);
}

static void a_link_is_replaced_and_followed(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;
    char *target;

    assert_int_equal(env_make_directories(f->env, at(f, "first"), NULL), 0);
    assert_int_equal(env_make_directories(f->env, at(f, "second"), NULL), 0);
    assert_int_equal(env_symlink(f->env, "first", at(f, "latest"), NULL), 0);
    assert_int_equal(env_symlink(f->env, at(f, "second"), at(f, "latest"), NULL), 0);
    assert_int_equal(env_read_link(f->env, at(f, "latest"), &target, NULL), 0);
    assert_string_equal(target, at(f, "second"));
    free(target);
    begin_write(f, 0, "latest/file", "text");
    run_until_done(f, 1);
    assert_string_equal(content_of(f, "second/file"), "text");
    assert_int_equal(env_read_link(f->env, at(f, "second"), &target, &err), -1);
    assert_int_equal(err.code, EINVAL);
    assert_int_equal(env_symlink(f->env, "nowhere", at(f, "broken"), NULL), 0);
    assert_false(env_file_exists(f->env, at(f, "broken")));
}

static void links_that_lead_round_are_an_error(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(env_symlink(f->env, "b", at(f, "a"), NULL), 0);
    assert_int_equal(env_symlink(f->env, "a", at(f, "b"), NULL), 0);
    assert_int_equal(env_file_read(f->env, at(f, "a"), 5, &f->content, &err), -1);
    assert_int_equal(err.code, ELOOP);
}

static void what_is_removed_is_gone(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(env_file_write_now(f->env, at(f, "file"), "text", 4, NULL), 0);
    assert_int_equal(env_symlink(f->env, "file", at(f, "link"), NULL), 0);
    assert_int_equal(env_file_remove(f->env, at(f, "link"), NULL), 0);
    assert_true(env_file_exists(f->env, at(f, "file")));
    assert_int_equal(env_file_remove(f->env, at(f, "file"), NULL), 0);
    assert_false(env_file_exists(f->env, at(f, "file")));
    assert_int_equal(env_file_remove(f->env, at(f, "file"), &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_int_equal(env_make_directories(f->env, at(f, "a/b"), NULL), 0);
    assert_int_equal(env_file_remove(f->env, at(f, "a"), &err), -1);
    assert_int_equal(err.code, ENOTEMPTY);
    assert_int_equal(env_file_remove(f->env, at(f, "a/b"), NULL), 0);
    assert_int_equal(env_file_remove(f->env, at(f, "a"), NULL), 0);
}

static void a_file_knows_when_it_was_changed(void **state) {
    struct fixture *f = *state;
    int64_t before = env_wall_clock(f->env) - SECOND; /* the clock of file systems is a coarser one */

    assert_int_equal(env_file_modified(f->env, at(f, "file")), -1);
    assert_int_equal(env_file_write_now(f->env, at(f, "file"), "text", 4, NULL), 0);
    assert_true(env_file_modified(f->env, at(f, "file")) >= before);
    assert_true(env_file_modified(f->env, at(f, "file")) <= env_wall_clock(f->env));
}

static void a_tree_is_removed_without_following_links(void **state) {
    struct fixture *f = *state;

    assert_int_equal(env_make_directories(f->env, at(f, "tree/a/b"), NULL), 0);
    assert_int_equal(env_make_directories(f->env, at(f, "outside"), NULL), 0);
    assert_int_equal(env_file_write_now(f->env, at(f, "tree/a/file"), "text", 4, NULL), 0);
    assert_int_equal(env_file_write_now(f->env, at(f, "outside/file"), "text", 4, NULL), 0);
    assert_int_equal(env_symlink(f->env, at(f, "outside"), at(f, "tree/link"), NULL), 0);
    assert_int_equal(env_symlink(f->env, "..", at(f, "tree/a/up"), NULL), 0);
    begin_remove_tree(f, 0, "tree");
    begin_remove_tree(f, 1, "none");
    run_until_done(f, 2);
    assert_int_equal(f->operations[0].code, 0);
    assert_int_equal(f->operations[1].code, 0); /* what is not there needs no removal */
    assert_false(env_file_exists(f->env, at(f, "tree")));
    assert_string_equal(content_of(f, "outside/file"), "text");
}

/* A real disk */

static void a_replaced_file_is_for_its_owner_only(void **state) {
    struct fixture *f = *state;
    struct stat status;

    begin_write(f, 0, "file", "secret");
    run_until_done(f, 1);
    assert_int_equal(stat(at(f, "file"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_very_deep_tree_is_removed(void **state) {
    struct fixture *f = *state;
    cleanup_close int directory = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (size_t i = 0; i < DEEP; i++) {
        int next;

        assert_int_equal(mkdirat(directory, "deeper", 0700), 0);
        close(openat(directory, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        next = openat(directory, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(directory);
        directory = next;
    }
    begin_remove_tree(f, 0, "deeper");
    run_until_done(f, 1);
    assert_int_equal(f->operations[0].code, 0);
    assert_false(env_file_exists(f->env, at(f, "deeper")));
}

static void what_was_begun_is_done_before_the_loop_is_gone(void **state) {
    struct fixture *f = *state;
    struct loop *loop;

    begin_append(f, 0, "log", "one ");
    begin_append(f, 1, "log", "two");
    env_file_operation_cancel(&f->operations[0].base);
    env_file_operation_cancel(&f->operations[1].base);
    loop_free(f->loop);
    loop = loop_new(NULL);
    f->loop = loop;
    f->env = loop_env(loop);
    assert_string_equal(content_of(f, "log"), "one two");
}

static void a_failed_append_leaves_the_file_as_it_was(void **state) {
    struct fixture *f = *state;

    /* A link to a device that takes nothing stands for a full disk. */
    assert_int_equal(env_symlink(f->env, "/dev/full", at(f, "log"), NULL), 0);
    begin_append(f, 0, "log", "record");
    run_until_done(f, 1);
    assert_int_equal(f->operations[0].code, ENOSPC);
}

/* A simulated disk */

static void a_crash_keeps_loses_or_tears_what_is_under_way(void **state) {
    struct fixture *f = *state;
    int kept = 0, lost = 0, torn = 0;

    for (size_t i = 0; i < 60; i++) {
        const char *content;

        assert_int_equal(env_file_write_now(f->env, at(f, "log"), "old ", 4, NULL), 0);
        begin_append(f, 0, "log", "first");
        begin_append(f, 1, "log", "second");
        sim_node_crash(f->node, false);
        assert_false(env_file_operation_is_pending(&f->operations[0].base));
        env_file_operation_cancel(&f->operations[0].base); /* by the actor's release */
        content = content_of(f, "log");
        assert_non_null(content);
        if (strcmp(content, "old first") == 0)
            kept++;
        else if (strcmp(content, "old ") == 0)
            lost++;
        else if (text_starts_with("old first", content) && strlen(content) > 4)
            torn++;
        else
            fail_msg("the second record was not even begun: '%s'", content);
    }
    assert_true(kept > 0 && lost > 0 && torn > 0);
    assert_int_equal(sim_counts(f->sim)->torn_writes, torn);
    assert_int_equal(sim_counts(f->sim)->lost_writes, lost + 60);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->done, 0);
}

static void a_crash_leaves_the_old_content_or_the_new(void **state) {
    struct fixture *f = *state;
    int old = 0, new = 0;

    for (size_t i = 0; i < 60; i++) {
        const char *content;

        assert_int_equal(env_file_write_now(f->env, at(f, "file"), "old", 3, NULL), 0);
        begin_write(f, 0, "file", "new");
        sim_node_crash(f->node, true);
        content = content_of(f, "file");
        old += strcmp(content, "old") == 0;
        new += strcmp(content, "new") == 0;
    }
    assert_int_equal(old + new, 60);
    assert_true(old > 0 && new > 0);
}

static void a_kill_keeps_what_was_begun(void **state) {
    struct fixture *f = *state;

    for (size_t i = 0; i < 20; i++)
        begin_append(f, i, "log", "x");
    begin_write(f, 20, "file", "text");
    sim_node_kill(f->node);
    assert_string_equal(content_of(f, "log"), "xxxxxxxxxxxxxxxxxxxx");
    assert_string_equal(content_of(f, "file"), "text");
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->done, 0);
}

/* Open below "box" and read from @offset on; what was read, or NULL with the result in @ret_result. */
static const char *read_below(struct fixture *f, const char *path, int64_t offset, struct env_file_status *ret_status,
                              int *ret_result) {
    struct env_open_file *file;

    *ret_result = env_file_open(f->env, at(f, "box"), path, &file, ret_status, NULL);
    if (*ret_result != 0)
        return NULL;
    buffer_clear(&f->content);
    if (!S_ISDIR(ret_status->mode))
        assert_int_equal(env_open_file_read(file, offset, 4, &f->content, NULL), 0);
    env_open_file_close(file);
    return buffer_text(&f->content);
}

static void a_file_is_opened_only_below_its_root(void **state) {
    struct fixture *f = *state;
    struct env_file_status status;
    int result;

    assert_int_equal(env_make_directories(f->env, at(f, "box/inner"), NULL), 0);
    assert_int_equal(env_make_directories(f->env, at(f, "boxed"), NULL), 0);
    begin_write(f, 0, "box/inner/file", "0123456789");
    begin_write(f, 1, "boxed/secret", "secret");
    run_until_done(f, 2);
    assert_int_equal(env_symlink(f->env, "inner/file", at(f, "box/near"), NULL), 0);
    assert_int_equal(env_symlink(f->env, "../boxed/secret", at(f, "box/far"), NULL), 0);
    assert_int_equal(env_symlink(f->env, "nowhere", at(f, "box/broken"), NULL), 0);
    assert_string_equal(read_below(f, "inner/file", 0, &status, &result), "0123");
    assert_true(S_ISREG(status.mode));
    assert_int_equal(status.size, 10);
    assert_true(status.modified_ns > 0 && status.links == 1 && status.user[0] != '\0' && status.group[0] != '\0');
    assert_string_equal(read_below(f, "near", 8, &status, &result), "89");
    assert_string_equal(read_below(f, "/inner/../near", 10, &status, &result), "");
    assert_string_equal(read_below(f, "inner", 0, &status, &result), "");
    assert_true(S_ISDIR(status.mode));
    read_below(f, "", 0, &status, &result);
    assert_int_equal(result, 0);
    read_below(f, "far", 0, &status, &result);
    assert_int_equal(result, ENV_FILE_OUTSIDE);
    read_below(f, "../boxed/secret", 0, &status, &result);
    assert_int_equal(result, ENV_FILE_OUTSIDE);
    read_below(f, "..", 0, &status, &result);
    assert_int_equal(result, ENV_FILE_OUTSIDE);
    read_below(f, "broken", 0, &status, &result);
    assert_int_equal(result, ENV_FILE_ABSENT);
    read_below(f, "inner/file/below", 0, &status, &result);
    assert_int_equal(result, ENV_FILE_ABSENT);
}

static void a_pipe_is_looked_at_and_not_opened(void **state) {
    struct fixture *f = *state;
    struct env_file_status status;
    struct env_open_file *file;

    assert_int_equal(env_make_directories(f->env, at(f, "box"), NULL), 0);
    assert_int_equal(mkfifo(at(f, "box/pipe"), 0600), 0);
    assert_int_equal(env_file_open(f->env, at(f, "box"), "pipe", &file, &status, NULL), 0);
    assert_true(S_ISFIFO(status.mode));
    assert_int_equal(env_open_file_read(file, 0, 1, &f->content, NULL), -1);
    env_open_file_close(file);
}

static void what_is_done_survives_a_crash(void **state) {
    struct fixture *f = *state;

    begin_append(f, 0, "log", "record");
    run_until_done(f, 1);
    sim_node_crash(f->node, false);
    assert_string_equal(content_of(f, "log"), "record");
}

static void a_disk_error_is_told_and_changes_nothing(void **state) {
    struct fixture *f = *state;

    begin_append(f, 0, "log", "one");
    run_until_done(f, 1);
    sim_faults(f->sim)->disk_error = 1;
    begin_append(f, 1, "log", "two");
    begin_write(f, 2, "log", "three");
    run_until_done(f, 3);
    assert_int_equal(f->operations[1].code, EIO);
    assert_int_equal(f->operations[2].code, EIO);
    assert_string_equal(content_of(f, "log"), "one");
}

#define IN(kind, test) \
    { #test "_in_" #kind, test, setup_##kind, teardown, NULL }
#define IN_BOTH(test) IN(loop, test), IN(sim, test)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_BOTH(a_file_is_replaced_as_a_whole),
        IN_BOTH(records_are_appended_in_order),
        IN_BOTH(what_need_not_be_durable_keeps_its_place),
        IN_BOTH(operations_on_one_path_keep_their_order),
        IN_BOTH(a_write_that_can_not_be_done_says_why),
        IN_BOTH(of_many_at_once_only_those_fail_that_can_not_be_done),
        IN_BOTH(a_cancelled_operation_is_not_told_but_done),
        IN_BOTH(an_operation_can_be_used_again_from_its_callback),
        IN_BOTH(reading_is_limited),
        IN_BOTH(writing_now_is_done_on_return),
        IN_BOTH(directories_are_made_with_their_parents),
        IN_BOTH(names_are_listed_in_order),
        IN_BOTH(a_link_is_replaced_and_followed),
        IN_BOTH(links_that_lead_round_are_an_error),
        IN_BOTH(what_is_removed_is_gone),
        IN_BOTH(a_file_knows_when_it_was_changed),
        IN_BOTH(a_tree_is_removed_without_following_links),
        IN_BOTH(a_file_is_opened_only_below_its_root),
        IN(loop, a_pipe_is_looked_at_and_not_opened),
        IN(loop, a_replaced_file_is_for_its_owner_only),
        IN(loop, a_very_deep_tree_is_removed),
        IN(loop, what_was_begun_is_done_before_the_loop_is_gone),
        IN(loop, a_failed_append_leaves_the_file_as_it_was),
        IN(sim, a_crash_keeps_loses_or_tears_what_is_under_way),
        IN(sim, a_crash_leaves_the_old_content_or_the_new),
        IN(sim, a_kill_keeps_what_was_begun),
        IN(sim, what_is_done_survives_a_crash),
        IN(sim, a_disk_error_is_told_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
