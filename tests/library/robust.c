/* SPDX-License-Identifier: Apache-2.0 */
/* What must not go wrong in somebody else's process, one thing an invocation:
 *
 *     robust lives COUNT MASTER   so many drivers, one after the other, leave no byte, descriptor or thread
 *     robust slow MASTER          a driver whose callback does not return holds up no other
 *     robust crowd MASTER         calls from many threads while callbacks come and drivers end
 *     robust fork MASTER          a child of a process with a running driver runs drivers of its own
 */
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mesos/scheduler.h>

enum { WARM_UP = 50, CALLERS = 4 };

struct session {
    sem_t registered, may_return;
    bool is_slow;
};

static void on_registered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *framework_id,
                          const Mesos__V1__MasterInfo *master) {
    struct session *session = user;

    sem_post(&session->registered);
    if (session->is_slow)
        sem_wait(&session->may_return);
}

static const struct mesos_scheduler callbacks = {.registered = on_registered};

static struct mesos_scheduler_driver *make(struct session *session, const char *master) {
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "robust");
    struct mesos_scheduler_driver *driver = mesos_scheduler_driver_new(&callbacks, session, framework, master, NULL,
                                                                       NULL);

    mesos_message_free(framework);
    sem_init(&session->registered, 0, 0);
    sem_init(&session->may_return, 0, 0);
    if (driver == NULL || mesos_scheduler_driver_start(driver) != MESOS_DRIVER_RUNNING)
        exit(10);
    return driver;
}

/* Some end before they are registered, some by stop, some by abort, some while they run. */
static void live(const char *master, unsigned number) {
    struct session session = {.is_slow = false};
    struct mesos_scheduler_driver *driver = make(&session, master);

    if (number % 4 != 0)
        sem_wait(&session.registered);
    mesos_scheduler_driver_revive_offers(driver, NULL, 0);
    if (number % 4 == 1)
        mesos_scheduler_driver_stop(driver, false);
    else if (number % 4 == 2)
        mesos_scheduler_driver_abort(driver);
    mesos_scheduler_driver_reconcile_tasks(driver, NULL, 0);
    mesos_scheduler_driver_free(driver);
}

static size_t count_entries(const char *path) {
    DIR *directory = opendir(path);
    size_t count = 0;

    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static int lives(unsigned count, const char *master) {
    size_t descriptors, threads, bytes, bytes_after;

    for (unsigned i = 0; i < WARM_UP; i++)
        live(master, i);
    descriptors = count_entries("/proc/self/fd");
    threads = count_entries("/proc/self/task");
    bytes = mallinfo2().uordblks;
    for (unsigned i = 0; i < count; i++)
        live(master, i);
    bytes_after = mallinfo2().uordblks;
    printf("%u lives: %zu bytes before and %zu after, %zu and %zu descriptors, %zu and %zu threads\n", count, bytes,
           bytes_after, descriptors, count_entries("/proc/self/fd"), threads, count_entries("/proc/self/task"));
    if (count_entries("/proc/self/fd") != descriptors || count_entries("/proc/self/task") != threads)
        return 1;
    /* A byte a life may not be lost. Blocks in the caches of threads count as used: the test does without these. */
    return bytes_after < bytes + count ? 0 : 2;
}

static int slow(const char *master) {
    struct session stuck = {.is_slow = true}, free_one = {.is_slow = false};
    struct mesos_scheduler_driver *first = make(&stuck, master), *second;

    sem_wait(&stuck.registered);
    second = make(&free_one, master);
    sem_wait(&free_one.registered);
    mesos_scheduler_driver_stop(second, false);
    if (mesos_scheduler_driver_join(second) != MESOS_DRIVER_STOPPED)
        return 1;
    mesos_scheduler_driver_free(second);
    sem_post(&stuck.may_return);
    mesos_scheduler_driver_free(first);
    printf("the other driver was not held up\n");
    return 0;
}

struct crowd {
    struct mesos_scheduler_driver *driver;
    pthread_barrier_t begin;
};

static void *call_much(void *user) {
    struct crowd *crowd = user;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = (char *)"nobody's";
    pthread_barrier_wait(&crowd->begin);
    for (int i = 0; i < 200; i++) {
        mesos_scheduler_driver_kill_task(crowd->driver, &id);
        mesos_scheduler_driver_revive_offers(crowd->driver, NULL, 0);
        mesos_scheduler_driver_reconcile_tasks(crowd->driver, NULL, 0);
    }
    return NULL;
}

static int crowd(const char *master) {
    for (int round = 0; round < 10; round++) {
        struct session session = {.is_slow = false};
        struct crowd crowd = {.driver = make(&session, master)};
        pthread_t threads[CALLERS];

        sem_wait(&session.registered);
        pthread_barrier_init(&crowd.begin, NULL, CALLERS + 1);
        for (int i = 0; i < CALLERS; i++)
            pthread_create(&threads[i], NULL, call_much, &crowd);
        pthread_barrier_wait(&crowd.begin);
        if (mesos_scheduler_driver_stop(crowd.driver, false) != MESOS_DRIVER_STOPPED)
            return 1;
        for (int i = 0; i < CALLERS; i++)
            pthread_join(threads[i], NULL);
        if (mesos_scheduler_driver_join(crowd.driver) != MESOS_DRIVER_STOPPED)
            return 2;
        mesos_scheduler_driver_free(crowd.driver);
        pthread_barrier_destroy(&crowd.begin);
    }
    printf("everybody was served\n");
    return 0;
}

static int fork_and_live(const char *master) {
    struct session session = {.is_slow = false};
    struct mesos_scheduler_driver *driver = make(&session, master);
    int status = 0;
    pid_t pid;

    sem_wait(&session.registered);
    pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < 8; i++)
            live(master, i);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return 1;
    /* The parent's is none the worse for it. */
    if (mesos_scheduler_driver_revive_offers(driver, NULL, 0) != MESOS_DRIVER_RUNNING)
        return 2;
    mesos_scheduler_driver_stop(driver, false);
    if (mesos_scheduler_driver_join(driver) != MESOS_DRIVER_STOPPED)
        return 3;
    mesos_scheduler_driver_free(driver);
    printf("both have lived\n");
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "lives") == 0)
        return lives((unsigned)strtoul(argv[2], NULL, 10), argv[3]);
    if (argc == 3 && strcmp(argv[1], "slow") == 0)
        return slow(argv[2]);
    if (argc == 3 && strcmp(argv[1], "crowd") == 0)
        return crowd(argv[2]);
    if (argc == 3 && strcmp(argv[1], "fork") == 0)
        return fork_and_live(argv[2]);
    return 9;
}
