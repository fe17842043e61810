/* SPDX-License-Identifier: Apache-2.0 */
/* A job queue that survives the death of its scheduler.
 *
 *     example-queue --master=HOST:PORT --state=FILE [COMMAND…]
 *
 * Each command is a job that is run until it has ended well or has failed three times. What must not be forgotten, the
 * framework's id and how far each job is, is in FILE before anybody else is told of it: killed at any moment and
 * started again with the same FILE, the scheduler takes over its framework and goes on where it was. A job is never
 * lost, but in rare cases (killed between writing and launching) one is found not to have been launched and is launched
 * again. */
#include <fcntl.h>
#include <unistd.h>

#include "../example.h"

#define RESOURCES "cpus:0.1;mem:32"

enum { MOST_ATTEMPTS = 3, LONGEST_LINE = 4096 };

enum job_state { WAITING, LAUNCHED, DONE, FAILED };

static const char *const state_names[] = {"waiting", "launched", "done", "failed"};

struct job {
    enum job_state state;
    int attempt; /* part of the task's id, which is never used twice */
    char *command;
};

struct queue {
    const char *path;
    char framework_id[256]; /* "" while there is none */
    struct job *jobs;
    size_t count;
};

static void add_job(struct queue *queue, enum job_state state, int attempt, const char *command) {
    queue->jobs = realloc(queue->jobs, (queue->count + 1) * sizeof(*queue->jobs));
    queue->jobs[queue->count++] = (struct job){state, attempt, strdup(command)};
}

/* The file: a line "framework <id>", then a line "<state> <attempt> <command>" for each job. It is replaced as a whole:
 * whenever the power fails, there is the old one or the new one. */
static void save(const struct queue *queue) {
    char temporary[LONGEST_LINE];
    FILE *file;

    snprintf(temporary, sizeof(temporary), "%s.new", queue->path);
    file = fopen(temporary, "w");
    if (file == NULL) {
        perror(temporary);
        exit(2);
    }
    fprintf(file, "framework %s\n", queue->framework_id);
    for (size_t i = 0; i < queue->count; i++)
        fprintf(file, "%s %d %s\n", state_names[queue->jobs[i].state], queue->jobs[i].attempt, queue->jobs[i].command);
    if (fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0 || rename(temporary, queue->path) != 0) {
        perror(queue->path);
        exit(2);
    }
}

static void load(struct queue *queue) {
    char line[LONGEST_LINE], state[16];
    FILE *file = fopen(queue->path, "r");
    int attempt, begin;

    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "framework %255s", queue->framework_id) == 1 ||
            sscanf(line, "%15s %d %n", state, &attempt, &begin) != 2)
            continue;
        for (int i = WAITING; i <= FAILED; i++)
            if (strcmp(state, state_names[i]) == 0)
                add_job(queue, i, attempt, line + begin);
    }
    fclose(file);
    printf("found %zu jobs of framework %s\n", queue->count, queue->framework_id);
}

static size_t count_jobs(const struct queue *queue, enum job_state state) {
    size_t count = 0;

    for (size_t i = 0; i < queue->count; i++)
        count += queue->jobs[i].state == state;
    return count;
}

static void format_task_id(const struct queue *queue, const struct job *job, char *id, size_t size) {
    snprintf(id, size, "job-%d.%d", (int)(job - queue->jobs), job->attempt);
}

/* NULL if the task is not the latest attempt of a job. */
static struct job *find_job(struct queue *queue, const char *task_id) {
    size_t number;
    int attempt;

    if (sscanf(task_id, "job-%zu.%d", &number, &attempt) != 2 || number >= queue->count)
        return NULL;
    return queue->jobs[number].attempt == attempt ? &queue->jobs[number] : NULL;
}

static void end_if_done(struct mesos_scheduler_driver *driver, struct queue *queue) {
    if (count_jobs(queue, WAITING) + count_jobs(queue, LAUNCHED) > 0)
        return;
    /* The framework ends with its jobs; the next ones make a new one. */
    queue->framework_id[0] = '\0';
    save(queue);
    mesos_scheduler_driver_stop(driver, false);
}

static void on_registered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *framework_id,
                          const Mesos__V1__MasterInfo *master) {
    struct queue *queue = user;

    snprintf(queue->framework_id, sizeof(queue->framework_id), "%s", framework_id->value);
    save(queue);
    printf("registered as %s\n", queue->framework_id);
    end_if_done(driver, queue);
}

/* Ask what has become of the jobs in the meantime; tasks that nobody knows of are answered with TASK_LOST. */
static void on_reregistered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__MasterInfo *master) {
    struct queue *queue = user;
    char id[32];

    printf("registered again as %s\n", queue->framework_id);
    for (size_t i = 0; i < queue->count; i++) {
        const Mesos__V1__TaskStatus *statuses[1];

        if (queue->jobs[i].state != LAUNCHED)
            continue;
        format_task_id(queue, &queue->jobs[i], id, sizeof(id));
        statuses[0] = mesos_task_status_new(id, MESOS__V1__TASK_STATE__TASK_STAGING, NULL);
        mesos_scheduler_driver_reconcile_tasks(driver, statuses, 1);
        mesos_message_free((void *)statuses[0]);
    }
    end_if_done(driver, queue);
}

static struct job *next_job(struct queue *queue) {
    for (size_t i = 0; i < queue->count; i++)
        if (queue->jobs[i].state == WAITING)
            return &queue->jobs[i];
    return NULL;
}

static void launch(struct mesos_scheduler_driver *driver, struct queue *queue, struct job *job,
                   const Mesos__V1__Offer *offer) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    const Mesos__V1__Filters soon = example_soon();
    const Mesos__V1__TaskInfo *tasks[1];
    char id[32];

    job->state = LAUNCHED;
    job->attempt++;
    save(queue); /* before the master knows of it */
    format_task_id(queue, job, id, sizeof(id));
    tasks[0] = mesos_task_info_new(id, id, offer->agent_id->value, job->command, RESOURCES, NULL);
    mesos_scheduler_driver_launch_tasks(driver, offer_ids, 1, tasks, 1, &soon);
    mesos_message_free((void *)tasks[0]);
}

static void on_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct queue *queue = user;
    const Mesos__V1__Filters soon = example_soon();

    for (size_t i = 0; i < count; i++) {
        struct job *job = next_job(queue);

        if (job != NULL && mesos_resources_contain(offers[i]->resources, offers[i]->n_resources, RESOURCES))
            launch(driver, queue, job, offers[i]);
        else
            mesos_scheduler_driver_decline_offer(driver, offers[i]->id, &soon);
    }
}

/* The update is acknowledged when this returns, so that whatever was not saved is told again. */
static void on_status(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status) {
    struct queue *queue = user;
    struct job *job = find_job(queue, status->task_id->value);

    printf("%s is %s\n", status->task_id->value, mesos_task_state_name(status->state));
    if (job == NULL || job->state != LAUNCHED || !mesos_task_state_is_terminal(status->state))
        return;
    if (status->state == MESOS__V1__TASK_STATE__TASK_FINISHED)
        job->state = DONE;
    else if (status->state == MESOS__V1__TASK_STATE__TASK_FAILED && job->attempt >= MOST_ATTEMPTS)
        job->state = FAILED;
    else
        job->state = WAITING;
    save(queue);
    end_if_done(driver, queue);
}

static const struct mesos_scheduler scheduler = {.registered = on_registered,
                                                 .reregistered = on_reregistered,
                                                 .resource_offers = on_offers,
                                                 .status_update = on_status,
                                                 .error = example_on_error};

static Mesos__V1__FrameworkInfo *make_framework(const struct queue *queue) {
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "Queue");
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

    example_survive_failover(framework);
    if (*queue->framework_id != '\0') {
        id.value = (char *)queue->framework_id;
        framework->id = mesos_message_copy(&id);
    }
    return framework;
}

int main(int argc, char **argv) {
    const char *master = example_flag(argc, argv, "master");
    struct queue queue = {.path = example_flag(argc, argv, "state")};
    int result;

    if (master == NULL || queue.path == NULL) {
        fprintf(stderr, "usage: %s --master=HOST:PORT --state=FILE [COMMAND...]\n", argv[0]);
        return 2;
    }
    load(&queue);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--", 2) != 0 && strlen(argv[i]) < LONGEST_LINE - 64 && strchr(argv[i], '\n') == NULL)
            add_job(&queue, WAITING, 0, argv[i]);
    save(&queue);
    result = example_run(&scheduler, &queue, make_framework(&queue), master);
    printf("%zu done, %zu failed\n", count_jobs(&queue, DONE), count_jobs(&queue, FAILED));
    if (count_jobs(&queue, FAILED) > 0)
        result = 1;
    for (size_t i = 0; i < queue.count; i++)
        free(queue.jobs[i].command);
    free(queue.jobs);
    return result;
}
