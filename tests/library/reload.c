/* SPDX-License-Identifier: Apache-2.0 */
/* Loads libmesos, runs a driver that finds no master, ends it, unloads the library; many times. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>

struct driver;

static int once(const char *library) {
    static void *const callbacks[64];
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    struct driver *(*make)(const void *, void *, const void *, const char *, const void *, char **);
    void *(*framework_new)(const char *, const char *);
    int (*start)(struct driver *);
    int (*abort_driver)(struct driver *);
    int (*join)(struct driver *);
    void (*free_driver)(struct driver *), (*free_message)(void *);
    struct driver *driver;
    void *framework;

    if (handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)&make = dlsym(handle, "mesos_scheduler_driver_new");
    *(void **)&framework_new = dlsym(handle, "mesos_framework_info_new");
    *(void **)&start = dlsym(handle, "mesos_scheduler_driver_start");
    *(void **)&abort_driver = dlsym(handle, "mesos_scheduler_driver_abort");
    *(void **)&join = dlsym(handle, "mesos_scheduler_driver_join");
    *(void **)&free_driver = dlsym(handle, "mesos_scheduler_driver_free");
    *(void **)&free_message = dlsym(handle, "mesos_message_free");
    framework = framework_new("nobody", "reload");
    driver = make(callbacks, NULL, framework, "127.0.0.1:1", NULL, NULL);
    if (driver == NULL || start(driver) != 2 || abort_driver(driver) != 3 || join(driver) != 3)
        return 2;
    free_driver(driver);
    free_message(framework);
    return dlclose(handle) == 0 ? 0 : 3;
}

int main(int argc, char **argv) {
    for (int i = 0; i < 50; i++) {
        int result = once(argv[1]);

        if (result != 0)
            return result;
    }
    return 0;
}
