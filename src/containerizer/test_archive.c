/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/text.h"
#include "containerizer/archive.h"
#include "containerizer/runtime.h"
#include "containerizer/uri.h"

struct fixture {
    char root[64];
    char *destination, *path;
    struct archive *writer;
};

static int set_up(void **state) {
    struct fixture *fixture = new0(struct fixture);
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_archive.XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->destination = path_join(fixture->root, "sandbox");
    fixture->path = path_join(fixture->root, "a.tar.gz");
    assert_int_equal(mkdir(fixture->destination, 0755), 0);
    fixture->writer = archive_write_new();
    archive_write_add_filter_gzip(fixture->writer);
    archive_write_set_format_pax_restricted(fixture->writer);
    assert_int_equal(archive_write_open_filename(fixture->writer, fixture->path), ARCHIVE_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    archive_write_free(fixture->writer);
    assert_int_equal(runtime_remove(fixture->root, NULL), 0);
    free(fixture->destination);
    free(fixture->path);
    free(fixture);
    return 0;
}

static void add(struct fixture *fixture, const char *name, mode_t type, const char *content) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 04755);
    if (type == AE_IFLNK)
        archive_entry_set_symlink(entry, content);
    else if (type == AE_IFREG)
        archive_entry_set_size(entry, strlen(content));
    assert_int_equal(archive_write_header(fixture->writer, entry), ARCHIVE_OK);
    if (type == AE_IFREG)
        assert_int_equal(archive_write_data(fixture->writer, content, strlen(content)), strlen(content));
    archive_entry_free(entry);
}

static void add_hard_link(struct fixture *fixture, const char *name, const char *target) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_hardlink(entry, target);
    assert_int_equal(archive_write_header(fixture->writer, entry), ARCHIVE_OK);
    archive_entry_free(entry);
}

static int extract(struct fixture *fixture, struct error *err) {
    archive_write_close(fixture->writer);
    return archive_extract(fixture->path, fixture->destination, err);
}

static void assert_refused(struct fixture *fixture, const char *why) {
    cleanup_error struct error err = ERROR_INIT;
    assert_int_equal(extract(fixture, &err), -1);
    assert_non_null(strstr(error_message(&err), why));
}

static void assert_content(const char *directory, const char *name, const char *expected) {
    cleanup_free char *path = path_join(directory, name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    char text[256];
    ssize_t size = read(fd, text, sizeof(text) - 1);
    assert_true(size >= 0);
    text[size] = '\0';
    assert_string_equal(text, expected);
}

static bool exists(const char *directory, const char *name) {
    struct stat info;
    cleanup_free char *path = path_join(directory, name);
    return lstat(path, &info) == 0;
}

static void files_directories_and_links_are_extracted(void **state) {
    struct fixture *fixture = *state;
    add(fixture, "./d/", AE_IFDIR, "");
    add(fixture, "./d/run", AE_IFREG, "hello");
    add(fixture, "d/up", AE_IFLNK, "../e/other");
    add(fixture, "e/other", AE_IFREG, "other");
    add_hard_link(fixture, "hard", "e/other");
    assert_int_equal(extract(fixture, NULL), 0);
    assert_content(fixture->destination, "d/run", "hello");
    assert_content(fixture->destination, "d/up", "other");
    assert_content(fixture->destination, "hard", "other");
    struct stat info;
    cleanup_free char *path = path_join(fixture->destination, "d/run");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07111, 0111);
}

static void member_that_goes_up_is_refused(void **state) {
    struct fixture *fixture = *state;
    add(fixture, "d/../../evil", AE_IFREG, "x");
    assert_refused(fixture, "leaves the destination");
    assert_false(exists(fixture->root, "evil"));
}

static void absolute_member_is_refused(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *path = path_join(fixture->root, "evil");
    add(fixture, path, AE_IFREG, "x");
    assert_refused(fixture, "leaves the destination");
    assert_false(exists(fixture->root, "evil"));
}

static void link_that_leads_out_is_refused(void **state) {
    struct fixture *fixture = *state;
    add(fixture, "d/out", AE_IFLNK, "../../x");
    assert_refused(fixture, "leaves the destination");
    assert_false(exists(fixture->destination, "d/out"));
}

static void absolute_link_is_refused(void **state) {
    add(*state, "passwd", AE_IFLNK, "/etc/passwd");
    assert_refused(*state, "leaves the destination");
}

static void link_that_goes_up_from_a_link_is_refused(void **state) {
    struct fixture *fixture = *state;
    add(fixture, "d/here", AE_IFLNK, "..");
    add(fixture, "out", AE_IFLNK, "d/here/../etc");
    assert_refused(fixture, "link 'out'");
}

static void member_behind_a_link_is_refused(void **state) {
    struct fixture *fixture = *state;
    add(fixture, "e/", AE_IFDIR, "");
    add(fixture, "l", AE_IFLNK, "e");
    add(fixture, "l/file", AE_IFREG, "x");
    assert_refused(fixture, "through a link");
    assert_false(exists(fixture->destination, "e/file"));
}

static void member_behind_an_older_link_is_refused(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *link = path_join(fixture->destination, "l");
    assert_int_equal(symlink(fixture->root, link), 0);
    add(fixture, "l/evil", AE_IFREG, "x");
    assert_refused(fixture, "through a link");
    assert_false(exists(fixture->root, "evil"));
}

static void member_replaces_an_older_link(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *link = path_join(fixture->destination, "l");
    cleanup_free char *target = path_join(fixture->root, "evil");
    assert_int_equal(symlink(target, link), 0);
    add(fixture, "l", AE_IFREG, "x");
    assert_int_equal(extract(fixture, NULL), 0);
    assert_content(fixture->destination, "l", "x");
    assert_false(exists(fixture->root, "evil"));
}

static void hard_link_that_leads_out_is_refused(void **state) {
    struct fixture *fixture = *state;
    add_hard_link(fixture, "hard", "../secret");
    assert_refused(fixture, "leaves the destination");
}

static void devices_and_pipes_are_refused(void **state) {
    add(*state, "pipe", AE_IFIFO, "");
    assert_refused(*state, "neither file, directory nor link");
}

static void archive_that_is_cut_short_is_an_error(void **state) {
    struct fixture *fixture = *state;
    char content[4096];
    for (size_t i = 0; i < sizeof(content) - 1; i++)
        content[i] = (char)('a' + (i * i + i / 7) % 26);
    content[sizeof(content) - 1] = '\0';
    add(fixture, "file", AE_IFREG, content);
    archive_write_close(fixture->writer);
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(truncate(fixture->path, info.st_size / 2), 0);
    assert_int_equal(archive_extract(fixture->path, fixture->destination, NULL), -1);
}

static void plain_gzip_becomes_one_file(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *path = path_join(fixture->root, "text.gz");
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzputs(file, "zipped"), 6);
    assert_int_equal(gzclose(file), Z_OK);
    assert_int_equal(archive_extract(path, fixture->destination, NULL), 0);
    assert_content(fixture->destination, "text", "zipped");
    assert_int_equal(truncate(path, 15), 0);
    assert_int_equal(archive_extract(path, fixture->destination, NULL), -1);
}

static void names_tell_archives(void **state) {
    assert_true(archive_is_name("/a/b.tar"));
    assert_true(archive_is_name("b.tgz"));
    assert_true(archive_is_name("b.zip"));
    assert_true(archive_is_name("b.gz"));
    assert_false(archive_is_name("b.tar.txt"));
}

static void base_names_are_those_of_mesos(void **state) {
    char *name;
    assert_int_equal(uri_base_name("http://host/a/b.tgz?x=1", &name, NULL), 0);
    assert_string_equal(name, "b.tgz?x=1");
    free(name);
    assert_int_equal(uri_base_name("/a/b", &name, NULL), 0);
    assert_string_equal(name, "b");
    free(name);
    static const char *const bad[] = {"http://host", "http://host/", "a\\b", "a'b", "", "/", "..", "file:///a/.."};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(uri_base_name(bad[i], &name, NULL), -1);
}

static void output_files_stay_in_the_sandbox(void **state) {
    static const char *const good[] = {"a", "a/b", "./a", "a//b"};
    static const char *const bad[] = {"", "/a", "..", "../a", "a/../../b", "a/..", "a/", "."};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(uri_check_output_file(good[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(uri_check_output_file(bad[i], NULL), -1);
}

static void local_paths_are_found(void **state) {
    char *path;
    assert_int_equal(uri_local_path("file:///a", NULL, &path, NULL), 0);
    assert_string_equal(path, "/a");
    free(path);
    assert_int_equal(uri_local_path("file://localhost/a", NULL, &path, NULL), 0);
    assert_string_equal(path, "/a");
    free(path);
    assert_int_equal(uri_local_path("x/y", "/home", &path, NULL), 0);
    assert_string_equal(path, "/home/x/y");
    free(path);
    assert_int_equal(uri_local_path("x/y", NULL, &path, NULL), -1);
    assert_int_equal(uri_local_path("file://x/y", "/home", &path, NULL), -1);
    assert_int_equal(uri_local_path("hdfs://x/y", NULL, &path, NULL), 1);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_fixture(files_directories_and_links_are_extracted),
        with_fixture(member_that_goes_up_is_refused),
        with_fixture(absolute_member_is_refused),
        with_fixture(link_that_leads_out_is_refused),
        with_fixture(absolute_link_is_refused),
        with_fixture(link_that_goes_up_from_a_link_is_refused),
        with_fixture(member_behind_a_link_is_refused),
        with_fixture(member_behind_an_older_link_is_refused),
        with_fixture(member_replaces_an_older_link),
        with_fixture(hard_link_that_leads_out_is_refused),
        with_fixture(devices_and_pipes_are_refused),
        with_fixture(archive_that_is_cut_short_is_an_error),
        with_fixture(plain_gzip_becomes_one_file),
        cmocka_unit_test(names_tell_archives),
        cmocka_unit_test(base_names_are_those_of_mesos),
        cmocka_unit_test(output_files_stay_in_the_sandbox),
        cmocka_unit_test(local_paths_are_found),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
