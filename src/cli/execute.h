/* SPDX-License-Identifier: Apache-2.0 */
/* mesos-execute: run a command, a task or a task group on a cluster and report what becomes of it. */
#pragma once

/* The whole program: argv in, exit status out. 0 when every task finished, 1 when one did not or nothing could be run,
 * 2 for wrong flags. */
int execute_main(int argc, char **argv);
