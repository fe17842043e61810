/* SPDX-License-Identifier: Apache-2.0 */
/* The two forms in which messages of the v1 APIs travel over HTTP, in requests, answers and streams. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "message/message.h"
#include "net/http_server.h"

enum media { MEDIA_PROTOBUF, MEDIA_JSON };

/* "application/json" or "application/x-protobuf". */
const char *media_type(enum media media);
/* Append @message as it is written in @media. */
void media_append(struct buffer *buffer, const ProtobufCMessage *message, enum media media);
/* The other way round. On failure *err says why. */
int media_decode(enum media media, const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size,
                 struct arena *arena, void *ret, struct error *err);
/* What @request's Accept allows for the answer: JSON if both, whatever their q. Returns false for neither. */
bool media_accepted(const struct http_request *request, enum media *ret);

/* Decode the body of @request, a call, from @media into @arena. The error's text is Mesos's. */
int media_decode_call(const struct http_request *request, enum media media,
                      const ProtobufCMessageDescriptor *descriptor, struct arena *arena, void *ret, struct error *err);
/* The same, by the request's Content-Type. Returns 0, or the status to refuse it with. */
unsigned media_read_call(const struct http_request *request, const ProtobufCMessageDescriptor *descriptor,
                         struct arena *arena, void *ret, struct error *err);
