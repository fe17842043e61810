/* SPDX-License-Identifier: Apache-2.0 */
/* What drivers that have nothing to do weigh in the process that holds them.
 *
 *     bench_driver MASTER DRIVERS SECONDS [away]
 *
 * Prints memory and threads of each driver, then CPU and wake-ups of all of them over so many seconds, as JSON. They
 * are registered first, unless the master is away. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <mesos/scheduler.h>

enum { MOST_DRIVERS = 1000 };

struct figures {
    double resident_kib, cpu_ms;
    long wake_ups;
};

static void on_registered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *framework_id,
                          const Mesos__V1__MasterInfo *master) {
    sem_post(user);
}

static const struct mesos_scheduler callbacks = {.registered = on_registered};

static struct figures read_figures(void) {
    struct figures figures = {0};
    struct timespec cpu;
    struct rusage usage;
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &pages, &resident) == 2)
            figures.resident_kib = (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
        fclose(file);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    figures.cpu_ms = (double)cpu.tv_sec * 1e3 + (double)cpu.tv_nsec / 1e6;
    getrusage(RUSAGE_SELF, &usage);
    figures.wake_ups = usage.ru_nvcsw;
    return figures;
}

static struct mesos_scheduler_driver *start(const char *master, sem_t *registered) {
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "idle");
    struct mesos_scheduler_driver *driver = mesos_scheduler_driver_new(&callbacks, registered, framework, master, NULL,
                                                                       NULL);

    mesos_message_free(framework);
    if (driver == NULL || mesos_scheduler_driver_start(driver) != MESOS_DRIVER_RUNNING)
        exit(1);
    return driver;
}

int main(int argc, char **argv) {
    static struct mesos_scheduler_driver *drivers[MOST_DRIVERS];
    const int count = argc > 3 ? (int)strtol(argv[2], NULL, 10) : 0;
    const bool is_away = argc == 5 && strcmp(argv[4], "away") == 0;
    struct figures empty, before, after;
    unsigned seconds;
    sem_t registered;

    if (count < 1 || count > MOST_DRIVERS)
        return 2;
    seconds = (unsigned)strtoul(argv[3], NULL, 10);
    sem_init(&registered, 0, 0);
    /* One that has been and gone: what the first driver loads is not the others'. */
    drivers[0] = start(argv[1], &registered);
    if (!is_away)
        sem_wait(&registered);
    mesos_scheduler_driver_free(drivers[0]);
    empty = read_figures();
    for (int i = 0; i < count; i++)
        drivers[i] = start(argv[1], &registered);
    for (int i = 0; i < count && !is_away; i++)
        sem_wait(&registered);
    before = read_figures();
    sleep(seconds);
    after = read_figures();
    printf("{\"kib_each\": %.1f, \"cpu_ms_each_second\": %.4f, \"wake_ups_each_second\": %.3f}\n",
           (before.resident_kib - empty.resident_kib) / count, (after.cpu_ms - before.cpu_ms) / seconds / count,
           (double)(after.wake_ups - before.wake_ups) / seconds / count);
    for (int i = 0; i < count; i++)
        mesos_scheduler_driver_free(drivers[i]);
    return 0;
}
