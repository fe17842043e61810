/* SPDX-License-Identifier: Apache-2.0 */
#include "election/place.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

enum { LONGEST_FILE_BYTES = 4096, MASTER_PORT = 5050, ZOOKEEPER_PORT = 2181 };

void place_done(struct place *place) {
    free(place->servers);
    free(place->path);
    free(place->credentials);
}

/* "host1:port1,host2" with Mesos's usual ports filled in. NULL if there is none. */
static char *complete_servers(const char *text) {
    char **servers = text_split(text, ",");
    struct buffer whole = BUFFER_INIT;

    for (char **server = servers; *server != NULL; server++) {
        buffer_append_string(&whole, whole.size == 0 ? "" : ",");
        buffer_append_string(&whole, *server);
        if (strchr(*server, ':') == NULL)
            buffer_printf(&whole, ":%d", ZOOKEEPER_PORT);
    }
    text_list_free(servers);
    if (whole.size > 0)
        return buffer_take(&whole, NULL);
    buffer_done(&whole);
    return NULL;
}

/* "zk://[user:password@]host1:port1,host2/path" */
static int parse_zookeeper(const char *master, struct place *ret, struct error *err) {
    const char *rest = master + strlen("zk://"), *path = strchr(rest, '/'), *at;
    cleanup_free char *authority = NULL;

    if (path == NULL || path[1] == '\0')
        return error_set(err, EINVAL, "master '%s' names no path in ZooKeeper; expected 'zk://host1:port1,host2/path'",
                         master);
    authority = xasprintf("%.*s", (int)(path - rest), rest);
    at = strrchr(authority, '@');
    ret->servers = complete_servers(at == NULL ? authority : at + 1);
    if (ret->servers == NULL)
        return error_set(err, EINVAL, "master '%s' names no server; expected 'zk://host1:port1,host2/path'", master);
    if (at != NULL)
        ret->credentials = xasprintf("%.*s", (int)(at - authority), authority);
    ret->path = xstrdup(path);
    while (text_ends_with(ret->path, "/"))
        ret->path[strlen(ret->path) - 1] = '\0';
    return 0;
}

static int parse_master(struct env *env, const char *master, bool in_file, struct place *ret, struct error *err) {
    struct address *leader = &ret->leader;

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
        return parse_zookeeper(master, ret, err);
    if (address_parse(master, leader, NULL) == 0 && leader->family == ADDRESS_TCP && leader->port != 0)
        return 0;
    /* A host alone means Mesos's own port, as the Mesos drivers have it. */
    if (*master != '\0' && strlen(master) < sizeof(leader->host) && strpbrk(master, ":/ ") == NULL) {
        *leader = address_tcp(master, MASTER_PORT);
        return 0;
    }
    return error_set(err, EINVAL, "master '%s' is not of the form 'host:port', 'zk://host:port/path' or 'file:///path'",
                     master);
}

int place_parse(struct env *env, const char *text, struct place *ret, struct error *err) {
    *ret = (struct place){0};
    return parse_master(env, text, false, ret, err);
}
