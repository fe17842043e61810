/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flags.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/duration.h"
#include "base/number.h"
#include "base/text.h"

enum { FILE_LIMIT_BYTES = 16 * 1024 * 1024, HELP_COLUMNS = 100, HELP_INDENT = 34 };

/* Where the value of each flag came from, by index into the table. */
enum origin { FROM_NOWHERE = 0, FROM_DEFAULT, FROM_ENVIRONMENT, FROM_ARGUMENTS };

static void *field(void *flags, const struct flag *flag) {
    return (char *)flags + flag->offset;
}

static const void *const_field(const void *flags, const struct flag *flag) {
    return (const char *)flags + flag->offset;
}

static const struct flag *find_flag(const struct flag_table *table, const char *name) {
    for (size_t i = 0; i < table->count; i++) {
        const struct flag *flag = &table->flags[i];

        if (strcmp(flag->name, name) == 0 || (flag->alias != NULL && strcmp(flag->alias, name) == 0))
            return flag;
    }
    return NULL;
}

static const struct flag_refused *find_refused(const struct flag_table *table, const char *name) {
    for (const struct flag_refused *refused = table->refused; refused != NULL && refused->name != NULL; refused++)
        if (strcmp(refused->name, name) == 0)
            return refused;
    return NULL;
}

/* The number of single-letter changes that turn @a into @b; names are short. */
static size_t edit_distance(const char *a, const char *b) {
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1], b_length = strlen(b);

    if (strlen(a) > LONGEST || b_length > LONGEST)
        return LONGEST;
    for (size_t i = 0; i <= b_length; i++)
        row[i] = i;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t cost = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            cost = row[j] + 1 < cost ? row[j] + 1 : cost;
            row[j] = row[j - 1] + 1 < cost ? row[j - 1] + 1 : cost;
        }
    }
    return row[b_length];
}

static int unknown_flag(const struct flag_table *table, const char *name, struct error *err) {
    const struct flag *closest = NULL;
    size_t least = strlen(name) / 3 + 1;

    for (size_t i = 0; i < table->count; i++) {
        size_t distance = edit_distance(name, table->flags[i].name);

        if (distance <= least) {
            closest = &table->flags[i];
            least = distance - (distance > 0);
        }
    }
    if (closest != NULL)
        return error_set(err, EINVAL, "unknown flag --%s (did you mean --%s?)", name, closest->name);
    return error_set(err, EINVAL, "unknown flag --%s (--help lists them)", name);
}

static int parse_bool(const char *text, bool *ret, struct error *err) {
    bool value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

    if (!value && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return error_set(err, EINVAL, "'%s' is neither true nor false", text);
    *ret = value;
    return 0;
}

static int parse_value(const struct flag *flag, const char *text, void *flags, struct error *err) {
    void *slot = field(flags, flag);

    switch (flag->type) {
    case FLAG_STRING:
        string_replace(slot, text);
        return 0;
    case FLAG_BOOL:
        return parse_bool(text, slot, err);
    case FLAG_INTEGER:
        return integer_parse(text, INT64_MIN, INT64_MAX, slot, err);
    case FLAG_DOUBLE:
        return double_parse(text, slot, err);
    case FLAG_DURATION:
        return duration_parse(text, slot, err);
    case FLAG_BYTES:
        return bytes_parse(text, slot, err);
    }
    return error_set(err, EINVAL, "flag of an unknown type");
}

static int read_file(const char *path, struct buffer *ret, struct error *err) {
    cleanup_close int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return error_errno(err, "reading %s", path);
    for (;;) {
        ssize_t got = read(file, buffer_reserve(ret, 4096), 4096);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, "reading %s", path);
        if (got == 0)
            break;
        buffer_added(ret, (size_t)got);
        if (ret->size > FILE_LIMIT_BYTES)
            return error_set(err, EFBIG, "%s is larger than %d bytes", path, FILE_LIMIT_BYTES);
    }
    if (memchr(ret->data, '\0', ret->size) != NULL)
        return error_set(err, EINVAL, "%s is not a text file", path);
    /* Editors end files with a newline that is not meant to be part of the value. */
    while (ret->size > 0 && (ret->data[ret->size - 1] == '\n' || ret->data[ret->size - 1] == '\r'))
        ret->size--;
    return 0;
}

static int load_value(const struct flag *flag, const char *text, void *flags, struct error *err) {
    cleanup_buffer struct buffer content = BUFFER_INIT;

    /* Of the strings some are paths, which may be written as file:// themselves. */
    if (text_starts_with(text, "file://") && (flag->type != FLAG_STRING || (flag->options & FLAG_FROM_FILE) != 0)) {
        if (read_file(text + strlen("file://"), &content, err) < 0)
            return error_wrap(err, "--%s=%s", flag->name, text);
        text = buffer_text(&content);
    }
    if (parse_value(flag, text, flags, err) < 0)
        return error_wrap(err, "--%s", flag->name);
    return 0;
}

/* --name, --no-name or --name=value; @value is NULL if there is no '='. */
static int load_argument(const struct flag_table *table, const char *name, const char *value, void *flags,
                         enum origin *origins, struct error *err) {
    const struct flag *flag = find_flag(table, name);
    const struct flag_refused *refused = find_refused(table, name);
    bool negated = false;

    if (flag == NULL && refused == NULL && text_starts_with(name, "no-")) {
        flag = find_flag(table, name + 3);
        refused = find_refused(table, name + 3);
        negated = true;
    }
    if (refused != NULL && flag == NULL)
        return error_set(err, ENOTSUP, "--%s is not supported: %s", name, refused->reason);
    if (flag == NULL)
        return unknown_flag(table, negated ? name + 3 : name, err);
    if (origins[flag - table->flags] == FROM_ARGUMENTS)
        return error_set(err, EINVAL, "--%s is given more than once", flag->name);
    if (flag->type == FLAG_BOOL) {
        if (negated && value != NULL && *value != '\0')
            return error_set(err, EINVAL, "--%s takes no value, but got '%s'", name, value);
        if (value == NULL || *value == '\0')
            value = negated ? "false" : "true";
    } else if (negated) {
        return error_set(err, EINVAL, "--%s: --%s is not a boolean flag", name, flag->name);
    } else if (value == NULL) {
        return error_set(err, EINVAL, "--%s needs a value: --%s=VALUE", name, name);
    }
    origins[flag - table->flags] = FROM_ARGUMENTS;
    return load_value(flag, value, flags, err);
}

/* Flag names have no upper case, and upstream takes them in any. */
static char *lower_case(const char *text, size_t size) {
    char *copy = xstrndup(text, size);

    for (char *at = copy; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

/* Store in @ret_rest the index of the first argument that is no flag, or that follows "--". Returns 0, FLAGS_… or -1.
 */
static int load_arguments(const struct flag_table *table, int count, char *const *arguments, void *flags,
                          enum origin *origins, int *ret_rest, struct error *err) {
    int i;

    for (i = 1; i < count; i++) {
        const char *argument = arguments[i], *equals;
        cleanup_free char *name = NULL;

        if (strcmp(argument, "--") == 0) {
            i++;
            break;
        }
        if (strcmp(argument, "-h") == 0)
            return FLAGS_HELP_WANTED;
        if (!text_starts_with(argument, "--"))
            break;
        equals = strchr(argument, '=');
        name = lower_case(argument + 2, equals == NULL ? strlen(argument) - 2 : (size_t)(equals - argument) - 2);
        if (find_flag(table, name) == NULL && (equals == NULL || strcmp(equals, "=true") == 0)) {
            if (strcmp(name, "help") == 0)
                return FLAGS_HELP_WANTED;
            if (strcmp(name, "version") == 0)
                return FLAGS_VERSION_WANTED;
        }
        if (load_argument(table, name, equals == NULL ? NULL : equals + 1, flags, origins, err) < 0)
            return -1;
    }
    *ret_rest = i;
    return 0;
}

static char *environment_name(const struct flag_table *table, const char *name) {
    char *variable = xasprintf("%s%s", table->environment_prefix, name);

    for (char *at = variable + strlen(table->environment_prefix); *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
    return variable;
}

static const char *environment_value(const struct flag_table *table, const char *name) {
    cleanup_free char *variable = environment_name(table, name);

    return getenv(variable);
}

/* Variables that name no flag are not ours: executors and frameworks have MESOS_ variables of their own. */
static int load_environment(const struct flag_table *table, void *flags, enum origin *origins, struct error *err) {
    if (table->environment_prefix == NULL)
        return 0;
    for (const struct flag_refused *refused = table->refused; refused != NULL && refused->name != NULL; refused++) {
        cleanup_free char *variable = environment_name(table, refused->name);

        if (getenv(variable) != NULL)
            return error_set(err, ENOTSUP, "%s in the environment: --%s is not supported: %s", variable, refused->name,
                             refused->reason);
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct flag *flag = &table->flags[i];
        const char *value = environment_value(table, flag->name);

        if (value == NULL && flag->alias != NULL)
            value = environment_value(table, flag->alias);
        if (value == NULL || origins[i] == FROM_ARGUMENTS)
            continue;
        if (flag->type == FLAG_BOOL && *value == '\0')
            value = "true";
        origins[i] = FROM_ENVIRONMENT;
        if (load_value(flag, value, flags, err) < 0)
            return error_wrap(err, "environment");
    }
    return 0;
}

static int check_values(const struct flag_table *table, const void *flags, const enum origin *origins,
                        struct error *err) {
    for (size_t i = 0; i < table->count; i++)
        if ((table->flags[i].options & FLAG_REQUIRED) != 0 && origins[i] == FROM_NOWHERE)
            return error_set(err, EINVAL, "--%s is required", table->flags[i].name);
    for (size_t i = 0; i < table->count; i++)
        if (table->flags[i].check != NULL && origins[i] != FROM_NOWHERE && table->flags[i].check(flags, err) < 0)
            return error_wrap(err, "--%s", table->flags[i].name);
    return 0;
}

static int load_defaults(const struct flag_table *table, void *flags, enum origin *origins, struct error *err) {
    for (size_t i = 0; i < table->count; i++) {
        if (table->flags[i].default_value == NULL)
            continue;
        origins[i] = FROM_DEFAULT;
        if (parse_value(&table->flags[i], table->flags[i].default_value, flags, err) < 0)
            return error_wrap(err, "default of --%s", table->flags[i].name);
    }
    return 0;
}

int flags_parse(const struct flag_table *table, int count, char *const *arguments, void *flags, char *const **ret_rest,
                struct error *err) {
    cleanup_free enum origin *origins = xcalloc(table->count, sizeof(*origins));
    int rest = count, result;

    if (load_defaults(table, flags, origins, err) < 0)
        return -1;
    result = load_arguments(table, count, arguments, flags, origins, &rest, err);
    if (result != 0)
        return result;
    if (rest < count && ret_rest == NULL)
        return error_set(err, EINVAL, "unexpected argument '%s'", arguments[rest]);
    if (load_environment(table, flags, origins, err) < 0 || check_values(table, flags, origins, err) < 0)
        return -1;
    if (ret_rest != NULL)
        *ret_rest = arguments + rest;
    return 0;
}

void flags_done(const struct flag_table *table, void *flags) {
    for (size_t i = 0; i < table->count; i++)
        if (table->flags[i].type == FLAG_STRING)
            string_replace(field(flags, &table->flags[i]), NULL);
}

/* Append @text, whose lines begin at column @indent, breaking it at spaces; the first line is at @column already. */
static void append_wrapped(struct buffer *buffer, const char *text, size_t indent, size_t column) {
    while (*text != '\0') {
        size_t length = strcspn(text, " \n");

        if (column > indent && column + 1 + length > HELP_COLUMNS) {
            buffer_printf(buffer, "\n%*s", (int)indent, "");
            column = indent;
        }
        if (column > indent && length > 0) {
            buffer_append_char(buffer, ' ');
            column++;
        }
        buffer_append(buffer, text, length);
        column += length;
        text += length;
        if (*text == '\n' && text[1] != '\0') {
            buffer_printf(buffer, "\n%*s", (int)indent, "");
            column = indent;
        }
        if (*text != '\0')
            text++;
    }
    buffer_append_char(buffer, '\n');
}

/* Rows that every program has without asking; upstream lists them with the others. */
static const struct flag common_flags[] = {
    {.name = "help", .type = FLAG_BOOL, .help = "Print this text and exit."},
    {.name = "version", .type = FLAG_BOOL, .help = "Print the version and exit."},
};

static bool is_common(const struct flag *flag) {
    return flag >= common_flags && flag < common_flags + ARRAY_SIZE(common_flags);
}

static void append_flag_help(const struct flag *flag, struct buffer *buffer) {
    bool has_value = flag->type != FLAG_BOOL, negatable = !has_value && !is_common(flag);
    size_t before = buffer->size, width;
    cleanup_buffer struct buffer text = BUFFER_INIT;

    buffer_printf(buffer, "  --%s%s%s", negatable ? "[no-]" : "", flag->name, has_value ? "=VALUE" : "");
    if (flag->alias != NULL)
        buffer_printf(buffer, ", --%s%s%s", negatable ? "[no-]" : "", flag->alias, has_value ? "=VALUE" : "");
    width = buffer->size - before;
    if (width + 2 > HELP_INDENT)
        buffer_printf(buffer, "\n%*s", HELP_INDENT, "");
    else
        buffer_printf(buffer, "%*s", (int)(HELP_INDENT - width), "");
    buffer_append_string(&text, flag->help);
    if ((flag->options & FLAG_REQUIRED) != 0)
        buffer_append_string(&text, " (required)");
    if (flag->default_value != NULL && *flag->default_value != '\0')
        buffer_printf(&text, " (default: %s)", flag->default_value);
    append_wrapped(buffer, buffer_text(&text), HELP_INDENT, HELP_INDENT);
}

static int compare_flags(const void *a, const void *b) {
    return strcmp((*(const struct flag *const *)a)->name, (*(const struct flag *const *)b)->name);
}

/* All flags by name, the common ones among them; the caller frees. */
static const struct flag **sorted_flags(const struct flag_table *table, size_t *ret_count) {
    const struct flag **sorted = xcalloc(table->count + ARRAY_SIZE(common_flags), sizeof(*sorted));
    size_t count = 0;

    for (size_t i = 0; i < table->count; i++)
        sorted[count++] = &table->flags[i];
    for (size_t i = 0; i < ARRAY_SIZE(common_flags); i++)
        if (find_flag(table, common_flags[i].name) == NULL)
            sorted[count++] = &common_flags[i];
    qsort(sorted, count, sizeof(*sorted), compare_flags);
    *ret_count = count;
    return sorted;
}

void flags_append_help(const struct flag_table *table, struct buffer *buffer) {
    size_t count;
    cleanup_free const struct flag **sorted = sorted_flags(table, &count);

    buffer_printf(buffer, "%s\n\n", table->usage);
    for (size_t i = 0; i < count; i++)
        append_flag_help(sorted[i], buffer);
    if (table->environment_prefix != NULL)
        buffer_printf(buffer,
                      "\nEach flag can also be set in the environment, as %sNAME in capitals; "
                      "the command line wins.\n",
                      table->environment_prefix);
}

/* The text of a value as upstream prints it, which the caller frees; NULL if the flag is not set. A number without a
 * default counts as set unless it is 0. */
static char *format_value(const struct flag *flag, const void *flags) {
    const void *slot = const_field(flags, flag);
    bool has_default = flag->default_value != NULL;
    int64_t integer;
    uint64_t size;
    double number;

    switch (flag->type) {
    case FLAG_STRING:
        return xstrdup(*(char *const *)slot);
    case FLAG_BOOL:
        return xstrdup(*(const bool *)slot ? "true" : "false");
    case FLAG_INTEGER:
        integer = *(const int64_t *)slot;
        return integer == 0 && !has_default ? NULL : xasprintf("%" PRId64, integer);
    case FLAG_DOUBLE:
        number = *(const double *)slot;
        return number == 0 && !has_default ? NULL : xasprintf("%g", number);
    case FLAG_DURATION:
        integer = *(const int64_t *)slot;
        return integer == 0 && !has_default ? NULL : duration_format(integer);
    case FLAG_BYTES:
        size = *(const uint64_t *)slot;
        return size == 0 && !has_default ? NULL : bytes_format(size);
    }
    return NULL;
}

void flags_write_json(const struct flag_table *table, const void *flags, struct json_writer *writer) {
    size_t count;
    cleanup_free const struct flag **sorted = sorted_flags(table, &count);

    json_begin_object(writer);
    for (size_t i = 0; i < count; i++) {
        const struct flag *flag = sorted[i];
        cleanup_free char *value = is_common(flag) ? xstrdup("false") : format_value(flag, flags);

        if ((flag->options & FLAG_HIDDEN_VALUE) == 0)
            json_member_string(writer, flag->name, value);
    }
    json_end_object(writer);
}
