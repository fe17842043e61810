// SPDX-License-Identifier: Apache-2.0
// A scheduler in C++ against the installed headers: it registers, forks, tears its framework down, and does so again.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <mesos/executor.h>
#include <mesos/scheduler.h>

namespace {

void on_registered(mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *id,
                   const Mesos__V1__MasterInfo *)
{
    *static_cast<std::string *>(user) = id->value;
    mesos_scheduler_driver_stop(driver, false);
}

bool run(const char *master)
{
    mesos_scheduler callbacks{};
    std::string id;
    char *error = nullptr;
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "c++");

    callbacks.registered = on_registered;
    mesos_scheduler_driver *driver = mesos_scheduler_driver_new(&callbacks, &id, framework, master, nullptr, &error);
    if (driver == nullptr) {
        std::fprintf(stderr, "%s\n", error);
        return false;
    }
    mesos_status status = mesos_scheduler_driver_run(driver);
    mesos_scheduler_driver_free(driver);
    mesos_message_free(framework);
    return status == MESOS_DRIVER_STOPPED && !id.empty();
}

}

int main(int, char **argv)
{
    int status = 0;

    if (!run(argv[1]))
        return 1;
    // The library has been at work; a child starts anew.
    pid_t pid = fork();
    if (pid == 0)
        _exit(run(argv[1]) ? 0 : 1);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return 2;
    return run(argv[1]) ? 0 : 3;
}
