/* SPDX-License-Identifier: Apache-2.0 */
/* Containers a second: launches @count commands that do nothing, @width of them at a time, and waits for their ends.
 *
 *     bench_containers <launcher dir> [count [width]] */
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "containerizer/posix_containerizer.h"
#include "containerizer/runtime.h"

struct bench {
    struct loop *loop;
    struct containerizer *containerizer;
    char *sandbox;
    int count, width, begun, launched, over;
    int64_t start_ns, first_ns, last_launch_ns;
};

static void launch_next(struct bench *bench);

static void on_over(void *user, const char *id, const struct container_termination *termination) {
    struct bench *bench = user;
    if (++bench->over == bench->count)
        loop_stop(bench->loop);
    else
        launch_next(bench);
}

static const struct containerizer_events events = {.on_exit = on_over};

static void on_launched(void *user, const char *id, const struct error *err) {
    struct bench *bench = user;
    if (err != NULL) {
        fprintf(stderr, "%s\n", error_message(err));
        exit(EXIT_FAILURE);
    }
    bench->last_launch_ns = env_now(loop_env(bench->loop));
    if (bench->launched++ == 0)
        bench->first_ns = bench->last_launch_ns;
}

static void launch_next(struct bench *bench) {
    Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
    char id[32];
    if (bench->begun == bench->count)
        return;
    command.value = "exit 0";
    snprintf(id, sizeof(id), "c%d", bench->begun++);
    const struct container_config config = {
        .id = id, .directory = bench->sandbox, .command = &command, .checkpoint = true, .own_output = true};
    bench->containerizer->ops->launch(bench->containerizer, &config, on_launched, bench);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "Usage: %s <launcher dir> [count [width]]\n", argv[0]);
        return EXIT_FAILURE;
    }
    char root[] = "/tmp/bench_containers.XXXXXX";
    if (mkdtemp(root) == NULL)
        return EXIT_FAILURE;
    struct bench bench = {.loop = loop_new(NULL),
                          .count = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1000,
                          .width = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 100};
    cleanup_free char *runtime = xasprintf("%s/runtime", root);
    cleanup_free char *sandbox = xasprintf("%s/sandbox", root);
    mkdir(sandbox, 0755);
    bench.sandbox = sandbox;
    const struct posix_containerizer_options options = {.runtime_dir = runtime, .launcher_dir = argv[1]};
    bench.containerizer = posix_containerizer_new(bench.loop, &options, NULL);
    bench.containerizer->events = &events;
    bench.containerizer->user = &bench;
    bench.start_ns = env_now(loop_env(bench.loop));
    for (int i = 0; i < bench.width; i++)
        launch_next(&bench);
    loop_run(bench.loop);
    double seconds = (double)(env_now(loop_env(bench.loop)) - bench.start_ns) / SECOND;
    printf("%d containers, %d at a time: %.0f a second; the first runs after %.1f ms\n", bench.count, bench.width,
           bench.count / seconds, (double)(bench.first_ns - bench.start_ns) / MILLISECOND);
    bench.containerizer->ops->free(bench.containerizer);
    loop_free(bench.loop);
    runtime_remove(root, NULL);
    return EXIT_SUCCESS;
}
