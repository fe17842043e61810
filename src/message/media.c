/* SPDX-License-Identifier: Apache-2.0 */
#include "message/media.h"

#include <errno.h>
#include <string.h>

#include "message/json.h"

const char *media_type(enum media media) {
    return media == MEDIA_JSON ? "application/json" : "application/x-protobuf";
}

void media_append(struct buffer *buffer, const ProtobufCMessage *message, enum media media) {
    if (media == MEDIA_JSON)
        message_append_json(message, MESSAGE_V1, buffer);
    else
        message_encode(message, buffer);
}

bool media_accepted(const struct http_request *request, enum media *ret) {
    const char *accept = http_headers_find(&request->headers, "Accept");

    *ret = http_accepts(accept, media_type(MEDIA_JSON)) ? MEDIA_JSON : MEDIA_PROTOBUF;
    return *ret == MEDIA_JSON || http_accepts(accept, media_type(MEDIA_PROTOBUF));
}

int media_decode(enum media media, const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size,
                 struct arena *arena, void *ret, struct error *err) {
    if (media == MEDIA_JSON)
        return message_parse_json(descriptor, data, size, MESSAGE_V1, arena, ret, err);
    return message_decode(descriptor, data, size, arena, ret, err);
}

int media_decode_call(const struct http_request *request, enum media media,
                      const ProtobufCMessageDescriptor *descriptor, struct arena *arena, void *ret, struct error *err) {
    if (media_decode(media, descriptor, request->body, request->body_size, arena, ret, err) == 0)
        return 0;
    return error_wrap(err, media == MEDIA_JSON && err->code == EBADMSG ? "Failed to parse body into JSON"
                           : media == MEDIA_JSON                       ? "Failed to convert JSON into Call protobuf"
                                                                       : "Failed to parse body into Call protobuf");
}

unsigned media_read_call(const struct http_request *request, const ProtobufCMessageDescriptor *descriptor,
                         struct arena *arena, void *ret, struct error *err) {
    const char *type = http_headers_find(&request->headers, "Content-Type");
    enum media media = MEDIA_PROTOBUF;

    if (type == NULL) {
        error_set(err, 0, "Expecting 'Content-Type' to be present");
        return 400;
    }
    if (strcmp(type, media_type(MEDIA_JSON)) == 0) {
        media = MEDIA_JSON;
    } else if (strcmp(type, media_type(MEDIA_PROTOBUF)) != 0) {
        error_set(err, 0, "Expecting 'Content-Type' of %s or %s", media_type(MEDIA_JSON), media_type(MEDIA_PROTOBUF));
        return 415;
    }
    return media_decode_call(request, media, descriptor, arena, ret, err) == 0 ? 0 : 400;
}
