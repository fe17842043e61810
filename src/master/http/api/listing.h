/* SPDX-License-Identifier: Apache-2.0 */
/* GET_STATE and its parts: lists of tasks, executors, frameworks and agents, as JSON or protobuf, in slices.
 *
 * JSON is written as it comes. Of protobuf, whose messages begin with their sizes, each slice is a message of its own:
 * a response that is read one after the other is merged by every decoder, the lists of all slices are joined. */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "master/http/api/api.h"
#include "master/http/walk.h"
#include "mesos/v1/master/master.pb-c.h"

struct agent;
struct framework;
struct listing;
struct listing_group;

enum { LISTING_TASKS, LISTING_EXECUTORS, LISTING_FRAMEWORKS, LISTING_AGENTS, LISTING_STATE };

struct listing {
    struct master *master;
    enum media format;
    const struct listing_group *group; /* at hand */
    size_t groups_left;
    size_t list;        /* index in the group of the list at hand */
    bool is_open;       /* the list was begun */
    struct buffer *out; /* borrowed */
    struct json_writer json;
    struct buffer group_bytes, state_bytes; /* protobuf: what is to be put into the group, and into the state */
    bool is_state;
    unsigned response_field; /* protobuf: what the whole is in its response or event */
    bool was_written;        /* something of the group was */
    struct arena arena;      /* of the message at hand */

    /* The visit */
    struct table_cursor cursor;
    bool is_among_completed;
    char *framework_id;
    struct task_walk tasks;
    struct id_walk executors;
};

/* @what is one of the LISTING_…. @field is the number of the member that the listing is of the message around it. The
 * listing cannot be moved. */
void listing_init(struct listing *listing, struct master *master, int what, enum media format, unsigned field,
                  struct buffer *out);
void listing_done(struct listing *listing);
/* Write one thing, or look for the next. Returns false at the end. JSON: the value of the member, to be written where
 * its name stands in listing->json. */
bool listing_write(struct listing *listing);
/* A slice ends: what is in out is complete, and nothing is held that others may release. */
void listing_pause(struct listing *listing);

/* Agents and frameworks as they are listed, parts of them shared; the rest is in @arena. */
Mesos__V1__Master__Response__GetAgents__Agent *listing_agent(const struct agent *agent, struct arena *arena);
Mesos__V1__Master__Response__GetFrameworks__Framework *listing_framework(const struct framework *framework,
                                                                         struct arena *arena);

/* Append @bytes, which are empty afterwards, as a member that is a message. */
void listing_append_member(struct buffer *buffer, unsigned field, struct buffer *bytes);
