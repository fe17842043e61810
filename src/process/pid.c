/* SPDX-License-Identifier: Apache-2.0 */
#include "process/process.h"

#include <arpa/inet.h>

static bool is_numeric_host(const char *host) {
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

int pid_parse(const char *text, struct pid *ret, struct error *err) {
    const char *at = strchr(text, '@');
    struct pid pid = {.id = ""};
    size_t size;

    if (at == NULL || at == text)
        return error_set(err, 0, "'%.100s' is not of the form id@ip:port", text);
    size = (size_t)(at - text);
    if (size >= sizeof(pid.id))
        return error_set(err, 0, "the id of '%.100s…' is too long", text);
    memcpy(pid.id, text, size);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)pid.id[i] <= ' ' || pid.id[i] == 0x7f || pid.id[i] == '/')
            return error_set(err, 0, "the id of '%.100s' has characters that are not allowed", text);
    }
    if (strncmp(at + 1, "unix:", 5) == 0 || address_parse(at + 1, &pid.address, NULL) < 0 ||
        !is_numeric_host(pid.address.host) || pid.address.port == 0)
        return error_set(err, 0, "'%.100s' does not end in the numeric ip:port of a process", text);
    *ret = pid;
    return 0;
}

const char *pid_format(const struct pid *pid, char text[PID_BYTES]) {
    char address[ADDRESS_TEXT_BYTES];
    char *end = stpcpy(text, pid->id);
    size_t size;

    /* For each message that is sent. */
    *end++ = '@';
    size = strnlen(address_format(&pid->address, address), (size_t)(text + PID_BYTES - 1 - end));
    memcpy(end, address, size);
    end[size] = '\0';
    return text;
}

bool pid_equal(const struct pid *a, const struct pid *b) {
    return strcmp(a->id, b->id) == 0 && address_equal(&a->address, &b->address);
}
