/* SPDX-License-Identifier: Apache-2.0 */
/* mesos-fetcher: fetches what MESOS_FETCHER_INFO says into a sandbox. Exits with 0 only if all of it is there. */
#include <stdio.h>

#include "base/log.h"
#include "containerizer/fetcher.h"

int main(int argc, char **argv) {
    const char *info = getenv("MESOS_FETCHER_INFO");
    cleanup_error struct error err = ERROR_INIT;
    if (info == NULL || argc > 1) {
        fprintf(stderr, "Usage: MESOS_FETCHER_INFO=<FetcherInfo as JSON> %s\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (fetcher_run(info, &err) < 0) {
        log_error("%s", error_message(&err));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
