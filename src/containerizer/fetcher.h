/* SPDX-License-Identifier: Apache-2.0 */
/* The fetcher: downloads or copies the URIs of a command into its sandbox. A program of its own, because what it does
 * blocks, and because it does it as the container's user. */
#pragma once

#include "base/error.h"

/* Carry out a FetcherInfo as JSON, as MESOS_FETCHER_INFO has it, in the order of its items; stops at the first that
 * fails. Becomes the user it names. Logs each step. */
int fetcher_run(const char *info_json, struct error *err);
