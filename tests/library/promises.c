/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler API promises, in C against real daemons: one promise an invocation, named by its line.
 *
 *     promises PROMISE MASTER
 *
 * Prints what it is told, and exits with 0 if that is what was promised. tests/driver has the same on the simulated
 * cluster, with more faults. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mesos/scheduler.h>

#define RESOURCES "cpus:0.1;mem:32"

enum { MOST_LINES = 1000, MOST_OFFERS = 100, PATIENCE_S = 60 };

/* What the driver's thread has told; the main thread reads. */
struct story {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *lines[MOST_LINES];
    size_t count, read;
    Mesos__V1__Offer *offers[MOST_OFFERS];
    size_t offer_count;
    const char *abort_at; /* abort in the callback that tells this */
    struct mesos_scheduler_driver *driver;
    char framework_id[256];
};

static struct story story = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...) {
    va_list arguments;

    pthread_mutex_lock(&story.lock);
    va_start(arguments, format);
    if (story.count == MOST_LINES || vasprintf(&story.lines[story.count++], format, arguments) < 0)
        fail("too much was told");
    va_end(arguments);
    printf("%s\n", story.lines[story.count - 1]);
    pthread_cond_broadcast(&story.changed);
    pthread_mutex_unlock(&story.lock);
}

/* With the lock held. */
static void wait_for(const char *what) {
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    if (pthread_cond_timedwait(&story.changed, &story.lock, &deadline) != 0)
        fail("gave up waiting for: %s", what);
}

/* Wait for a line with this beginning; those before it are passed over. */
static void expect(const char *beginning) {
    const char *line = "";

    pthread_mutex_lock(&story.lock);
    while (strncmp(line, beginning, strlen(beginning)) != 0) {
        while (story.read == story.count)
            wait_for(beginning);
        line = story.lines[story.read++];
    }
    pthread_mutex_unlock(&story.lock);
}

static size_t count_lines(const char *beginning) {
    size_t count = 0;

    pthread_mutex_lock(&story.lock);
    for (size_t i = 0; i < story.count; i++)
        count += strncmp(story.lines[i], beginning, strlen(beginning)) == 0;
    pthread_mutex_unlock(&story.lock);
    return count;
}

/* Callbacks */

static void on_registered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *framework_id,
                          const Mesos__V1__MasterInfo *master) {
    snprintf(story.framework_id, sizeof(story.framework_id), "%s", framework_id->value);
    tell("registered with %s", master->id);
}

static void on_reregistered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__MasterInfo *master) {
    tell("reregistered with %s", master->id);
}

static void on_disconnected(struct mesos_scheduler_driver *driver, void *user) {
    tell("disconnected");
}

static void on_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    pthread_mutex_lock(&story.lock);
    for (size_t i = 0; i < count && story.offer_count < MOST_OFFERS; i++)
        story.offers[story.offer_count++] = mesos_message_copy(offers[i]);
    pthread_cond_broadcast(&story.changed);
    pthread_mutex_unlock(&story.lock);
}

static void on_rescinded(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__OfferID *offer_id) {
    tell("rescinded %s", offer_id->value);
}

static void on_status(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status) {
    const char *state = mesos_task_state_name(status->state);

    tell("%s is %s %s", status->task_id->value, state,
         status->has_uuid && status->uuid.len > 0 ? "to be acknowledged" : "by the way");
    if (story.abort_at != NULL && strcmp(story.abort_at, state) == 0)
        mesos_scheduler_driver_abort(driver);
}

static void on_agent_lost(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__AgentID *agent_id) {
    tell("agent lost");
}

static void on_executor_lost(struct mesos_scheduler_driver *driver, void *user,
                             const Mesos__V1__ExecutorID *executor_id, const Mesos__V1__AgentID *agent_id, int status) {
    tell("executor lost with %d", status);
}

static void on_error(struct mesos_scheduler_driver *driver, void *user, const char *message) {
    tell("error with %s: %s", mesos_status_name(mesos_scheduler_driver_start(driver)), message);
}

static const struct mesos_scheduler callbacks = {.registered = on_registered,
                                                 .reregistered = on_reregistered,
                                                 .disconnected = on_disconnected,
                                                 .resource_offers = on_offers,
                                                 .offer_rescinded = on_rescinded,
                                                 .status_update = on_status,
                                                 .agent_lost = on_agent_lost,
                                                 .executor_lost = on_executor_lost,
                                                 .error = on_error};

/* Steps */

/* Start a driver; it takes over the framework if there is one. */
static void start(const char *master) {
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "promises");
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
    char *error = NULL;

    framework->has_failover_timeout = framework->has_checkpoint = true;
    framework->failover_timeout = 3600;
    framework->checkpoint = true;
    if (*story.framework_id != '\0') {
        id.value = story.framework_id;
        framework->id = mesos_message_copy(&id);
    }
    story.driver = mesos_scheduler_driver_new(&callbacks, NULL, framework, master, NULL, &error);
    if (story.driver == NULL)
        fail("%s", error);
    if (mesos_scheduler_driver_start(story.driver) != MESOS_DRIVER_RUNNING)
        fail("the driver does not start");
    expect(framework->id == NULL ? "registered" : "reregistered");
    mesos_message_free(framework);
}

static void end(enum mesos_status expected) {
    if (mesos_scheduler_driver_join(story.driver) != expected)
        fail("join() did not return %s", mesos_status_name(expected));
    mesos_scheduler_driver_free(story.driver);
    story.driver = NULL;
}

static void forget_offers(void) {
    pthread_mutex_lock(&story.lock);
    while (story.offer_count > 0)
        mesos_message_free(story.offers[--story.offer_count]);
    pthread_mutex_unlock(&story.lock);
}

/* The newest offer, the caller's. */
static Mesos__V1__Offer *take_offer(void) {
    Mesos__V1__Offer *offer;

    pthread_mutex_lock(&story.lock);
    while (story.offer_count == 0)
        wait_for("an offer");
    offer = story.offers[--story.offer_count];
    pthread_mutex_unlock(&story.lock);
    return offer;
}

static void launch(const Mesos__V1__Offer *offer, const char *id, const char *command, const char *resources) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    Mesos__V1__TaskInfo *task = mesos_task_info_new(id, id, offer->agent_id->value, command, resources, NULL);
    const Mesos__V1__TaskInfo *tasks[] = {task};
    Mesos__V1__Filters at_once = MESOS__V1__FILTERS__INIT;

    at_once.has_refuse_seconds = true;
    at_once.refuse_seconds = 0;
    mesos_scheduler_driver_launch_tasks(story.driver, offer_ids, 1, tasks, 1, &at_once);
    mesos_message_free(task);
}

static void run_task(const char *id, const char *command) {
    Mesos__V1__Offer *offer = take_offer();
    char line[64];

    launch(offer, id, command, RESOURCES);
    mesos_message_free(offer);
    snprintf(line, sizeof(line), "%s is TASK_RUNNING", id);
    expect(line);
}

static void kill_task(const char *id) {
    Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;

    task_id.value = (char *)id;
    mesos_scheduler_driver_kill_task(story.driver, &task_id);
}

static void reconcile(const char *id) {
    Mesos__V1__TaskStatus *status = mesos_task_status_new(id, MESOS__V1__TASK_STATE__TASK_STAGING, NULL);
    const Mesos__V1__TaskStatus *statuses[] = {status};

    mesos_scheduler_driver_reconcile_tasks(story.driver, statuses, 1);
    mesos_message_free(status);
}

/* Promises */

static void s2_a_restarted_master_gives_reregistered(const char *master) {
    start(master);
    run_task("task", "sleep 1000");
    tell("ready");
    expect("disconnected");
    expect("reregistered");
    /* Until its agent is back the task is neither known nor lost. */
    while (count_lines("task is TASK_RUNNING by the way") == 0) {
        reconcile("task");
        usleep(100000);
    }
    if (count_lines("task is TASK_LOST") > 0 || count_lines("registered") != 1)
        fail("the task was lost, or the framework is a new one");
    kill_task("task");
    expect("task is TASK_KILLED");
}

/* A second framework, which wants one offer. */
static void on_rivals_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                             size_t count) {
    Mesos__V1__Offer **rivals = user;

    pthread_mutex_lock(&story.lock);
    if (*rivals == NULL)
        *rivals = mesos_message_copy(offers[0]);
    pthread_cond_broadcast(&story.changed);
    pthread_mutex_unlock(&story.lock);
}

static void on_rival_registered(struct mesos_scheduler_driver *driver, void *user,
                                const Mesos__V1__FrameworkID *framework_id, const Mesos__V1__MasterInfo *master) {
    tell("rival registered");
}

static void s3_s4_what_one_holds_no_other_gets(const char *master) {
    static const struct mesos_scheduler rival = {.registered = on_rival_registered,
                                                 .resource_offers = on_rivals_offers};
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "rival");
    Mesos__V1__Filters long_one = MESOS__V1__FILTERS__INIT;
    struct mesos_scheduler_driver *driver;
    Mesos__V1__Offer *offer, *rivals = NULL;

    start(master);
    offer = take_offer();
    driver = mesos_scheduler_driver_new(&rival, &rivals, framework, master, NULL, NULL);
    mesos_message_free(framework);
    mesos_scheduler_driver_start(driver);
    expect("rival registered");
    pthread_mutex_lock(&story.lock);
    if (rivals != NULL)
        fail("the same resources are offered twice");
    pthread_mutex_unlock(&story.lock);
    long_one.has_refuse_seconds = true;
    long_one.refuse_seconds = 1e6;
    mesos_scheduler_driver_decline_offer(story.driver, offer->id, &long_one);
    pthread_mutex_lock(&story.lock);
    while (rivals == NULL)
        wait_for("the rival's offer");
    if (strcmp(rivals->agent_id->value, offer->agent_id->value) != 0)
        fail("it is not what was given back");
    pthread_mutex_unlock(&story.lock);
    /* Too late: it is the rival's now. */
    launch(offer, "late", "true", RESOURCES);
    expect("late is TASK_LOST");
    mesos_scheduler_driver_stop(driver, false);
    mesos_scheduler_driver_join(driver);
    mesos_scheduler_driver_free(driver);
    mesos_message_free(rivals);
    mesos_message_free(offer);
}

static void s5_d8_a_launch_on_a_used_offer_is_lost(const char *master) {
    Mesos__V1__Offer *offer;

    start(master);
    offer = take_offer();
    launch(offer, "first", "true", RESOURCES);
    launch(offer, "second", "true", RESOURCES);
    mesos_message_free(offer);
    expect("second is TASK_LOST");
    expect("first is TASK_FINISHED");
}

static void s5_s9_an_agent_that_leaves_takes_offers_and_tasks_along(const char *master) {
    start(master);
    run_task("task", "sleep 1000");
    mesos_message_free(take_offer()); /* of what is left */
    tell("ready");
    while (count_lines("rescinded") == 0 || count_lines("agent lost") == 0 ||
           count_lines("task is TASK_KILLED") + count_lines("task is TASK_LOST") + count_lines("task is TASK_FAILED") ==
               0) {
        pthread_mutex_lock(&story.lock);
        wait_for("the loss");
        pthread_mutex_unlock(&story.lock);
    }
}

static void s6_d5_an_abort_in_the_callback_brings_the_update_again(const char *master) {
    start(master);
    story.abort_at = "TASK_FINISHED";
    run_task("task", "sleep 0.2");
    expect("task is TASK_FINISHED to be acknowledged");
    end(MESOS_DRIVER_ABORTED);
    story.abort_at = NULL;
    start(master);
    expect("task is TASK_FINISHED to be acknowledged");
}

static void s10_e9_an_executor_killed_by_a_signal_is_lost_with_it(const char *master) {
    Mesos__V1__ExecutorInfo *executor = mesos_executor_info_new("dies", "dies", "kill -9 $$", RESOURCES, NULL);
    Mesos__V1__Offer *offer;
    Mesos__V1__TaskInfo *task;

    start(master);
    offer = take_offer();
    task = mesos_task_info_new("task", "task", offer->agent_id->value, NULL, RESOURCES, NULL);
    mesos_task_info_set_executor(task, executor);
    mesos_scheduler_driver_launch_tasks(story.driver, (const Mesos__V1__OfferID *[]){offer->id}, 1,
                                        (const Mesos__V1__TaskInfo *[]){task}, 1, NULL);
    while (count_lines("executor lost with 9") == 0 ||
           count_lines("task is TASK_FAILED") + count_lines("task is TASK_LOST") == 0) {
        pthread_mutex_lock(&story.lock);
        wait_for("the loss");
        pthread_mutex_unlock(&story.lock);
    }
    mesos_message_free(task);
    mesos_message_free(offer);
    mesos_message_free(executor);
}

static void s11_a_framework_that_was_removed_is_an_error(const char *master) {
    start(master);
    mesos_scheduler_driver_stop(story.driver, false);
    end(MESOS_DRIVER_STOPPED);
    {
        Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "promises");
        Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

        id.value = story.framework_id;
        framework->id = mesos_message_copy(&id);
        story.driver = mesos_scheduler_driver_new(&callbacks, NULL, framework, master, NULL, NULL);
        mesos_message_free(framework);
    }
    mesos_scheduler_driver_start(story.driver);
    expect("error with DRIVER_ABORTED: ");
    end(MESOS_DRIVER_ABORTED);
    *story.framework_id = '\0';
    start(master);
}

static void d4_d14_a_task_outlives_a_stop_for_failover(const char *master) {
    start(master);
    run_task("task", "sleep 1000");
    mesos_scheduler_driver_stop(story.driver, true);
    end(MESOS_DRIVER_STOPPED);
    start(master);
    mesos_scheduler_driver_reconcile_tasks(story.driver, NULL, 0);
    expect("task is TASK_RUNNING by the way");
    kill_task("task");
    expect("task is TASK_KILLED");
}

static void d8_an_invalid_task_does_not_hurt_the_others(const char *master) {
    Mesos__V1__Offer *offer;
    Mesos__V1__TaskInfo *greedy, *good;

    start(master);
    offer = take_offer();
    greedy = mesos_task_info_new("greedy", "greedy", offer->agent_id->value, "true", "cpus:1000", NULL);
    good = mesos_task_info_new("good", "good", offer->agent_id->value, "true", RESOURCES, NULL);
    mesos_scheduler_driver_launch_tasks(story.driver, (const Mesos__V1__OfferID *[]){offer->id}, 1,
                                        (const Mesos__V1__TaskInfo *[]){greedy, good}, 2, NULL);
    expect("greedy is TASK_ERROR");
    expect("good is TASK_FINISHED");
    mesos_message_free(greedy);
    mesos_message_free(good);
    mesos_message_free(offer);
}

static void d10_a_kill_right_after_the_launch_wins(const char *master) {
    Mesos__V1__Offer *offer;

    start(master);
    offer = take_offer();
    launch(offer, "task", "sleep 1000", RESOURCES);
    kill_task("task");
    mesos_message_free(offer);
    expect("task is TASK_KILLED");
    kill_task("nobody's");
    expect("nobody's is TASK_LOST");
}

static void d11_d12_a_revival_removes_a_filter(const char *master) {
    Mesos__V1__Filters long_one = MESOS__V1__FILTERS__INIT;
    Mesos__V1__Offer *offer;

    start(master);
    offer = take_offer();
    long_one.has_refuse_seconds = true;
    long_one.refuse_seconds = 1e6;
    mesos_scheduler_driver_decline_offer(story.driver, offer->id, &long_one);
    mesos_message_free(offer);
    forget_offers();
    mesos_scheduler_driver_suppress_offers(story.driver, NULL, 0);
    mesos_scheduler_driver_revive_offers(story.driver, NULL, 0);
    mesos_message_free(take_offer());
}

static void d14_the_latest_state_is_told_and_the_unknown_is_lost(const char *master) {
    start(master);
    run_task("task", "sleep 1000");
    reconcile("task");
    expect("task is TASK_RUNNING by the way");
    reconcile("unknown");
    expect("unknown is TASK_LOST by the way");
    kill_task("task");
    expect("task is TASK_KILLED to be acknowledged");
}

#define PROMISE(name) \
    { #name, name }

static const struct {
    const char *name;
    void (*keep)(const char *master);
} promises[] = {
    PROMISE(s2_a_restarted_master_gives_reregistered),
    PROMISE(s3_s4_what_one_holds_no_other_gets),
    PROMISE(s5_d8_a_launch_on_a_used_offer_is_lost),
    PROMISE(s5_s9_an_agent_that_leaves_takes_offers_and_tasks_along),
    PROMISE(s6_d5_an_abort_in_the_callback_brings_the_update_again),
    PROMISE(s10_e9_an_executor_killed_by_a_signal_is_lost_with_it),
    PROMISE(s11_a_framework_that_was_removed_is_an_error),
    PROMISE(d4_d14_a_task_outlives_a_stop_for_failover),
    PROMISE(d8_an_invalid_task_does_not_hurt_the_others),
    PROMISE(d10_a_kill_right_after_the_launch_wins),
    PROMISE(d11_d12_a_revival_removes_a_filter),
    PROMISE(d14_the_latest_state_is_told_and_the_unknown_is_lost),
};

int main(int argc, char **argv) {
    const char *wanted = argc == 3 ? argv[1] : "";

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
        if (strcmp(promises[i].name, wanted) != 0)
            continue;
        promises[i].keep(argv[2]);
        /* D3: unregistered, and everything with it. */
        mesos_scheduler_driver_stop(story.driver, false);
        end(MESOS_DRIVER_STOPPED);
        forget_offers();
        for (size_t line = 0; line < story.count; line++)
            free(story.lines[line]);
        return 0;
    }
    fail("no promise is called \"%s\"", wanted);
}
