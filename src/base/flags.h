/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line flags by table, in Mesos's style: --name=value, --flag and --no-flag, and MESOS_NAME in the environment.
 *
 * The command line wins over the environment. Unknown flags, wrong values and repeated ones are errors that name the
 * flag, the value and what was expected; `file:///path` reads a value from a file where the row allows it. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/json.h"

enum flag_type {
    FLAG_STRING,   /* char * (owned), NULL while unset */
    FLAG_BOOL,     /* bool */
    FLAG_INTEGER,  /* int64_t */
    FLAG_DOUBLE,   /* double */
    FLAG_DURATION, /* int64_t ns */
    FLAG_BYTES,    /* uint64_t */
};

struct flag {
    const char *name; /* without the dashes: "work_dir" */
    enum flag_type type;
    size_t offset;             /* of the field in the program's flag struct */
    const char *default_value; /* as it would be written; NULL: none */
    const char *help;
    const char *alias; /* an older name that means the same, or NULL */
    unsigned options;  /* FLAG_REQUIRED … */
    /* Checks a value that parsed; NULL: anything goes. */
    int (*check)(const void *flags, struct error *err);
};

enum { FLAG_REQUIRED = 1, FLAG_FROM_FILE = 2, FLAG_HIDDEN_VALUE = 4 /* not shown by /flags or the log */ };

/* A flag of Mesos that this program refuses, with the reason: never silently ignored. */
struct flag_refused {
    const char *name;
    const char *reason;
};

struct flag_table {
    const char *program;            /* "mesos-agent" */
    const char *usage;              /* one line: "Usage: mesos-agent [options]" */
    const char *environment_prefix; /* "MESOS_" */
    const struct flag *flags;
    size_t count;
    const struct flag_refused *refused; /* ends with a NULL name; may be NULL */
};

/* What flags_parse() returns besides 0 and -1. */
enum { FLAGS_HELP_WANTED = 1, FLAGS_VERSION_WANTED = 2 };

/* Fill @flags (zeroed by the caller) with defaults, the environment and @arguments (argv of main). What is left over
 * after the flags (and after "--") is stored in @ret_rest (points into @arguments; NULL: positional arguments are an
 * error). */
int flags_parse(const struct flag_table *table, int count, char *const *arguments, void *flags, char *const **ret_rest,
                struct error *err);
void flags_done(const struct flag_table *table, void *flags);

/* The text of --help. */
void flags_append_help(const struct flag_table *table, struct buffer *buffer);
/* {"name":"value",…} of every flag that is set, all values as strings, as /flags and /state show them. */
void flags_write_json(const struct flag_table *table, const void *flags, struct json_writer *writer);
