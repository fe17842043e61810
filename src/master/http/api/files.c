/* SPDX-License-Identifier: Apache-2.0 */
/* LIST_FILES and READ_FILE, for the one file that a master shows: its log. */
#include "base/log.h"
#include "master/http/api/api.h"
#include "master/http/endpoints.h"
#include "model/file_info.h"

static void add_info(void *user, const char *path, const struct env_file_status *status) {
    file_infos_add(user, path, status);
}

void api_list_files(struct api_request *request) {
    Mesos__V1__Master__Response response = MESOS__V1__MASTER__RESPONSE__INIT;
    Mesos__V1__Master__Response__ListFiles list_files = MESOS__V1__MASTER__RESPONSE__LIST_FILES__INIT;
    struct file_infos list = {.arena = request->arena};
    cleanup_error struct error err = ERROR_INIT;
    unsigned status = files_browse(&request->endpoints->files, request->call->list_files->path, add_info, &list, &err);

    if (status != 0) {
        http_respond_text(request->exchange, status, "%s", error_message(&err));
        return;
    }
    list_files.file_infos = list.infos;
    list_files.n_file_infos = list.count;
    response.has_type = true;
    response.type = MESOS__V1__MASTER__RESPONSE__TYPE__LIST_FILES;
    response.list_files = &list_files;
    api_respond(request, &response);
}

void api_read_file(struct api_request *request) {
    Mesos__V1__Master__Response response = MESOS__V1__MASTER__RESPONSE__INIT;
    Mesos__V1__Master__Response__ReadFile read_file = MESOS__V1__MASTER__RESPONSE__READ_FILE__INIT;
    const Mesos__V1__Master__Call__ReadFile *call = request->call->read_file;
    cleanup_buffer struct buffer data = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    unsigned status = files_read(&request->endpoints->files, call->path, files_offset(call->offset),
                                 call->has_length ? files_offset(call->length) : -1, &data, &read_file.size, &err);

    if (status != 0) {
        http_respond_text(request->exchange, status, "%s", error_message(&err));
        return;
    }
    read_file.data = (ProtobufCBinaryData){data.size, (uint8_t *)data.data};
    response.has_type = true;
    response.type = MESOS__V1__MASTER__RESPONSE__TYPE__READ_FILE;
    response.read_file = &read_file;
    api_respond(request, &response);
}
