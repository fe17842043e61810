/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "event/stream.h"

#define UNIX_PREFIX "unix:"

static int copy_host(struct address *address, const char *host, size_t size, const char *text, struct error *err) {
    if (size == 0 || size >= sizeof(address->host))
        return error_set(err, EINVAL, "'%.300s' is not an address: its host is %s", text,
                         size == 0 ? "empty" : "too long");
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)host[i] <= ' ' || host[i] == 0x7f)
            return error_set(err, EINVAL, "'%.300s' is not an address: white space in its host", text);
    memcpy(address->host, host, size);
    address->host[size] = '\0';
    return 0;
}

static int parse_unix(const char *text, struct address *ret, struct error *err) {
    const char *path = text + strlen(UNIX_PREFIX);
    struct address address = {.family = ADDRESS_UNIX};

    if (path[0] == '\0' || strlen(path) >= sizeof(address.host))
        return error_set(err, EINVAL, "'%.300s' is not an address: its path is %s", text,
                         path[0] == '\0' ? "empty" : "too long");
    memcpy(address.host, path, strlen(path) + 1);
    *ret = address;
    return 0;
}

int address_parse(const char *text, struct address *ret, struct error *err) {
    struct address address = {.family = ADDRESS_TCP};
    const char *colon = strrchr(text, ':'), *host = text;
    int64_t port;
    size_t size;

    if (text_starts_with(text, UNIX_PREFIX))
        return parse_unix(text, ret, err);
    if (colon == NULL)
        return error_set(err, EINVAL, "'%.300s' is not an address: expected <host>:<port>", text);
    size = (size_t)(colon - text);
    if (text[0] == '[') {
        if (size < 2 || colon[-1] != ']')
            return error_set(err, EINVAL, "'%.300s' is not an address: expected [<IPv6 address>]:<port>", text);
        host++;
        size -= 2;
    } else if (memchr(text, ':', size) != NULL) {
        return error_set(err, EINVAL, "'%.300s' is not an address: an IPv6 address goes in brackets", text);
    }
    if (copy_host(&address, host, size, text, err) < 0)
        return -1;
    if (integer_parse(colon + 1, 0, UINT16_MAX, &port, NULL) < 0)
        return error_set(err, EINVAL, "'%.300s' is not an address: the port must be a number up to 65535", text);
    address.port = (uint16_t)port;
    *ret = address;
    return 0;
}

struct address address_tcp(const char *host, uint16_t port) {
    struct address address = {.family = ADDRESS_TCP, .port = port};

    /* Cut short, a name that is too long can not be resolved. */
    snprintf(address.host, sizeof(address.host), "%s", host);
    return address;
}

const char *address_format(const struct address *address, char text[ADDRESS_TEXT_BYTES]) {
    const bool is_v6 = strchr(address->host, ':') != NULL;
    char *end = text;

    if (address->family == ADDRESS_UNIX) {
        stpcpy(stpcpy(text, UNIX_PREFIX), address->host);
        return text;
    }
    /* For each message that is sent: printf() takes three times as long. */
    if (is_v6)
        *end++ = '[';
    end = stpcpy(end, address->host);
    if (is_v6)
        *end++ = ']';
    *end++ = ':';
    for (unsigned scale = 10000; scale > 0; scale /= 10) {
        if (address->port >= scale || scale == 1)
            *end++ = (char)('0' + address->port / scale % 10);
    }
    *end = '\0';
    return text;
}

bool address_equal(const struct address *a, const struct address *b) {
    return a->family == b->family && a->port == b->port && strcmp(a->host, b->host) == 0;
}
