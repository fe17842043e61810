/* SPDX-License-Identifier: Apache-2.0 */
/* The master's endpoints for operators. Handlers are rows of the tables in endpoints.c; their user is a struct
 * endpoints. */
#pragma once

#include "master/http/api/subscribers.h"
#include "master/http/document.h"
#include "master/master.h"
#include "process/files.h"

struct endpoints {
    struct master *master;
    struct documents documents;
    struct subscribers subscribers;
    struct files files;
};

/* For master_options: serves all that is in this folder. */
extern const struct master_http master_http_endpoints;

/* state.c */
void get_state(struct http_exchange *exchange, void *user);
void get_frameworks(struct http_exchange *exchange, void *user);
void get_agents(struct http_exchange *exchange, void *user);
/* summary.c */
void get_state_summary(struct http_exchange *exchange, void *user);
/* tasks.c */
void get_tasks(struct http_exchange *exchange, void *user);
/* roles.c */
void get_roles(struct http_exchange *exchange, void *user);
/* api/api.c */
void operator_api(struct http_exchange *exchange, void *user);
