/* SPDX-License-Identifier: Apache-2.0 */
/* Files that outlive the agent, in Mesos's formats: text, or a message behind its size as four bytes, the lowest first
 * (src/slave/state.hpp, checkpoint()). */
#pragma once

#include "base/list.h"
#include "event/env.h"
#include "message/message.h"

/* The writes under way of one agent. */
struct checkpoints {
    struct env *env;
    struct list pending; /* of struct checkpoint */
};

typedef void checkpoint_done(void *owner, const struct error *err);

void checkpoints_init(struct checkpoints *checkpoints, struct env *env);
/* What is under way goes on without a word. Accepts a zeroed one. */
void checkpoints_done(struct checkpoints *checkpoints);

/* Replace @path, making its directory if need be, and call @on_done(@owner) when that is durable or has failed; NULL:
 * failures are only logged. Never called before this returns. */
void checkpoint_text(struct checkpoints *checkpoints, const char *path, const char *text, size_t size,
                     checkpoint_done *on_done, void *owner);
/* The message is written with its resources in the format that agents before reservation refinement read, where they
 * have one. */
void checkpoint_message(struct checkpoints *checkpoints, const char *path, const ProtobufCMessage *message,
                        checkpoint_done *on_done, void *owner);
/* No callback for @owner will come. */
void checkpoints_forget(struct checkpoints *checkpoints, const void *owner);

/* Write at once; for what must be there before anything else happens. */
int checkpoint_message_now(struct env *env, const char *path, const ProtobufCMessage *message, struct error *err);

/* One record as it stands in a file. */
void checkpoint_append_record(struct buffer *buffer, const ProtobufCMessage *message);

enum { CHECKPOINT_ABSENT = 1 }; /* there is no such file, or nothing in it */

/* Read back a file of one message, its resources in the newest format. Returns CHECKPOINT_ABSENT or fails. */
int checkpoint_read_message(struct env *env, const char *path, const ProtobufCMessageDescriptor *descriptor,
                            struct arena *arena, ProtobufCMessage **ret, struct error *err);
/* The caller frees. Returns CHECKPOINT_ABSENT or fails. */
int checkpoint_read_text(struct env *env, const char *path, char **ret, struct error *err);

/* Take the record at the front of @data: returns its size, 0 if there is none that is whole and readable. */
size_t checkpoint_next_record(const char *data, size_t size, const ProtobufCMessageDescriptor *descriptor,
                              struct arena *arena, ProtobufCMessage **ret);

/* Rewrite every Resource in @message, at any depth. New parts come from @arena. */
void message_downgrade_resources(ProtobufCMessage *message, struct arena *arena);
void message_upgrade_resources(ProtobufCMessage *message, struct arena *arena);
