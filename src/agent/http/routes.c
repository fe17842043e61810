/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent answers over HTTP, besides what all daemons have. */
#include "agent/core.h"
#include "agent/http/agent_api.h"
#include "agent/http/executor_api.h"
#include "agent/http/state.h"

/* Below "/slave(1)", and below "" as upstream does for the process that the daemon delegates to. */
static const struct route routes[] = {
    {"/api/v1/executor", ROUTE_POST, executor_api_handle, "The v1 executor API", NULL},
    {"/api/v1", ROUTE_POST, agent_api_handle, "The v1 agent API", NULL},
    {"/api/v1/resource_provider", ROUTE_POST, resource_provider_api_handle, "Refused: there are none", NULL},
    {"/state", ROUTE_GET | ROUTE_HEAD, state_handle, "The state of the agent as JSON", NULL},
    {"/containers", ROUTE_GET | ROUTE_HEAD, containers_handle, "The containers of executors, with what they use", NULL},
    {"/monitor/statistics", ROUTE_GET | ROUTE_HEAD, statistics_handle, "What containers use", NULL},
};

void agent_add_routes(struct agent *agent) {
    router_add(agent->router, "/slave(1)", routes, ARRAY_SIZE(routes), agent);
    router_add(agent->router, "", routes, ARRAY_SIZE(routes), agent);
}
