/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

const char *http_headers_find(const struct http_headers *headers, const char *name) {
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->items[i].name, name) == 0)
            return headers->items[i].value;
    }
    return NULL;
}

void http_headers_add(struct http_headers *headers, const char *name, const char *value) {
    if (headers->count == headers->capacity) {
        headers->capacity = headers->capacity == 0 ? 16 : headers->capacity * 2;
        headers->items = xrealloc(headers->items, headers->capacity * sizeof(headers->items[0]));
    }
    headers->items[headers->count++] = (struct http_header){name, value};
}

void http_headers_done(struct http_headers *headers) {
    if (headers == NULL)
        return;
    free(headers->items);
    *headers = (struct http_headers){0};
}

static const struct {
    unsigned status;
    const char *text;
} statuses[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Time-out"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Requested range not satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Entity"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Time-out"},
    {505, "HTTP Version not supported"},
};

const char *http_status_text(unsigned status) {
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        if (statuses[i].status == status)
            return statuses[i].text;
    }
    return "Unknown";
}

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/* A part of a header's value without the white space around it. */
struct span {
    const char *text;
    size_t size;
};

static struct span span_trim(const char *text, size_t size) {
    while (size > 0 && is_space(*text)) {
        text++;
        size--;
    }
    while (size > 0 && is_space(text[size - 1]))
        size--;
    return (struct span){text, size};
}

static bool span_is(struct span span, const char *text) {
    return strlen(text) == span.size && strncasecmp(span.text, text, span.size) == 0;
}

/* The part of *@rest up to @separator; *@rest becomes what is after it, NULL at the end. */
static struct span next_part(const char **rest, size_t *rest_size, char separator) {
    const char *text = *rest, *end = memchr(text, separator, *rest_size);
    size_t size = end == NULL ? *rest_size : (size_t)(end - text);

    *rest_size -= size + (end != NULL);
    *rest = end == NULL ? NULL : end + 1;
    return span_trim(text, size);
}

bool http_media_type_is(const char *value, const char *media_type) {
    size_t size;

    if (value == NULL)
        return false;
    size = strlen(value);
    return span_is(next_part(&value, &size, ';'), media_type);
}

/* Whether the parameters of an element allow it: all but a "q" of 0 or one that is no number. As upstream's
 * Request::acceptsMediaType(), a "q" that is given twice does not count. */
static bool quality_allows(const char *parameters, size_t size) {
    struct span quality = {NULL, 0};
    size_t given = 0;

    while (parameters != NULL) {
        struct span parameter = next_part(&parameters, &size, ';');
        const char *equals = memchr(parameter.text, '=', parameter.size);

        if (equals == NULL)
            continue;
        if (span_is(span_trim(parameter.text, (size_t)(equals - parameter.text)), "q")) {
            quality = span_trim(equals + 1, parameter.size - (size_t)(equals + 1 - parameter.text));
            given++;
        }
    }
    if (given == 1) {
        char text[32];
        double number;

        if (quality.size == 0 || quality.size >= sizeof(text))
            return false;
        memcpy(text, quality.text, quality.size);
        text[quality.size] = '\0';
        return double_parse(text, &number, NULL) == 0 && number > 0;
    }
    return true;
}

/* 1 if @list names @wanted and allows it, 0 if it names it with q=0, -1 if it does not name it. */
static int list_allows(const char *list, const char *wanted) {
    size_t size = strlen(list);

    while (list != NULL) {
        struct span element = next_part(&list, &size, ',');
        const char *rest = element.text;
        size_t rest_size = element.size;

        if (element.size > 0 && span_is(next_part(&rest, &rest_size, ';'), wanted))
            return quality_allows(rest, rest_size);
    }
    return -1;
}

bool http_accepts(const char *accept, const char *media_type) {
    char wildcard[128];
    const char *slash = strchr(media_type, '/');
    const char *candidates[] = {media_type, wildcard, "*/*"};

    if (accept == NULL)
        return true;
    if (slash == NULL || (size_t)(slash - media_type) > sizeof(wildcard) - 3)
        return false;
    memcpy(wildcard, media_type, (size_t)(slash - media_type));
    memcpy(wildcard + (slash - media_type), "/*", 3);
    for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
        int allowed = list_allows(accept, candidates[i]);

        if (allowed >= 0)
            return allowed == 1;
    }
    return false;
}

bool http_accepts_encoding(const char *accept_encoding, const char *coding) {
    int allowed;

    if (accept_encoding == NULL)
        return false;
    allowed = list_allows(accept_encoding, coding);
    return (allowed >= 0 ? allowed : list_allows(accept_encoding, "*")) == 1;
}
