/* SPDX-License-Identifier: Apache-2.0 */
/* The text of --resources, --attributes and quota flags: what is taken must survive being printed as messages. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "model/attributes.h"
#include "model/id.h"
#include "model/resources.h"
#include "model/role.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_resources(const char *text) {
    struct resources resources, again;
    Mesos__V1__Resource **messages;
    struct arena arena = ARENA_INIT;
    size_t count;

    if (resources_parse(text, "role", &resources, NULL) < 0)
        return;
    resources_to_messages(&resources, RESOURCE_FORMAT_ENDPOINT, &arena, &messages, &count);
    assert(resources_from_messages(messages, count, &again, NULL) == 0);
    assert(resources_equal(&resources, &again));
    resources_subtract(&again, &resources);
    assert(resources_is_empty(&again));
    free(resources_text(&resources));
    resources_done(&again);
    resources_done(&resources);
    arena_done(&arena);
}

static void check_attributes(const char *text) {
    Mesos__V1__Attribute **attributes;
    struct arena arena = ARENA_INIT;
    struct buffer buffer = BUFFER_INIT;
    size_t count;

    if (attributes_parse(text, &arena, &attributes, &count, NULL) == 0) {
        assert(attributes_equal(attributes, count, attributes, count));
        attributes_format(attributes, count, &buffer);
    }
    buffer_done(&buffer);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = xstrndup((const char *)data, size);
    struct quantities quantities;

    check_resources(text);
    check_attributes(text);
    if (quantities_parse(text, &quantities, NULL) == 0)
        quantities_done(&quantities);
    if (limits_parse(text, &quantities, NULL) == 0)
        quantities_done(&quantities);
    if (role_validate(text, NULL) == 0)
        assert(text[0] != '\0');
    id_validate_sized((const char *)data, size, NULL);
    free(text);
    return 0;
}
