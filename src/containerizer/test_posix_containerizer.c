/* SPDX-License-Identifier: Apache-2.0 */
/* Real processes. The test program is also the monitor and the fetcher: its launcher directory links to itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/process_tree.h"
#include "base/text.h"
#include "containerizer/fetcher.h"
#include "containerizer/monitor.h"
#include "containerizer/posix_containerizer.h"
#include "containerizer/runtime.h"

#define PATIENCE_NS (60 * SECOND)

/* What one container has told. */
struct record {
    const char *id;
    bool is_launched, is_recovered, has_exited;
    char error[512];
    struct container_termination termination;
    unsigned order; /* of the exit */
};

struct fixture {
    char root[64];
    char *sandbox, *runtime, *launcher;
    struct loop *loop;
    struct env_timer watchdog;
    struct containerizer *containerizer;
    struct record records[4];
    size_t record_count;
    unsigned exits;
    size_t descriptors;
    Mesos__V1__ResourceStatistics statistics;
    bool has_statistics;
};

static size_t count_descriptors(void) {
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static struct record *record_of(struct fixture *fixture, const char *id) {
    for (size_t i = 0; i < fixture->record_count; i++) {
        if (strcmp(fixture->records[i].id, id) == 0)
            return &fixture->records[i];
    }
    assert_true(fixture->record_count < ARRAY_SIZE(fixture->records));
    struct record *record = &fixture->records[fixture->record_count++];
    *record = (struct record){.id = xstrdup(id)};
    return record;
}

static void on_exit_event(void *user, const char *id, const struct container_termination *termination) {
    struct fixture *fixture = user;
    struct record *record = record_of(fixture, id);
    assert_false(record->has_exited);
    record->has_exited = true;
    record->termination = *termination;
    record->order = ++fixture->exits;
    loop_stop(fixture->loop);
}

static void on_recovered_event(void *user, const char *id) {
    record_of(user, id)->is_recovered = true;
}

static const struct containerizer_events events = {.on_recovered = on_recovered_event, .on_exit = on_exit_event};

static void on_launched(void *user, const char *id, const struct error *err) {
    struct fixture *fixture = user;
    struct record *record = record_of(fixture, id);
    assert_false(record->is_launched);
    record->is_launched = err == NULL;
    if (err != NULL)
        snprintf(record->error, sizeof(record->error), "%s", error_message(err));
    loop_stop(fixture->loop);
}

static void on_usage(void *user, const char *id, const Mesos__V1__ResourceStatistics *statistics,
                     const struct error *err) {
    struct fixture *fixture = user;
    assert_null(err);
    fixture->statistics = *statistics;
    fixture->has_statistics = true;
    loop_stop(fixture->loop);
}

static void on_watchdog(struct env_timer *timer) {
    fail_msg("nothing happened");
}

static void open_containerizer(struct fixture *fixture) {
    const struct posix_containerizer_options options = {
        .runtime_dir = fixture->runtime, .launcher_dir = fixture->launcher, .switch_user = true};
    fixture->containerizer = posix_containerizer_new(fixture->loop, &options, NULL);
    assert_non_null(fixture->containerizer);
    fixture->containerizer->events = &events;
    fixture->containerizer->user = fixture;
}

static void close_containerizer(struct fixture *fixture) {
    if (fixture->containerizer != NULL)
        fixture->containerizer->ops->free(take_ptr(&fixture->containerizer));
}

static void link_program(const struct fixture *fixture, const char *name) {
    char self[1024];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(size > 0);
    self[size] = '\0';
    cleanup_free char *path = path_join(fixture->launcher, name);
    assert_int_equal(symlink(self, path), 0);
}

static int set_up(void **state) {
    struct fixture *fixture = new0(struct fixture);
    fixture->descriptors = count_descriptors();
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_posix.XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->sandbox = path_join(fixture->root, "sandbox");
    fixture->runtime = path_join(fixture->root, "runtime");
    fixture->launcher = path_join(fixture->root, "launcher");
    assert_int_equal(mkdir(fixture->sandbox, 0755), 0);
    assert_int_equal(mkdir(fixture->launcher, 0755), 0);
    link_program(fixture, "mesos-containerizer-monitor");
    link_program(fixture, "mesos-fetcher");
    fixture->loop = loop_new(NULL);
    assert_non_null(fixture->loop);
    env_timer_init(&fixture->watchdog, loop_env(fixture->loop), on_watchdog);
    open_containerizer(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_containerizer(fixture);
    env_timer_done(&fixture->watchdog);
    loop_free(fixture->loop);
    assert_int_equal(count_descriptors(), fixture->descriptors);
    assert_int_equal(runtime_remove(fixture->root, NULL), 0);
    for (size_t i = 0; i < fixture->record_count; i++)
        free((char *)fixture->records[i].id);
    free(fixture->sandbox);
    free(fixture->runtime);
    free(fixture->launcher);
    free(fixture);
    return 0;
}

static void run_until(struct fixture *fixture, const bool *flag) {
    env_timer_start(&fixture->watchdog, PATIENCE_NS);
    while (!*flag)
        loop_run(fixture->loop);
    env_timer_stop(&fixture->watchdog);
}

static void run_until_refused(struct fixture *fixture, const struct record *record) {
    env_timer_start(&fixture->watchdog, PATIENCE_NS);
    while (record->error[0] == '\0')
        loop_run(fixture->loop);
    env_timer_stop(&fixture->watchdog);
    assert_false(record->is_launched);
}

/* A launch of a shell command that can be changed before it goes. */
struct launch {
    Mesos__V1__CommandInfo command;
    struct container_config config;
};

static void prepare(struct launch *launch, const struct fixture *fixture, const char *id, const char *command) {
    mesos__v1__command_info__init(&launch->command);
    launch->command.value = (char *)command;
    launch->config = (struct container_config){
        .id = id, .directory = fixture->sandbox, .command = &launch->command, .own_output = true};
}

static struct record *begin(struct fixture *fixture, const struct launch *launch) {
    fixture->containerizer->ops->launch(fixture->containerizer, &launch->config, on_launched, fixture);
    return record_of(fixture, launch->config.id);
}

static struct record *start(struct fixture *fixture, const char *id, const char *command, bool checkpoint) {
    struct launch launch;
    prepare(&launch, fixture, id, command);
    launch.config.checkpoint = checkpoint;
    struct record *record = begin(fixture, &launch);
    run_until(fixture, &record->is_launched);
    return record;
}

static void make_pipe(const struct fixture *fixture, const char *name) {
    cleanup_free char *path = path_join(fixture->sandbox, name);
    assert_int_equal(mkfifo(path, 0644), 0);
}

static void wait_for_pipe(const struct fixture *fixture, const char *name) {
    cleanup_free char *path = path_join(fixture->sandbox, name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char c;
    assert_int_equal(read(fd, &c, 1), 1);
}

static struct record *start_waiting(struct fixture *fixture, const char *id, bool checkpoint) {
    make_pipe(fixture, "go");
    return start(fixture, id, "read x < go; exit $x", checkpoint);
}

/* Let the command of start_waiting() exit with 7. */
static void let_go(const struct fixture *fixture) {
    cleanup_free char *go = path_join(fixture->sandbox, "go");
    cleanup_close int fd = open(go, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "7\n", 2), 2);
}

static int runtime_pid(const struct fixture *fixture, const char *id, const char *file) {
    int pid;
    cleanup_free char *path = NULL;
    assert_int_equal(runtime_container_path(fixture->runtime, id, &path, NULL), 0);
    assert_int_equal(runtime_read_number(path, file, &pid, NULL), 0);
    return pid;
}

static bool has_runtime(const struct fixture *fixture, const char *id) {
    cleanup_free char *path = NULL;
    assert_int_equal(runtime_container_path(fixture->runtime, id, &path, NULL), 0);
    return access(path, F_OK) == 0;
}

static int open_process(int pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(fd >= 0);
    return fd;
}

static void wait_for_process(int fd) {
    struct pollfd process = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&process, 1, PATIENCE_NS / MILLISECOND), 1);
    close(fd);
}

static void recover(struct fixture *fixture, const char *id) {
    char *ids[] = {(char *)id};
    assert_int_equal(fixture->containerizer->ops->recover(fixture->containerizer, ids, id != NULL ? 1 : 0, NULL), 0);
}

static bool destroy(struct fixture *fixture, const char *id) {
    return fixture->containerizer->ops->destroy(fixture->containerizer, id);
}

static void assert_file(const struct fixture *fixture, const char *name, const char *expected) {
    cleanup_free char *path = path_join(fixture->sandbox, name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    char text[4096];
    ssize_t size = read(fd, text, sizeof(text) - 1);
    assert_true(size >= 0);
    text[size] = '\0';
    assert_string_equal(text, expected);
}

static void exit_is_told_with_its_status(void **state) {
    struct fixture *fixture = *state;
    struct record *record = start(fixture, "c", "echo out; exit 3", false);
    run_until(fixture, &record->has_exited);
    assert_true(record->termination.has_status);
    assert_int_equal(record->termination.status, 3 << 8);
    assert_int_equal(record->termination.reason, -1);
    assert_file(fixture, "stdout", "out\n");
    assert_false(has_runtime(fixture, "c"));
    assert_false(destroy(fixture, "c"));
}

static void environment_is_what_was_given_and_a_path(void **state) {
    struct fixture *fixture = *state;
    char *environment[] = {"NAME=va lue", NULL};
    struct launch launch;
    prepare(&launch, fixture, "c", "echo $NAME; echo $PATH");
    launch.config.environment = environment;
    struct record *record = begin(fixture, &launch);
    run_until(fixture, &record->has_exited);
    assert_file(fixture, "stdout", "va lue\n/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
}

static void arguments_are_passed_without_a_shell(void **state) {
    struct fixture *fixture = *state;
    char *arguments[] = {"printf", "%s;", "a b", "$HOME"};
    struct launch launch;
    prepare(&launch, fixture, "c", "printf");
    launch.command.has_shell = true;
    launch.command.shell = false;
    launch.command.arguments = arguments;
    launch.command.n_arguments = ARRAY_SIZE(arguments);
    struct record *record = begin(fixture, &launch);
    run_until(fixture, &record->has_exited);
    assert_file(fixture, "stdout", "a b;$HOME;");
}

static void pid_is_also_written_where_it_is_asked_for(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *folder = path_join(fixture->root, "meta/pids");
    cleanup_free char *path = path_join(folder, "forked.pid");
    struct launch launch;
    prepare(&launch, fixture, "c", "sleep 1000");
    launch.config.forked_pid_path = path;
    struct record *record = begin(fixture, &launch);
    run_until(fixture, &record->is_launched);
    int pid;
    assert_int_equal(runtime_read_number(folder, "forked.pid", &pid, NULL), 0);
    assert_int_equal(pid, runtime_pid(fixture, "c", MONITOR_PID_FILE));
    destroy(fixture, "c");
    run_until(fixture, &record->has_exited);
}

static void destroying_kills(void **state) {
    struct fixture *fixture = *state;
    struct record *record = start(fixture, "c", "trap '' TERM; setsid sleep 1000 & sleep 1000", false);
    assert_true(destroy(fixture, "c"));
    run_until(fixture, &record->has_exited);
    assert_int_equal(WTERMSIG(record->termination.status), SIGKILL);
    assert_false(destroy(fixture, "c"));
}

static void destroying_during_launch_is_a_failed_launch(void **state) {
    struct fixture *fixture = *state;
    struct launch launch;
    prepare(&launch, fixture, "c", "sleep 1000");
    struct record *record = begin(fixture, &launch);
    assert_true(destroy(fixture, "c"));
    run_until_refused(fixture, record);
    assert_string_equal(record->error, "Container destroyed during launch");
    assert_false(record->has_exited);
    assert_false(has_runtime(fixture, "c"));
}

static void signal_reaches_the_command(void **state) {
    struct fixture *fixture = *state;
    make_pipe(fixture, "ready");
    struct record *record = start(fixture, "c", "trap 'exit 9' USR1; echo > ready; while :; do sleep 0.01; done",
                                  false);
    wait_for_pipe(fixture, "ready");
    assert_true(fixture->containerizer->ops->kill(fixture->containerizer, "c", SIGUSR1));
    run_until(fixture, &record->has_exited);
    assert_int_equal(record->termination.status, 9 << 8);
    assert_false(fixture->containerizer->ops->kill(fixture->containerizer, "c", SIGUSR1));
}

static void container_goes_on_over_a_restart(void **state) {
    struct fixture *fixture = *state;
    struct record *record = start_waiting(fixture, "c", true);
    int pid = fixture->containerizer->ops->pid(fixture->containerizer, "c");
    assert_true(pid > 0);
    close_containerizer(fixture);
    open_containerizer(fixture);
    recover(fixture, "c");
    assert_int_equal(fixture->containerizer->ops->pid(fixture->containerizer, "c"), pid);
    let_go(fixture);
    run_until(fixture, &record->has_exited);
    assert_int_equal(record->termination.status, 7 << 8);
    assert_false(has_runtime(fixture, "c"));
}

static void recovered_container_is_destroyed(void **state) {
    struct fixture *fixture = *state;
    struct record *record = start_waiting(fixture, "c", true);
    close_containerizer(fixture);
    open_containerizer(fixture);
    recover(fixture, "c");
    assert_true(destroy(fixture, "c"));
    run_until(fixture, &record->has_exited);
    assert_int_equal(WTERMSIG(record->termination.status), SIGKILL);
}

static void end_during_a_restart_is_told_after_it(void **state) {
    struct fixture *fixture = *state;
    struct record *record = start_waiting(fixture, "c", true);
    int process = open_process(runtime_pid(fixture, "c", MONITOR_PID_FILE));
    close_containerizer(fixture);
    let_go(fixture);
    wait_for_process(process);
    open_containerizer(fixture);
    recover(fixture, "c");
    assert_false(record->has_exited);
    run_until(fixture, &record->has_exited);
    assert_int_equal(record->termination.status, 7 << 8);
}

static void container_without_checkpoint_ends_with_its_agent(void **state) {
    struct fixture *fixture = *state;
    struct record *record = start_waiting(fixture, "c", false);
    int process = open_process(runtime_pid(fixture, "c", MONITOR_COMMAND_FILE));
    int monitor = open_process(runtime_pid(fixture, "c", MONITOR_PID_FILE));
    close_containerizer(fixture);
    wait_for_process(process);
    wait_for_process(monitor);
    open_containerizer(fixture);
    recover(fixture, "c");
    run_until(fixture, &record->has_exited);
    assert_int_equal(WTERMSIG(record->termination.status), SIGKILL);
}

static void unknown_container_is_over_at_once(void **state) {
    struct fixture *fixture = *state;
    recover(fixture, "gone");
    struct record *record = record_of(fixture, "gone");
    run_until(fixture, &record->has_exited);
    assert_false(record->termination.has_status);
}

static void unwanted_container_is_destroyed_by_recovery(void **state) {
    struct fixture *fixture = *state;
    struct record *record = start_waiting(fixture, "c", true);
    int process = open_process(runtime_pid(fixture, "c", MONITOR_PID_FILE));
    close_containerizer(fixture);
    open_containerizer(fixture);
    recover(fixture, NULL);
    wait_for_process(process);
    /* Its end is nobody's news; that of another one comes after it. */
    struct record *other = start(fixture, "d", "exit 0", false);
    run_until(fixture, &other->has_exited);
    assert_false(record->has_exited);
}

static void container_of_a_mesos_agent_is_recovered(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *path = NULL;
    assert_int_equal(runtime_container_path(fixture->runtime, "m", &path, NULL), 0);
    assert_int_equal(runtime_create(path, NULL), 0);
    runtime_give_up(path); /* no lock, as Mesos leaves it */
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        execlp("sleep", "sleep", "1000", NULL);
        _exit(1);
    }
    cleanup_free char *pid_path = path_join(path, "pid");
    FILE *file = fopen(pid_path, "w");
    fprintf(file, "%d", pid);
    fclose(file);
    recover(fixture, "m");
    assert_int_equal(fixture->containerizer->ops->pid(fixture->containerizer, "m"), pid);
    struct record *record = record_of(fixture, "m");
    assert_true(destroy(fixture, "m"));
    run_until(fixture, &record->has_exited);
    assert_false(record->termination.has_status);
}

static void nested_container_ends_before_its_parent(void **state) {
    struct fixture *fixture = *state;
    struct record *parent = start(fixture, "p", "sleep 1000", false);
    struct record *nested = start(fixture, "p.n", "sleep 1000", false);
    struct record *deep = start(fixture, "p.n.m", "sleep 1000", false);
    assert_true(destroy(fixture, "p"));
    run_until(fixture, &parent->has_exited);
    assert_int_equal(deep->order, 1);
    assert_int_equal(nested->order, 2);
    assert_int_equal(parent->order, 3);
    assert_false(has_runtime(fixture, "p"));
}

static void nested_container_ends_with_its_parents_command(void **state) {
    struct fixture *fixture = *state;
    struct record *parent = start_waiting(fixture, "p", false);
    struct record *nested = start(fixture, "p.n", "sleep 1000", false);
    let_go(fixture);
    run_until(fixture, &parent->has_exited);
    assert_true(nested->has_exited);
    assert_int_equal(parent->termination.status, 7 << 8);
}

static void nested_runtime_stays_until_it_is_removed(void **state) {
    struct fixture *fixture = *state;
    struct record *parent = start(fixture, "p", "sleep 1000", true);
    struct record *nested = start(fixture, "p.n", "exit 4", true);
    run_until(fixture, &nested->has_exited);
    assert_true(has_runtime(fixture, "p.n"));
    close_containerizer(fixture);
    open_containerizer(fixture);
    nested->has_exited = false;
    recover(fixture, "p");
    assert_true(nested->is_recovered);
    assert_false(parent->is_recovered);
    run_until(fixture, &nested->has_exited);
    assert_int_equal(nested->termination.status, 4 << 8);
    fixture->containerizer->ops->remove(fixture->containerizer, "p.n");
    assert_false(has_runtime(fixture, "p.n"));
    destroy(fixture, "p");
    run_until(fixture, &parent->has_exited);
}

static void recovered_nested_container_knows_its_resources(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__Value__Scalar amounts[] = {MESOS__V1__VALUE__SCALAR__INIT, MESOS__V1__VALUE__SCALAR__INIT};
    Mesos__V1__Resource resources[] = {MESOS__V1__RESOURCE__INIT, MESOS__V1__RESOURCE__INIT};
    Mesos__V1__Resource *list[] = {&resources[0], &resources[1]};
    static const char *const names[] = {"cpus", "mem"};
    for (size_t i = 0; i < 2; i++) {
        resources[i].name = (char *)names[i];
        resources[i].type = MESOS__V1__VALUE__TYPE__SCALAR;
        resources[i].scalar = &amounts[i];
    }
    amounts[0].value = 0.5;
    amounts[1].value = 32;
    struct record *parent = start(fixture, "p", "sleep 1000", true);
    struct launch launch;
    prepare(&launch, fixture, "p.n", "sleep 1000");
    launch.config.checkpoint = true;
    launch.config.resources = list;
    launch.config.resource_count = 2;
    struct record *nested = begin(fixture, &launch);
    run_until(fixture, &nested->is_launched);
    close_containerizer(fixture);
    open_containerizer(fixture);
    recover(fixture, "p");
    fixture->containerizer->ops->usage(fixture->containerizer, "p.n", on_usage, fixture);
    run_until(fixture, &fixture->has_statistics);
    assert_true(fixture->statistics.cpus_soft_limit == 0.5);
    assert_int_equal(fixture->statistics.mem_limit_bytes, 32 * 1024 * 1024);
    destroy(fixture, "p");
    run_until(fixture, &parent->has_exited);
}

static void second_launch_with_one_id_is_refused(void **state) {
    struct fixture *fixture = *state;
    start(fixture, "c", "sleep 1000", false);
    struct launch launch;
    prepare(&launch, fixture, "c", "sleep 1000");
    struct record *record = record_of(fixture, "c");
    record->is_launched = false;
    begin(fixture, &launch);
    assert_string_equal(record->error, "");
    run_until_refused(fixture, record);
    assert_non_null(strstr(record->error, "already started"));
    destroy(fixture, "c");
    run_until(fixture, &record->has_exited);
}

static void assert_refused(struct fixture *fixture, const struct launch *launch, const char *why) {
    struct record *record = begin(fixture, launch);
    run_until_refused(fixture, record);
    assert_non_null(strstr(record->error, why));
    record->error[0] = '\0';
}

static void what_processes_can_not_give_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct launch launch;
    Mesos__V1__ContainerInfo container = MESOS__V1__CONTAINER_INFO__INIT;
    Mesos__V1__ContainerInfo__MesosInfo mesos_info = MESOS__V1__CONTAINER_INFO__MESOS_INFO__INIT;
    Mesos__V1__Image image = MESOS__V1__IMAGE__INIT;
    Mesos__V1__NetworkInfo network = MESOS__V1__NETWORK_INFO__INIT;
    Mesos__V1__NetworkInfo *networks[] = {&network};
    prepare(&launch, fixture, "c", "exit 0");
    launch.config.container = &container;
    container.type = MESOS__V1__CONTAINER_INFO__TYPE__DOCKER;
    assert_refused(fixture, &launch, "type DOCKER");
    container.type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
    container.mesos = &mesos_info;
    mesos_info.image = &image;
    assert_refused(fixture, &launch, "images");
    container.mesos = NULL;
    container.network_infos = networks;
    container.n_network_infos = 1;
    network.name = "net";
    assert_refused(fixture, &launch, "Network 'net'");
}

static void impossible_places_are_refused(void **state) {
    struct fixture *fixture = *state;
    struct launch launch;
    prepare(&launch, fixture, "missing.n", "exit 0");
    assert_refused(fixture, &launch, "parent");
    prepare(&launch, fixture, "../c", "exit 0");
    assert_refused(fixture, &launch, "");
    prepare(&launch, fixture, "d", "exit 0");
    launch.config.directory = "/nonexistent";
    assert_refused(fixture, &launch, "/nonexistent");
    prepare(&launch, fixture, "e", NULL);
    assert_refused(fixture, &launch, "no command");
}

static void rlimits_reach_the_command(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__ContainerInfo container = MESOS__V1__CONTAINER_INFO__INIT;
    Mesos__V1__RLimitInfo info = MESOS__V1__RLIMIT_INFO__INIT;
    Mesos__V1__RLimitInfo__RLimit limit = MESOS__V1__RLIMIT_INFO__RLIMIT__INIT;
    Mesos__V1__RLimitInfo__RLimit *limits[] = {&limit};
    limit.has_type = limit.has_soft = limit.has_hard = true;
    limit.type = MESOS__V1__RLIMIT_INFO__RLIMIT__TYPE__RLMT_NOFILE;
    limit.soft = 77;
    limit.hard = 99;
    info.rlimits = limits;
    info.n_rlimits = 1;
    container.type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
    container.rlimit_info = &info;
    struct launch launch;
    prepare(&launch, fixture, "c", "ulimit -S -n; ulimit -H -n");
    launch.config.container = &container;
    struct record *record = begin(fixture, &launch);
    run_until(fixture, &record->has_exited);
    assert_file(fixture, "stdout", "77\n99\n");
    limit.soft = 100;
    launch.config.id = "d";
    assert_refused(fixture, &launch, "above the hard one");
}

static void usage_counts_the_tree(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__Resource cpus = MESOS__V1__RESOURCE__INIT;
    Mesos__V1__Resource mem = MESOS__V1__RESOURCE__INIT;
    Mesos__V1__Value__Scalar half = MESOS__V1__VALUE__SCALAR__INIT;
    Mesos__V1__Value__Scalar many = MESOS__V1__VALUE__SCALAR__INIT;
    Mesos__V1__Resource *resources[] = {&cpus, &mem};
    cpus.name = "cpus";
    half.value = 0.5;
    cpus.scalar = &half;
    mem.name = "mem";
    many.value = 32;
    mem.scalar = &many;
    struct launch launch;
    prepare(&launch, fixture, "c", "sleep 1000 & sleep 1000 & echo > up; wait");
    launch.config.resources = resources;
    launch.config.resource_count = ARRAY_SIZE(resources);
    make_pipe(fixture, "up");
    struct record *record = begin(fixture, &launch);
    run_until(fixture, &record->is_launched);
    wait_for_pipe(fixture, "up");
    fixture->containerizer->ops->usage(fixture->containerizer, "c", on_usage, fixture);
    assert_false(fixture->has_statistics);
    run_until(fixture, &fixture->has_statistics);
    assert_int_equal(fixture->statistics.processes, 3);
    assert_true(fixture->statistics.mem_rss_bytes > 0);
    assert_true(fixture->statistics.cpus_soft_limit == 0.5);
    assert_int_equal(fixture->statistics.mem_limit_bytes, 32 * 1024 * 1024);
    half.value = 0.25;
    fixture->containerizer->ops->update(fixture->containerizer, "c", resources, 1);
    fixture->has_statistics = false;
    fixture->containerizer->ops->usage(fixture->containerizer, "c", on_usage, fixture);
    run_until(fixture, &fixture->has_statistics);
    assert_true(fixture->statistics.cpus_soft_limit == 0.25);
    assert_false(fixture->statistics.has_mem_limit_bytes);
    destroy(fixture, "c");
    run_until(fixture, &record->has_exited);
}

static void add_uri(struct launch *launch, Mesos__V1__CommandInfo__URI *uri, Mesos__V1__CommandInfo__URI **list,
                    const char *value) {
    mesos__v1__command_info__uri__init(uri);
    uri->value = (char *)value;
    list[0] = uri;
    launch->command.uris = list;
    launch->command.n_uris = 1;
}

static void uris_are_there_when_the_command_starts(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__CommandInfo__URI uri, *list[1];
    struct launch launch;
    cleanup_free char *source = path_join(fixture->root, "program");
    int fd = open(source, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "#!/bin/sh\necho fetched\n", 23), 23);
    close(fd);
    prepare(&launch, fixture, "c", "./bin/run");
    add_uri(&launch, &uri, list, source);
    uri.output_file = "bin/run";
    uri.has_executable = uri.executable = true;
    struct record *record = begin(fixture, &launch);
    run_until(fixture, &record->has_exited);
    assert_int_equal(record->termination.status, 0);
    assert_file(fixture, "stdout", "fetched\n");
}

static void failed_fetch_is_a_failed_launch(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__CommandInfo__URI uri, *list[1];
    struct containerizer_counts counts;
    struct launch launch;
    prepare(&launch, fixture, "c", "exit 0");
    add_uri(&launch, &uri, list, "/nonexistent/file");
    assert_refused(fixture, &launch, "Failed to fetch all URIs for container 'c': exited with status 1");
    launch.config.id = "d";
    uri.value = "hdfs://name/file";
    assert_refused(fixture, &launch, "Failed to fetch all URIs");
    launch.config.id = "e";
    uri.output_file = "../file";
    assert_refused(fixture, &launch, "must be within the sandbox");
    fixture->containerizer->ops->count(fixture->containerizer, &counts);
    assert_int_equal(counts.fetches_failed, 3);
    assert_int_equal(counts.fetches_succeeded, 0);
}

static void destroying_breaks_off_the_fetch(void **state) {
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;
    Mesos__V1__CommandInfo__URI uri, *list[1];
    struct launch launch;
    struct listener *listener;
    struct address any = address_tcp("127.0.0.1", 0);
    assert_int_equal(env_listen(loop_env(fixture->loop), &any, NULL, NULL, &listener, &err), 0);
    listener_set_accepting(listener, false);
    cleanup_free char *url = xasprintf("http://127.0.0.1:%d/file", listener_address(listener)->port);
    prepare(&launch, fixture, "c", "exit 0");
    add_uri(&launch, &uri, list, url);
    struct record *record = begin(fixture, &launch);
    assert_true(destroy(fixture, "c"));
    run_until_refused(fixture, record);
    assert_string_equal(record->error, "Container destroyed during fetching");
    listener_close(listener);
}

static void nested_container_sees_its_parents_volume(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__ContainerInfo container = MESOS__V1__CONTAINER_INFO__INIT;
    Mesos__V1__Volume volume = MESOS__V1__VOLUME__INIT, *volumes[] = {&volume};
    Mesos__V1__Volume__Source source = MESOS__V1__VOLUME__SOURCE__INIT;
    Mesos__V1__Volume__Source__SandboxPath path = MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__INIT;
    struct record *parent = start(fixture, "p", "sleep 1000", false);
    cleanup_free char *containers = path_join(fixture->sandbox, "containers");
    cleanup_free char *sandbox = path_join(containers, "n");
    assert_int_equal(mkdir(containers, 0755), 0);
    assert_int_equal(mkdir(sandbox, 0755), 0);
    path.has_type = source.has_type = true;
    path.type = MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT;
    path.path = "shared/data";
    source.type = MESOS__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH;
    source.sandbox_path = &path;
    volume.mode = MESOS__V1__VOLUME__MODE__RW;
    volume.container_path = "data";
    volume.source = &source;
    container.type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
    container.volumes = volumes;
    container.n_volumes = 1;
    struct launch launch;
    prepare(&launch, fixture, "p.n", "echo hello > data/file");
    launch.config.directory = sandbox;
    launch.config.container = &container;
    struct record *nested = begin(fixture, &launch);
    run_until(fixture, &nested->has_exited);
    assert_file(fixture, "shared/data/file", "hello\n");
    launch.config.id = "p.m";
    path.path = "../outside";
    assert_refused(fixture, &launch, "SANDBOX_PATH");
    destroy(fixture, "p");
    run_until(fixture, &parent->has_exited);
}

static void missing_monitor_is_a_failed_launch(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *path = path_join(fixture->launcher, "mesos-containerizer-monitor");
    assert_int_equal(unlink(path), 0);
    struct launch launch;
    prepare(&launch, fixture, "c", "exit 0");
    assert_refused(fixture, &launch, "monitor");
    assert_false(has_runtime(fixture, "c"));
}

static void killed_monitor_takes_the_container_along(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *variable = xasprintf("MESOS_SANDBOX=%s", fixture->sandbox);
    char *environment[] = {variable, NULL};
    struct launch launch;
    make_pipe(fixture, "up");
    prepare(&launch, fixture, "c", "sleep 1000 & setsid sh -c 'echo $$ > up; exec sleep 1000' & sleep 1000");
    launch.config.environment = environment;
    launch.config.checkpoint = true;
    struct record *record = begin(fixture, &launch);
    run_until(fixture, &record->is_launched);
    cleanup_free char *path = path_join(fixture->sandbox, "up");
    FILE *up = fopen(path, "r");
    int escaped;
    assert_int_equal(fscanf(up, "%d", &escaped), 1);
    fclose(up);
    int command = open_process(runtime_pid(fixture, "c", MONITOR_COMMAND_FILE));
    int other = open_process(escaped);
    kill(runtime_pid(fixture, "c", MONITOR_PID_FILE), SIGKILL);
    run_until(fixture, &record->has_exited);
    wait_for_process(command);
    wait_for_process(other);
    assert_false(record->termination.has_status);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static int run_all(void) {
    const struct CMUnitTest tests[] = {
        with_fixture(exit_is_told_with_its_status),
        with_fixture(environment_is_what_was_given_and_a_path),
        with_fixture(arguments_are_passed_without_a_shell),
        with_fixture(pid_is_also_written_where_it_is_asked_for),
        with_fixture(destroying_kills),
        with_fixture(destroying_during_launch_is_a_failed_launch),
        with_fixture(signal_reaches_the_command),
        with_fixture(container_goes_on_over_a_restart),
        with_fixture(recovered_container_is_destroyed),
        with_fixture(end_during_a_restart_is_told_after_it),
        with_fixture(container_without_checkpoint_ends_with_its_agent),
        with_fixture(unknown_container_is_over_at_once),
        with_fixture(unwanted_container_is_destroyed_by_recovery),
        with_fixture(container_of_a_mesos_agent_is_recovered),
        with_fixture(nested_container_ends_before_its_parent),
        with_fixture(nested_container_ends_with_its_parents_command),
        with_fixture(nested_runtime_stays_until_it_is_removed),
        with_fixture(recovered_nested_container_knows_its_resources),
        with_fixture(second_launch_with_one_id_is_refused),
        with_fixture(what_processes_can_not_give_is_refused),
        with_fixture(impossible_places_are_refused),
        with_fixture(rlimits_reach_the_command),
        with_fixture(usage_counts_the_tree),
        with_fixture(uris_are_there_when_the_command_starts),
        with_fixture(failed_fetch_is_a_failed_launch),
        with_fixture(destroying_breaks_off_the_fetch),
        with_fixture(nested_container_sees_its_parents_volume),
        with_fixture(missing_monitor_is_a_failed_launch),
        with_fixture(killed_monitor_takes_the_container_along),
    };
    log_set_level(LOG_ERROR);
    loop_free(loop_new(NULL)); /* what libuv opens once and for all */
    return cmocka_run_group_tests_name("posix_containerizer", tests, NULL, NULL);
}

int main(int argc, char **argv) {
    const char *name = path_base(argv[0]);
    if (strcmp(name, "mesos-containerizer-monitor") == 0)
        return monitor_run(MONITOR_ORDER_FD, MONITOR_SOCKET_FD);
    if (strcmp(name, "mesos-fetcher") == 0)
        return fetcher_run(getenv("MESOS_FETCHER_INFO"), NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    return run_all();
}
