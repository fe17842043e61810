/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/info.h"

#include <stdio.h>
#include <string.h>

#include "message/json.h"
#include "model/attributes.h"
#include "model/resources.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define GIGABYTE (UINT64_C(1) << 30)

#define CAPABILITY(name) \
    { \
        PROTOBUF_C_MESSAGE_INIT(&mesos__v1__agent_info__capability__descriptor), true, \
            MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__##name \
    }

static const Mesos__V1__AgentInfo__Capability capabilities[] = {
    CAPABILITY(MULTI_ROLE),
    CAPABILITY(HIERARCHICAL_ROLE),
    CAPABILITY(RESERVATION_REFINEMENT),
    CAPABILITY(RESIZE_VOLUME),
    CAPABILITY(AGENT_DRAINING),
    CAPABILITY(RESOURCE_PROVIDER),
    CAPABILITY(AGENT_OPERATION_FEEDBACK),
};

const Mesos__V1__AgentInfo__Capability *const agent_capabilities_list[] = {
    &capabilities[0], &capabilities[1], &capabilities[2], &capabilities[3],
    &capabilities[4], &capabilities[5], &capabilities[6],
};
const size_t agent_capabilities_count = ARRAY_SIZE(agent_capabilities_list);

/* Leave something for the machine itself. */
static uint64_t leave(uint64_t total, uint64_t enough, uint64_t reserve) {
    return total >= enough ? total - reserve : total / 2;
}

static int add_default(struct resources *resources, const char *role, const char *text, struct error *err) {
    struct resources part;

    if (resources_parse(text, role, &part, err) < 0)
        return -1;
    resources_add(resources, &part);
    resources_done(&part);
    return 0;
}

/* Whether the flag speaks of @name, be it with the amount 0, which leaves nothing in the parsed value. */
static bool names_resource(const char *text, const char *name) {
    const size_t size = strlen(name);

    for (const char *found = text; (found = strstr(found, name)) != NULL; found += size) {
        const bool begins = found == text || strchr("; \n\"'", found[-1]) != NULL;

        if (begins && found[size] != '\0' && strchr(":( \"'", found[size]) != NULL)
            return true;
    }
    return false;
}

static int parse_resources(const struct agent_flags *flags, const struct agent_machine *machine, struct resources *ret,
                           struct error *err) {
    const char *text = flags->resources != NULL ? flags->resources : "";
    const char *role = flags->default_role;
    char part[64];

    if (resources_parse(text, role, ret, err) < 0)
        return error_wrap(err, "flag 'resources'");
    if (!names_resource(text, "cpus")) {
        snprintf(part, sizeof(part), "cpus:%g", machine->cpus(machine->user));
        if (add_default(ret, role, part, err) < 0)
            return -1;
    }
    if (!names_resource(text, "mem")) {
        const uint64_t total = machine->memory_bytes(machine->user);
        const uint64_t mem = total == 0 ? GIGABYTE : leave(total, 2 * GIGABYTE, GIGABYTE);

        snprintf(part, sizeof(part), "mem:%llu", (unsigned long long)(mem / MEGABYTE));
        if (add_default(ret, role, part, err) < 0)
            return -1;
    }
    if (!names_resource(text, "disk")) {
        const uint64_t total = machine->disk_bytes(machine->user, flags->work_dir);
        const uint64_t disk = total == 0 ? 10 * GIGABYTE : leave(total, 10 * GIGABYTE, 5 * GIGABYTE);

        snprintf(part, sizeof(part), "disk:%llu", (unsigned long long)(disk / MEGABYTE));
        if (add_default(ret, role, part, err) < 0)
            return -1;
    }
    if (!names_resource(text, "ports"))
        return add_default(ret, role, "ports:[31000-32000]", err);
    return 0;
}

int agent_info_new(const struct agent_flags *flags, const struct agent_machine *machine, const char *hostname,
                   uint16_t port, Mesos__V1__AgentInfo **ret, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_resources struct resources resources = RESOURCES_INIT;
    Mesos__V1__AgentInfo info = MESOS__V1__AGENT_INFO__INIT;

    info.hostname = (char *)hostname;
    info.has_port = true;
    info.port = port;
    if (parse_resources(flags, machine, &resources, err) < 0)
        return -1;
    resources_to_messages(&resources, RESOURCE_FORMAT_NEW, &arena, &info.resources, &info.n_resources);
    if (flags->attributes != NULL &&
        attributes_parse(flags->attributes, &arena, &info.attributes, &info.n_attributes, err) < 0)
        return error_wrap(err, "flag 'attributes'");
    if (flags->domain != NULL) {
        ProtobufCMessage *domain;

        if (message_parse_json(&mesos__v1__domain_info__descriptor, flags->domain, strlen(flags->domain), MESSAGE_V1,
                               &arena, &domain, err) < 0)
            return error_wrap(err, "flag 'domain'");
        info.domain = (Mesos__V1__DomainInfo *)domain;
    }
    *ret = MESSAGE_COPY(&info);
    return 0;
}

static bool all_attributes_kept(const Mesos__V1__AgentInfo *previous, const Mesos__V1__AgentInfo *current) {
    for (size_t i = 0; i < previous->n_attributes; i++) {
        bool is_kept = false;

        for (size_t j = 0; j < current->n_attributes && !is_kept; j++)
            is_kept = message_equal(&previous->attributes[i]->base, &current->attributes[j]->base);
        if (!is_kept)
            return false;
    }
    return true;
}

int agent_info_check_compatible(const Mesos__V1__AgentInfo *previous, const Mesos__V1__AgentInfo *current,
                                const char *policy, bool *ret_is_changed, struct error *err) {
    const bool is_additive = strcmp(policy, "additive") == 0;
    cleanup_resources struct resources old = RESOURCES_INIT, new = RESOURCES_INIT;
    cleanup_free char *old_text = NULL, *new_text = NULL;
    bool same_resources, same_attributes, same_domain;

    resources_from_valid_messages(previous->resources, previous->n_resources, &old);
    resources_from_valid_messages(current->resources, current->n_resources, &new);
    same_resources = resources_equal(&old, &new);
    same_attributes = attributes_equal(previous->attributes, previous->n_attributes, current->attributes,
                                       current->n_attributes);
    same_domain = message_equal((const ProtobufCMessage *)previous->domain, (const ProtobufCMessage *)current->domain);
    if (strcmp(previous->hostname, current->hostname) != 0)
        return error_set(err, 0, "the hostname changed from '%s' to '%s'", previous->hostname, current->hostname);
    if (previous->port != current->port)
        return error_set(err, 0, "the port changed from %d to %d", (int)previous->port, (int)current->port);
    if (!same_domain && (!is_additive || previous->domain != NULL))
        return error_set(err, 0, "the domain changed");
    if (!same_resources && (!is_additive || !resources_contain(&new, &old))) {
        old_text = resources_text(&old);
        new_text = resources_text(&new);
        return error_set(err, 0, "the resources changed from '%s' to '%s'", old_text, new_text);
    }
    if (!same_attributes && (!is_additive || !all_attributes_kept(previous, current)))
        return error_set(err, 0, "the attributes changed");
    *ret_is_changed = !same_resources || !same_attributes || !same_domain;
    return 0;
}
