/* SPDX-License-Identifier: Apache-2.0 */
/* What agents send to the master: the handlers of the message table in dispatch.c. */
#pragma once

#include <protobuf-c/protobuf-c.h>

struct master;
struct pid;

/* @message is of the type that the handler's row names; @from is the sender. */
typedef void message_handler(struct master *master, const struct pid *from, ProtobufCMessage *message);

message_handler on_register_agent, on_reregister_agent, on_unregister_agent, on_update_agent, on_status_update,
    on_exited_executor, on_executor_to_framework, on_update_operation_status;
