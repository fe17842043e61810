/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler and the executor of the hello framework say to each other. */
#pragma once

#define HELLO_TASKS 5

/* Scheduler to executor, for each task that runs: "hello <task id>". Executor to scheduler: "done <task id>". */
#define HELLO_GREETING "hello "
#define HELLO_ANSWER "done "
