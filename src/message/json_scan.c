/* SPDX-License-Identifier: Apache-2.0 */
#include "message/json_scan.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>

#include "base/text.h"

int json_scan_fail(struct json_scanner *scanner, const char *reason) {
    size_t line = 1, left = (size_t)(scanner->end - scanner->next);

    for (const char *c = scanner->start; c < scanner->next; c++)
        line += *c == '\n';
    if (left == 0)
        return error_set(scanner->err, EBADMSG, "syntax error at line %zu: %s at the end of the text", line, reason);
    if ((unsigned char)*scanner->next < 0x20 || (unsigned char)*scanner->next > 0x7E)
        return error_set(scanner->err, EBADMSG, "syntax error at line %zu: %s at byte 0x%02X", line, reason,
                         (unsigned char)*scanner->next);
    return error_set(scanner->err, EBADMSG, "syntax error at line %zu: %s at '%c'", line, reason, *scanner->next);
}

static inline void skip_space(struct json_scanner *scanner) {
    while (scanner->next < scanner->end &&
           (*scanner->next == ' ' || *scanner->next == '\n' || *scanner->next == '\r' || *scanner->next == '\t'))
        scanner->next++;
}

char json_scan_kind(struct json_scanner *scanner) {
    skip_space(scanner);
    if (scanner->next == scanner->end)
        return '\0';
    switch (*scanner->next) {
    case '{':
    case '[':
    case '"':
    case 't':
    case 'f':
    case 'n':
        return *scanner->next;
    default:
        return *scanner->next == '-' || (*scanner->next >= '0' && *scanner->next <= '9') ? '-' : '\0';
    }
}

bool json_scan_accept(struct json_scanner *scanner, char letter) {
    skip_space(scanner);
    if (scanner->next == scanner->end || *scanner->next != letter)
        return false;
    scanner->next++;
    return true;
}

int json_scan_expect(struct json_scanner *scanner, char letter) {
    char reason[] = "expected ' '";

    if (json_scan_accept(scanner, letter))
        return 0;
    reason[sizeof("expected '") - 1] = letter;
    return json_scan_fail(scanner, reason);
}

int json_scan_enter(struct json_scanner *scanner) {
    if (scanner->depth == scanner->depth_limit)
        return json_scan_fail(scanner, "objects and arrays nest too deep");
    scanner->depth++;
    return 0;
}

void json_scan_leave(struct json_scanner *scanner) {
    scanner->depth--;
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Non-zero if a byte of @word is a control character, a quote, a backslash or beyond ASCII. */
static inline uint64_t special_bytes(uint64_t word) {
    uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');

    return (((word - EACH_BYTE(0x20)) & ~word) | ((quote - EACH_BYTE(1)) & ~quote) |
            ((backslash - EACH_BYTE(1)) & ~backslash) | word) &
           EACH_BYTE(0x80);
}

/* Step over what needs no attention inside a string, valid UTF-8 included. Returns 0 at a quote, a backslash or the
 * end. */
static int skip_plain(struct json_scanner *scanner) {
    for (;;) {
        unsigned char c;
        size_t size;

        while (scanner->end - scanner->next >= 8) {
            uint64_t word;

            memcpy(&word, scanner->next, 8);
            if (special_bytes(word) != 0)
                break;
            scanner->next += 8;
        }
        if (scanner->next == scanner->end)
            return 0;
        c = (unsigned char)*scanner->next;
        if (c == '"' || c == '\\')
            return 0;
        if (c < 0x20)
            return json_scan_fail(scanner, "control character in a string");
        size = c < 0x80 ? 1 : utf8_sequence_size(scanner->next, (size_t)(scanner->end - scanner->next));
        if (size == 0)
            return json_scan_fail(scanner, "invalid UTF-8");
        scanner->next += size;
    }
}

static int scan_hex(struct json_scanner *scanner, uint32_t *ret) {
    uint32_t value = 0;

    for (int i = 0; i < 4; i++, scanner->next++) {
        char c = scanner->next < scanner->end ? *scanner->next : '\0';

        if (c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return json_scan_fail(scanner, "expected four hexadecimal digits");
    }
    *ret = value;
    return 0;
}

static char *put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 63));
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

/* After "\u". */
static int scan_unicode(struct json_scanner *scanner, char **out) {
    uint32_t c, low;

    if (scan_hex(scanner, &c) < 0)
        return -1;
    if (c >= 0xD800 && c < 0xE000) {
        if (c >= 0xDC00 || scanner->end - scanner->next < 2 || scanner->next[0] != '\\' || scanner->next[1] != 'u')
            return json_scan_fail(scanner, "half of a surrogate pair");
        scanner->next += 2;
        if (scan_hex(scanner, &low) < 0)
            return -1;
        if (low < 0xDC00 || low >= 0xE000)
            return json_scan_fail(scanner, "half of a surrogate pair");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    *out = put_utf8(*out, c);
    return 0;
}

/* At a backslash. */
static int scan_escape(struct json_scanner *scanner, char **out) {
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *found;

    scanner->next++;
    if (scanner->next == scanner->end)
        return json_scan_fail(scanner, "string without an end");
    if (*scanner->next == 'u') {
        scanner->next++;
        return scan_unicode(scanner, out);
    }
    found = memchr(letters, *scanner->next, sizeof(letters) - 1);
    if (found == NULL)
        return json_scan_fail(scanner, "unknown escape");
    *(*out)++ = values[found - letters];
    scanner->next++;
    return 0;
}

/* The bytes up to the quote that ends the string at @next, escapes being longer than what they stand for. */
static size_t longest_size(const struct json_scanner *scanner) {
    const char *at = scanner->next;

    while (at < scanner->end && *at != '"')
        at += *at == '\\' && at + 1 < scanner->end ? 2 : 1;
    return (size_t)(at - scanner->next);
}

/* The rest of a string whose first @size bytes, without escapes, are at @plain. */
static int scan_escaped(struct json_scanner *scanner, const char *plain, size_t size, const char **ret,
                        size_t *ret_size) {
    char *copy = arena_alloc(scanner->arena, size + longest_size(scanner) + 1), *out = copy + size;

    memcpy(copy, plain, size);
    while (scanner->next < scanner->end && *scanner->next != '"') {
        if (*scanner->next == '\\') {
            if (scan_escape(scanner, &out) < 0)
                return -1;
            continue;
        }
        plain = scanner->next;
        if (skip_plain(scanner) < 0)
            return -1;
        memcpy(out, plain, (size_t)(scanner->next - plain));
        out += scanner->next - plain;
    }
    if (scanner->next == scanner->end)
        return json_scan_fail(scanner, "string without an end");
    scanner->next++;
    *ret = copy;
    *ret_size = (size_t)(out - copy);
    return 0;
}

int json_scan_string(struct json_scanner *scanner, const char **ret, size_t *ret_size) {
    const char *text;

    skip_space(scanner);
    if (scanner->next == scanner->end || *scanner->next != '"')
        return json_scan_fail(scanner, "expected a string");
    text = ++scanner->next;
    if (skip_plain(scanner) < 0)
        return -1;
    if (scanner->next == scanner->end)
        return json_scan_fail(scanner, "string without an end");
    if (*scanner->next == '\\')
        return scan_escaped(scanner, text, (size_t)(scanner->next - text), ret, ret_size);
    *ret = text;
    *ret_size = (size_t)(scanner->next - text);
    scanner->next++;
    return 0;
}

static bool is_digit(const struct json_scanner *scanner) {
    return scanner->next < scanner->end && *scanner->next >= '0' && *scanner->next <= '9';
}

static int scan_digits(struct json_scanner *scanner) {
    if (!is_digit(scanner))
        return json_scan_fail(scanner, "expected a digit");
    while (is_digit(scanner))
        scanner->next++;
    return 0;
}

int json_scan_number(struct json_scanner *scanner, struct json_number *ret) {
    struct json_number number = {.is_whole = true};
    const char *digits;

    skip_space(scanner);
    number.text = scanner->next;
    if (scanner->next < scanner->end && *scanner->next == '-') {
        number.is_negative = true;
        scanner->next++;
    }
    digits = scanner->next;
    while (is_digit(scanner)) {
        number.is_too_large |= __builtin_mul_overflow(number.magnitude, 10u, &number.magnitude);
        number.is_too_large |= __builtin_add_overflow(number.magnitude, (uint64_t)(*scanner->next - '0'),
                                                      &number.magnitude);
        scanner->next++;
    }
    if (scanner->next == digits)
        return json_scan_fail(scanner, "expected a digit");
    if (*digits == '0' && scanner->next > digits + 1) {
        scanner->next = digits;
        return json_scan_fail(scanner, "number with a leading zero");
    }
    if (scanner->next < scanner->end && *scanner->next == '.') {
        scanner->next++;
        number.is_whole = false;
        if (scan_digits(scanner) < 0)
            return -1;
    }
    if (scanner->next < scanner->end && (*scanner->next == 'e' || *scanner->next == 'E')) {
        scanner->next++;
        number.is_whole = false;
        if (scanner->next < scanner->end && (*scanner->next == '+' || *scanner->next == '-'))
            scanner->next++;
        if (scan_digits(scanner) < 0)
            return -1;
    }
    number.size = (size_t)(scanner->next - number.text);
    *ret = number;
    return 0;
}

int json_scan_literal(struct json_scanner *scanner, const char *literal) {
    size_t size = strlen(literal);

    skip_space(scanner);
    if ((size_t)(scanner->end - scanner->next) < size || memcmp(scanner->next, literal, size) != 0)
        return json_scan_fail(scanner, "unknown word");
    scanner->next += size;
    return 0;
}

static int skip_object(struct json_scanner *scanner) {
    const char *name;
    size_t size;

    scanner->next++;
    if (json_scan_accept(scanner, '}'))
        return 0;
    do {
        if (json_scan_string(scanner, &name, &size) < 0 || json_scan_expect(scanner, ':') < 0 ||
            json_scan_skip(scanner) < 0)
            return -1;
    } while (json_scan_accept(scanner, ','));
    return json_scan_expect(scanner, '}');
}

static int skip_array(struct json_scanner *scanner) {
    scanner->next++;
    if (json_scan_accept(scanner, ']'))
        return 0;
    do {
        if (json_scan_skip(scanner) < 0)
            return -1;
    } while (json_scan_accept(scanner, ','));
    return json_scan_expect(scanner, ']');
}

int json_scan_skip(struct json_scanner *scanner) {
    char kind = json_scan_kind(scanner);
    struct json_number number;
    const char *text;
    size_t size;
    int result;

    switch (kind) {
    case '"':
        return json_scan_string(scanner, &text, &size);
    case '-':
        return json_scan_number(scanner, &number);
    case 't':
        return json_scan_literal(scanner, "true");
    case 'f':
        return json_scan_literal(scanner, "false");
    case 'n':
        return json_scan_literal(scanner, "null");
    case '{':
    case '[':
        if (json_scan_enter(scanner) < 0)
            return -1;
        result = kind == '{' ? skip_object(scanner) : skip_array(scanner);
        json_scan_leave(scanner);
        return result;
    default:
        return json_scan_fail(scanner, "expected a value");
    }
}

int json_scan_end(struct json_scanner *scanner) {
    skip_space(scanner);
    return scanner->next == scanner->end ? 0 : json_scan_fail(scanner, "expected nothing more");
}

/* Numbers of at most 15 digits and a small power of ten are exact, both being doubles. */
static bool convert_exactly(const struct json_number *number, double *ret) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *at = number->text + number->is_negative, *end = number->text + number->size;
    int exponent = 0, written = 0, digits = 0;
    uint64_t mantissa = 0;
    bool is_negative = false, has_point = false;
    double value;

    for (; at < end && (*at == '.' || (*at >= '0' && *at <= '9')); at++) {
        if (*at == '.') {
            has_point = true;
            continue;
        }
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        digits += mantissa != 0;
        exponent -= has_point;
        if (digits > 15)
            return false;
    }
    if (at < end) {
        at++;
        if (*at == '+' || *at == '-')
            is_negative = *at++ == '-';
        for (; at < end; at++) {
            written = written * 10 + (*at - '0');
            if (written > 1000)
                return false;
        }
        exponent += is_negative ? -written : written;
    }
    if (exponent < -22 || exponent > 22)
        return false;
    value = exponent < 0 ? (double)mantissa / powers[-exponent] : (double)mantissa * powers[exponent];
    *ret = number->is_negative ? -value : value;
    return true;
}

static locale_t c_locale;

static void make_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double json_number_to_double(const struct json_number *number) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char on_stack[64], *text = on_stack;
    double value;

    if (convert_exactly(number, &value))
        return value;
    pthread_once(&once, make_locale);
    if (number->size >= sizeof(on_stack))
        text = xmalloc(number->size + 1);
    memcpy(text, number->text, number->size);
    text[number->size] = '\0';
    value = strtod_l(text, NULL, c_locale);
    if (text != on_stack)
        free(text);
    return value;
}
