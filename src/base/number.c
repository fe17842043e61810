/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static int count_digits(uint64_t value) {
    int count = 1;

    for (;;) {
        if (value < 10)
            return count;
        if (value < 100)
            return count + 1;
        if (value < 1000)
            return count + 2;
        if (value < 10000)
            return count + 3;
        value /= 10000;
        count += 4;
    }
}

char *number_put_unsigned(char *out, uint64_t value) {
    char *end = out + count_digits(value), *at = end;

    while (value >= 100) {
        at -= 2;
        memcpy(at, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(at - 2, pairs + value * 2, 2);
    else
        at[-1] = (char)('0' + value);
    return end;
}

char *number_put_integer(char *out, int64_t value) {
    if (value >= 0)
        return number_put_unsigned(out, (uint64_t)value);
    *out = '-';
    return number_put_unsigned(out + 1, -(uint64_t)value);
}

static char *put_bytes(char *out, const char *bytes, int count) {
    memcpy(out, bytes, (size_t)count);
    return out + count;
}

static char *put_zeros(char *out, int count) {
    memset(out, '0', (size_t)count);
    return out + count;
}

/* Whole numbers, amounts of resources and times in microseconds: @value, which is not negative, as a multiple of 1e-6
 * if it is one. Below 2^32 doubles are closer together than such multiples, so that at most one of them, and no shorter
 * decimal, reads back as @value. Returns NULL if it is none. */
static char *put_millionths(char *out, double value) {
    uint64_t millionths, whole, fraction;
    int places = 6;

    if (value < 0x1p53 && value >= 0x1p32 && value == floor(value))
        return put_bytes(number_put_unsigned(out, (uint64_t)value), ".0", 2);
    if (!(value < 0x1p32))
        return NULL;
    millionths = (uint64_t)(value * 1e6 + 0.5);
    if ((double)millionths / 1e6 != value)
        return NULL;
    whole = millionths / 1000000;
    fraction = millionths % 1000000;
    out = number_put_unsigned(out, whole);
    *out++ = '.';
    if (fraction == 0) {
        *out++ = '0';
        return out;
    }
    while (fraction % 10 == 0) {
        fraction /= 10;
        places--;
    }
    for (int i = places - 1; i >= 0; i--) {
        out[i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    return out + places;
}

/* Times that are no multiples of a microsecond, as sums of doubles make them: between 2^30 and 2^32 doubles are so far
 * apart that seven places after the point always tell them, and @value is none that fewer would tell. */
static char *put_ten_millionths(char *out, double value) {
    double whole = floor(value);
    uint64_t fraction;

    if (!(value >= 0x1p30 && value < 0x1p32))
        return NULL;
    /* Both factors are exact, and so is the product; what is halfway goes to the even digit, as printf has it. */
    fraction = (uint64_t)rint((value - whole) * 1e7);
    if (fraction >= 10000000)
        return NULL;
    out = number_put_unsigned(out, (uint64_t)whole);
    *out++ = '.';
    for (int i = 6; i >= 0; i--) {
        out[i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    return out + 7;
}

/* The shortest digits of @value > 0 without trailing zeros: 0.d1d2d3… * 10^@ret_point. Returns their number. */
static int shortest_digits(double value, char digits[24], int *ret_point) {
    /* Of subnormal numbers fewer digits than 15 may be enough, of all others 15 are always exact. */
    int precision = value < 0x1p-1022 ? 1 : 15, count;
    char text[40];
    char *exponent;

    for (;; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision - 1, value);
        if (precision == 17 || strtod(text, NULL) == value)
            break;
    }
    exponent = strchr(text, 'e');
    *ret_point = (int)strtol(exponent + 1, NULL, 10) + 1;
    count = 0;
    for (const char *at = text; at < exponent; at++)
        if (*at >= '0' && *at <= '9')
            digits[count++] = *at;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

char *number_put_double(char *out, double value) {
    char digits[24], *end;
    int count, point;

    if (signbit(value)) {
        *out++ = '-';
        value = -value;
    }
    end = put_millionths(out, value);
    if (end == NULL)
        end = put_ten_millionths(out, value);
    if (end != NULL)
        return end;
    count = shortest_digits(value, digits, &point);
    if (count <= point && point <= 21) {
        out = put_bytes(out, digits, count);
        out = put_zeros(out, point - count);
        return put_bytes(out, ".0", 2);
    }
    if (point > 0 && point <= 21) {
        out = put_bytes(out, digits, point);
        *out++ = '.';
        return put_bytes(out, digits + point, count - point);
    }
    if (point > -6 && point <= 0) {
        out = put_bytes(out, "0.", 2);
        out = put_zeros(out, -point);
        return put_bytes(out, digits, count);
    }
    *out++ = digits[0];
    if (count > 1) {
        *out++ = '.';
        out = put_bytes(out, digits + 1, count - 1);
    }
    *out++ = 'e';
    return number_put_integer(out, point - 1);
}
