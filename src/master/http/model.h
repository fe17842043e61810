/* SPDX-License-Identifier: Apache-2.0 */
/* How the endpoints show agents, frameworks, tasks and what belongs to them, under v0 names [common/http.cpp, the
 * json() functions; master/readonly_handler.cpp]. All of these append one value, or members to an open object. */
#pragma once

#include "base/json.h"
#include "mesos/v1/mesos.pb-c.h"
#include "model/resources.h"

struct agent;
struct executor;
struct framework;
struct offer;
struct task;

/* Members are written by the thousand: their names are measured by the compiler. */
#define MODEL_KEY(writer, literal) json_key_sized(writer, literal, sizeof(literal) - 1)

/* Wall-clock time in seconds, to the microsecond as Mesos counts. */
double model_seconds(int64_t wall_ns);

/* {"disk":0.0,"mem":64.0,"gpus":0.0,"cpus":0.5,"ports":"[31000-32000]"}: amounts summed over reservations, revocable
 * ones apart as "cpus_revocable". */
void model_write_resources(struct json_writer *writer, const struct resources *resources);
/* {"cpus":0.5,"mem":64.0}: what is there, in thousandths, zeros too. */
void model_write_quantities(struct json_writer *writer, const struct quantities *quantities);
/* An array of Resource messages with their reservations in both formats. */
void model_write_full_resources(struct json_writer *writer, const struct resources *resources);
/* The two forms of a role's resources: {"role":{"cpus":…},…}, or arrays of Resource messages. */
void model_write_reservations(struct json_writer *writer, const struct resources *total, bool is_full);

void model_write_labels(struct json_writer *writer, const Mesos__V1__Labels *labels);
void model_write_domain(struct json_writer *writer, const Mesos__V1__DomainInfo *domain);
void model_write_master_info(struct json_writer *writer, const Mesos__V1__MasterInfo *info);

void model_write_task(struct json_writer *writer, const struct task *task);
void model_write_offer(struct json_writer *writer, const struct offer *offer);
void model_write_executor(struct json_writer *writer, const struct executor *executor);

/* Members of an agent's object, without its resources in full. */
void model_write_agent_members(struct json_writer *writer, const struct agent *agent);
void model_write_agent_full_resources(struct json_writer *writer, const struct agent *agent);

/* The members that every endpoint shows of a framework, and those that /state and /frameworks add before its tasks. */
void model_write_framework_summary(struct json_writer *writer, const struct framework *framework);
void model_write_framework_details(struct json_writer *writer, const struct framework *framework);
