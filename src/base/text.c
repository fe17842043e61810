/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

bool text_starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix) {
    size_t length = strlen(text), end = strlen(suffix);

    return length >= end && memcmp(text + length - end, suffix, end) == 0;
}

static bool is_continuation(unsigned char c) {
    return (c & 0xC0) == 0x80;
}

size_t utf8_sequence_size(const char *text, size_t size) {
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char first = bytes[0], least = 0x80, most = 0xBF;
    size_t length;

    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size < length)
        return 0;
    /* The second byte tells overlong forms, surrogates and what is beyond U+10FFFF. */
    if (first == 0xE0)
        least = 0xA0;
    else if (first == 0xED)
        most = 0x9F;
    else if (first == 0xF0)
        least = 0x90;
    else if (first == 0xF4)
        most = 0x8F;
    if (bytes[1] < least || bytes[1] > most)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_continuation(bytes[i]))
            return 0;
    return length;
}

bool utf8_is_valid(const char *text, size_t size) {
    size_t i = 0;

    while (i < size) {
        uint64_t word;
        size_t length;

        if (i + 8 <= size) {
            memcpy(&word, text + i, 8);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                i += 8;
                continue;
            }
        }
        length = utf8_sequence_size(text + i, size - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct buffer *buffer, const void *data, size_t size) {
    const unsigned char *in = data;
    size_t length = (size + 2) / 3 * 4, i;
    char *out = buffer_reserve(buffer, length);

    for (i = 0; i + 3 <= size; i += 3) {
        uint32_t bits = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

        *out++ = base64_letters[bits >> 18];
        *out++ = base64_letters[bits >> 12 & 63];
        *out++ = base64_letters[bits >> 6 & 63];
        *out++ = base64_letters[bits & 63];
    }
    if (i < size) {
        uint32_t bits = (uint32_t)in[i] << 16 | (i + 1 < size ? (uint32_t)in[i + 1] << 8 : 0);

        *out++ = base64_letters[bits >> 18];
        *out++ = base64_letters[bits >> 12 & 63];
        *out++ = i + 1 < size ? base64_letters[bits >> 6 & 63] : '=';
        *out++ = '=';
    }
    buffer_added(buffer, length);
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four letters, @letters of which count; -1 if one is not of the alphabet or bits are left over. */
static int decode_group(const char *text, size_t letters, char *out) {
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < letters ? base64_value(text[i]) : 0;

        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
    }
    out[0] = (char)(bits >> 16);
    if (letters > 2)
        out[1] = (char)(bits >> 8);
    if (letters > 3)
        out[2] = (char)bits;
    return (letters == 2 && (bits & 0xFFFF) != 0) || (letters == 3 && (bits & 0xFF) != 0) ? -1 : 0;
}

int base64_decode(const char *text, size_t size, struct buffer *ret, struct error *err) {
    size_t before = ret->size;

    if (size % 4 != 0)
        return error_set(err, EINVAL, "base64 text of %zu characters, which is not a multiple of 4", size);
    for (size_t i = 0; i < size; i += 4) {
        size_t letters = 4;

        if (i + 4 == size && text[i + 3] == '=')
            letters = text[i + 2] == '=' ? 2 : 3;
        if (decode_group(text + i, letters, buffer_reserve(ret, 3)) < 0) {
            ret->size = before;
            return error_set(err, EINVAL, "not base64 at character %zu", i);
        }
        buffer_added(ret, letters - 1);
    }
    return 0;
}

static const char hex_letters[] = "0123456789abcdef";

void hex_append(struct buffer *buffer, const void *data, size_t size) {
    const unsigned char *in = data;
    char *out = buffer_reserve(buffer, size * 2);

    for (size_t i = 0; i < size; i++) {
        *out++ = hex_letters[in[i] >> 4];
        *out++ = hex_letters[in[i] & 15];
    }
    buffer_added(buffer, size * 2);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int percent_decode(const char *text, size_t size, bool plus, struct buffer *ret, struct error *err) {
    size_t before = ret->size;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (c == '+' && plus) {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < size ? hex_value(text[i + 1]) : -1, low = i + 2 < size ? hex_value(text[i + 2]) : -1;

            if (high < 0 || low < 0) {
                ret->size = before;
                return error_set(err, EINVAL, "broken percent escape '%.*s'", (int)(size - i < 3 ? size - i : 3),
                                 text + i);
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0') {
            ret->size = before;
            return error_set(err, EINVAL, "NUL character");
        }
        buffer_append_char(ret, c);
    }
    return 0;
}

void percent_encode(struct buffer *buffer, const char *text) {
    static const char upper[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL)) {
            buffer_append_char(buffer, (char)c);
        } else {
            buffer_append_char(buffer, '%');
            buffer_append_char(buffer, upper[c >> 4]);
            buffer_append_char(buffer, upper[c & 15]);
        }
    }
}

int integer_parse(const char *text, int64_t least, int64_t most, int64_t *ret, struct error *err) {
    const char *digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    long long value;

    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return error_set(err, EINVAL, "'%s' is not a whole number", text);
    errno = 0;
    value = strtoll(text, NULL, 10);
    if (errno == ERANGE || value < least || value > most)
        return error_set(err, ERANGE, "%s is not between %" PRId64 " and %" PRId64, text, least, most);
    *ret = value;
    return 0;
}

int double_parse(const char *text, double *ret, struct error *err) {
    double value;
    char *end;

    /* strtod() also takes white space, hexadecimal, "nan" and "infinity". */
    if (text[strspn(text, "+-.0123456789eE")] != '\0' || *text == '\0')
        return error_set(err, EINVAL, "'%s' is not a number", text);
    value = strtod(text, &end);
    if (end == text || *end != '\0')
        return error_set(err, EINVAL, "'%s' is not a number", text);
    if (!isfinite(value))
        return error_set(err, ERANGE, "%s is out of range", text);
    *ret = value;
    return 0;
}

char **text_split(const char *text, const char *separators) {
    size_t count = 0;
    char **list;

    for (const char *at = text; *at != '\0'; at += strcspn(at, separators)) {
        at += strspn(at, separators);
        if (*at == '\0')
            break;
        count++;
    }
    list = xcalloc(count + 1, sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        text += strspn(text, separators);
        list[i] = xstrndup(text, strcspn(text, separators));
        text += strlen(list[i]);
    }
    return list;
}

size_t text_list_count(char *const *list) {
    size_t count = 0;

    while (list != NULL && list[count] != NULL)
        count++;
    return count;
}

void text_list_free(char **list) {
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

char *path_join(const char *a, const char *b) {
    size_t length = strlen(a);

    while (length > 0 && a[length - 1] == '/')
        length--;
    b += strspn(b, "/");
    if (*b == '\0')
        return length == 0 && *a == '/' ? xstrdup("/") : xstrndup(a, length);
    if (length == 0 && *a != '/')
        return xstrdup(b);
    return xasprintf("%.*s/%s", (int)length, a, b);
}

const char *path_base(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

bool path_is_component(const char *name) {
    size_t length = strlen(name);

    if (length == 0 || length > 255 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] == '/' || (unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return false;
    return true;
}

bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size) {
    const volatile unsigned char *left = a, *right = b;
    unsigned char difference = 0;

    if (a_size != b_size)
        return false;
    for (size_t i = 0; i < a_size; i++)
        difference |= left[i] ^ right[i];
    return difference == 0;
}

/* Where the text of a UUID has its dashes. */
static bool is_dash(size_t position) {
    return position == 8 || position == 13 || position == 18 || position == 23;
}

void uuid_format(const uint8_t uuid[16], char text[37]) {
    size_t byte = 0;

    for (size_t i = 0; i < 36;) {
        if (is_dash(i)) {
            text[i++] = '-';
            continue;
        }
        text[i++] = hex_letters[uuid[byte] >> 4];
        text[i++] = hex_letters[uuid[byte++] & 15];
    }
    text[36] = '\0';
}

int uuid_parse(const char *text, uint8_t ret_uuid[16], struct error *err) {
    uint8_t uuid[16];
    size_t byte = 0;
    bool valid = strlen(text) == 36;

    for (size_t i = 0; valid && i < 36;) {
        int high, low;

        if (is_dash(i)) {
            valid = text[i++] == '-';
            continue;
        }
        high = hex_value(text[i]);
        low = hex_value(text[i + 1]);
        valid = high >= 0 && low >= 0;
        if (!valid)
            break;
        uuid[byte++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    if (!valid)
        return error_set(err, EINVAL, "'%.64s' is not a UUID", text);
    memcpy(ret_uuid, uuid, sizeof(uuid));
    return 0;
}

void http_date_format(int64_t seconds, char text[30]) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t time = (time_t)seconds;
    struct tm parts;
    char wide[64];

    gmtime_r(&time, &parts);
    snprintf(wide, sizeof(wide), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday,
             months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    memcpy(text, wide, 29);
    text[29] = '\0';
}
