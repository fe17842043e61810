/* SPDX-License-Identifier: Apache-2.0 */
/* campaign [--first=N] [--seeds=N] [--tasks=N] [--masters=N] [--agents=N] [--frameworks=N] [--trouble=SECONDS]
 * [--trace] [--log]
 * [--verbose]
 *
 * Lives of a simulated cluster, one a seed, in TAP. A failure prints the command that runs it again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/flags.h"
#include "base/log.h"
#include "world.h"

struct campaign_flags {
    int64_t first, seeds, tasks, masters, agents, frameworks, trouble;
    bool trace, log, verbose;
};

#define FIELD(name) offsetof(struct campaign_flags, name)

static int check_masters(const void *flags, struct error *err) {
    int64_t masters = ((const struct campaign_flags *)flags)->masters;

    return masters >= 1 && masters <= MOST_MASTERS ? 0 : error_set(err, 0, "must be from 1 to %d", MOST_MASTERS);
}

static const struct flag rows[] = {
    {"first", FLAG_INTEGER, FIELD(first), "1", "The first seed.", NULL, 0, NULL},
    {"seeds", FLAG_INTEGER, FIELD(seeds), "1", "How many seeds.", NULL, 0, NULL},
    {"tasks", FLAG_INTEGER, FIELD(tasks), "10000", "Tasks of all frameworks together.", NULL, 0, NULL},
    {"masters", FLAG_INTEGER, FIELD(masters), "1", "Masters, of which one leads: 1 to 3.", NULL, 0, check_masters},
    {"agents", FLAG_INTEGER, FIELD(agents), "50", "Agents.", NULL, 0, NULL},
    {"frameworks", FLAG_INTEGER, FIELD(frameworks), "5", "Frameworks.", NULL, 0, NULL},
    {"trouble", FLAG_INTEGER, FIELD(trouble), "300", "How long faults go on, in seconds.", NULL, 0, NULL},
    {"trace", FLAG_BOOL, FIELD(trace), "false", "Print each event.", NULL, 0, NULL},
    {"log", FLAG_BOOL, FIELD(log), "false", "Print the log of all parts.", NULL, 0, NULL},
    {"verbose", FLAG_BOOL, FIELD(verbose), "false", "Print what happened with each seed.", NULL, 0, NULL},
};

static const struct flag_table table = {"campaign", "Usage: campaign [options]", "CAMPAIGN_", rows, ARRAY_SIZE(rows),
                                        NULL};

static void print_line(const char *line, void *user) {
    printf("# %s\n", line);
}

static void discard(enum log_level level, const char *line, size_t size, void *user) {
}

static struct world_plan plan_of(const struct campaign_flags *flags, uint64_t seed) {
    return (struct world_plan){.seed = seed,
                               .masters = (unsigned)flags->masters,
                               .agents = (unsigned)flags->agents,
                               .frameworks = (unsigned)flags->frameworks,
                               .tasks = (unsigned)flags->tasks,
                               .trouble_ns = flags->trouble * SECOND,
                               .deadline_ns = 3 * HOUR};
}

static void print_result(const struct world_result *result) {
    printf("# %u tasks ended of %u launched after %.0f s and %" PRIu64 " steps; %lu updates, %lu of them again, "
           "%lu reconciled\n",
           result->ended, result->launched, duration_to_seconds(result->ended_ns), result->steps, result->updates,
           result->duplicates, result->reconciliations);
    printf("# %lu groups, %lu health updates, %u operations with %lu updates, %u reservations compared; frameworks: %u "
           "JSON, %u protobuf, %u calls, %u messages\n",
           result->groups, result->health_updates, result->operations, result->operation_updates, result->holdings,
           result->apis[API_JSON], result->apis[API_PROTOBUF], result->apis[API_CALLS], result->apis[API_MESSAGES]);
    printf("# kills: %u agents, %u machines, %u schedulers, %u executors; %u partitions; %" PRIu64
           " messages dropped, %" PRIu64 " twice, %" PRIu64 " connections cut, %" PRIu64 " writes lost\n",
           result->agent_kills, result->machine_crashes, result->framework_kills, result->executor_kills,
           result->partitions, result->counts.drops, result->counts.duplicates, result->counts.cuts,
           result->counts.lost_writes);
    printf("# masters: %u kills, %u cuts from ZooKeeper, %u ends; %u have led\n", result->master_kills,
           result->master_cuts, result->master_ends, result->leaders);
    printf("# digest %016" PRIx64 "\n", result->digest);
}

static bool run_seed(const struct campaign_flags *flags, int64_t number, uint64_t seed) {
    struct world_plan plan = plan_of(flags, seed);
    struct world_result result;

    world_run(&plan, flags->trace ? print_line : NULL, &result);
    if (flags->verbose || !result.ok)
        print_result(&result);
    if (!result.ok) {
        printf("# %s\n", result.problem);
        printf("# run again: campaign --first=%" PRIu64 " --tasks=%" PRId64 " --masters=%" PRId64 " --agents=%" PRId64
               " --frameworks=%" PRId64 " --trouble=%" PRId64 "\n",
               seed, flags->tasks, flags->masters, flags->agents, flags->frameworks, flags->trouble);
    }
    printf("%s %" PRId64 " seed %" PRIu64 "\n", result.ok ? "ok" : "not ok", number, seed);
    fflush(stdout);
    free(result.problem);
    return result.ok;
}

int main(int argc, char **argv) {
    struct campaign_flags flags = {0};
    cleanup_error struct error err = ERROR_INIT;
    bool ok = true;
    int result = flags_parse(&table, argc, argv, &flags, NULL, &err);

    if (result == FLAGS_HELP_WANTED) {
        cleanup_buffer struct buffer help = BUFFER_INIT;

        flags_append_help(&table, &help);
        fputs(buffer_text(&help), stdout);
        return 0;
    }
    if (result != 0) {
        fprintf(stderr, "campaign: %s\n", error_message(&err));
        return 2;
    }
    if (!flags.log) {
        log_set_level(LOG_ERROR);
        log_set_sink(discard, NULL);
    }
    printf("1..%" PRId64 "\n", flags.seeds);
    for (int64_t i = 0; i < flags.seeds; i++)
        ok &= run_seed(&flags, i + 1, (uint64_t)(flags.first + i));
    return ok ? 0 : 1;
}
