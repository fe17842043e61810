/* SPDX-License-Identifier: Apache-2.0 */
#include "election/detector.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

enum { LONGEST_FILE_BYTES = 4096, MASTER_PORT = 5050 };

struct detector {
    struct env *env;
    const struct detector_events *events;
    void *user;
    struct address leader;
    struct env_timer tell;
};

static int parse_master(struct env *env, const char *master, bool in_file, struct address *ret, struct error *err) {
    if (text_starts_with(master, "file://")) {
        cleanup_buffer struct buffer content = BUFFER_INIT;
        const char *path = master + strlen("file://");
        char **words;
        int result;

        if (in_file)
            return error_set(err, EINVAL, "master '%s': a file can not name another file", master);
        if (env_file_read(env, path, LONGEST_FILE_BYTES, &content, err) < 0)
            return error_wrap(err, "master '%s'", master);
        words = text_split(buffer_text(&content), " \t\r\n");
        result = text_list_count(words) == 1
                     ? parse_master(env, words[0], true, ret, err)
                     : error_set(err, EINVAL, "master '%s': expected one 'host:port' in the file", master);
        text_list_free(words);
        return result;
    }
    if (text_starts_with(master, "zk://"))
        return error_set(err, ENOTSUP, "master '%s': ZooKeeper is not supported in this version; expected 'host:port'",
                         master);
    if (address_parse(master, ret, NULL) == 0 && ret->family == ADDRESS_TCP && ret->port != 0)
        return 0;
    /* A host alone means Mesos's own port, as the Mesos drivers have it. */
    if (*master != '\0' && strlen(master) < sizeof(ret->host) && strpbrk(master, ":/ ") == NULL) {
        *ret = address_tcp(master, MASTER_PORT);
        return 0;
    }
    return error_set(err, EINVAL, "master '%s' is not of the form 'host:port' or 'file:///path'", master);
}

static void on_tell(struct env_timer *timer) {
    struct detector *detector = container_of(timer, struct detector, tell);

    detector->events->on_leader(&detector->leader, detector->user);
}

struct detector *detector_new(struct env *env, const char *master, const struct detector_events *events, void *user,
                              struct error *err) {
    struct address leader;
    struct detector *detector;

    if (parse_master(env, master, false, &leader, err) < 0)
        return NULL;
    detector = new0(struct detector);
    *detector = (struct detector){.env = env, .events = events, .user = user, .leader = leader};
    env_timer_init(&detector->tell, env, on_tell);
    return detector;
}

void detector_start(struct detector *detector) {
    env_timer_start(&detector->tell, 0);
}

void detector_free(struct detector *detector) {
    if (detector == NULL)
        return;
    env_timer_done(&detector->tell);
    free(detector);
}
