/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a history that are about agents. */
#include "history.h"

/* What makes a disk special; all may be left out. */
struct disk {
    enum disk_source source;
    const char *root, *volume, *role, *provider, *id;
    bool is_shared;
};

static void add_disk(struct resources *to, const struct disk *what, double amount) {
    Mesos__V1__Resource message = MESOS__V1__RESOURCE__INIT, *messages[] = {&message};
    Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;
    Mesos__V1__Resource__DiskInfo disk = MESOS__V1__RESOURCE__DISK_INFO__INIT;
    Mesos__V1__Resource__DiskInfo__Source from = MESOS__V1__RESOURCE__DISK_INFO__SOURCE__INIT;
    Mesos__V1__Resource__DiskInfo__Source__Mount mount = MESOS__V1__RESOURCE__DISK_INFO__SOURCE__MOUNT__INIT;
    Mesos__V1__Resource__DiskInfo__Source__Path path = MESOS__V1__RESOURCE__DISK_INFO__SOURCE__PATH__INIT;
    Mesos__V1__Resource__DiskInfo__Persistence persistence = MESOS__V1__RESOURCE__DISK_INFO__PERSISTENCE__INIT;
    Mesos__V1__Resource__SharedInfo shared = MESOS__V1__RESOURCE__SHARED_INFO__INIT;
    Mesos__V1__ResourceProviderID provider = MESOS__V1__RESOURCE_PROVIDER_ID__INIT;
    Mesos__V1__Resource__ReservationInfo reservation = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;
    Mesos__V1__Resource__ReservationInfo *reservations[] = {&reservation};
    struct resources part;
    struct error err = ERROR_INIT;

    message.name = (char *)"disk";
    message.scalar = &scalar;
    scalar.value = amount;
    message.disk = &disk;
    if (what->source > DISK_UNKNOWN) {
        disk.source = &from;
        from.type = (Mesos__V1__Resource__DiskInfo__Source__Type)what->source;
        from.id = (char *)what->id;
        mount.root = path.root = (char *)what->root;
        if (what->source == DISK_MOUNT)
            from.mount = &mount;
        else if (what->source == DISK_PATH)
            from.path = &path;
    }
    if (what->volume != NULL) {
        disk.persistence = &persistence;
        persistence.id = (char *)what->volume;
        message.shared = what->is_shared ? &shared : NULL;
    }
    if (what->provider != NULL) {
        provider.value = (char *)what->provider;
        message.provider_id = &provider;
    }
    if (what->role != NULL) {
        reservation.has_type = true;
        reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
        reservation.role = (char *)what->role;
        message.reservations = reservations;
        message.n_reservations = 1;
    }
    if (resources_from_messages(messages, 1, &part, &err) < 0) {
        fprintf(stderr, "%s\n", error_message(&err));
        abort();
    }
    resources_add(to, &part);
    resources_done(&part);
}

static struct resources make_total(struct history *h) {
    cleanup_free char *text = xasprintf("cpus:%d;mem:%d;disk:%d;ports:[100-%d]", (int)history_draw(h, 9) + 1,
                                        ((int)history_draw(h, 8) + 1) * 64, (int)history_draw(h, 3) * 100,
                                        100 + (int)history_draw(h, 20));
    struct resources total = test_resources(text), more;

    if (history_chance(h, 30)) {
        more = test_resources(history_chance(h, 50) ? "cpus(a):2;mem(a):64"
                                                    : "cpus(b):1;cpus(a/x):2;ports(a):[500-505]");
        resources_add(&total, &more);
        resources_done(&more);
    }
    if (history_chance(h, 20)) {
        more = test_resources("cpus{REV}:3;mem{REV}:64");
        resources_add(&total, &more);
        resources_done(&more);
    }
    if (history_chance(h, 15)) {
        more = test_resources("gpus:2;widgets:4");
        resources_add(&total, &more);
        resources_done(&more);
    }
    if (history_chance(h, 15)) {
        add_disk(&total, &(struct disk){.source = DISK_MOUNT, .root = "/m1"}, 150);
        add_disk(&total, &(struct disk){.source = DISK_MOUNT, .root = "/m2"}, 80);
        add_disk(&total, &(struct disk){.source = DISK_PATH, .root = "/p"}, 90);
    }
    if (history_chance(h, 20))
        add_disk(&total, &(struct disk){.volume = "v1", .is_shared = true, .role = "a"}, 50);
    if (history_chance(h, 10))
        add_disk(&total, &(struct disk){.volume = "v2", .role = "a"}, 30);
    return total;
}

/* What a resource provider has: space that can be cut, a block device and a mounted disk that can not, a volume. */
static struct resources make_provided(struct history *h, const char *provider) {
    struct resources provided = RESOURCES_INIT;

    add_disk(&provided, &(struct disk){.source = DISK_RAW, .provider = provider}, 100 + (double)history_draw(h, 100));
    if (history_chance(h, 50))
        add_disk(&provided, &(struct disk){.source = DISK_RAW, .provider = provider, .id = "raw"}, 60);
    if (history_chance(h, 50))
        add_disk(&provided, &(struct disk){.source = DISK_BLOCK, .provider = provider, .id = "block", .role = "b"}, 70);
    if (history_chance(h, 50))
        add_disk(&provided,
                 &(struct disk){
                     .source = DISK_MOUNT, .root = "/m", .provider = provider, .id = "m", .volume = "v3", .role = "a"},
                 40);
    return provided;
}

/* A resource provider comes (or is back: then some of what it has is in use). */
static void add_provider(struct history *h, int index) {
    static const char *const providers[] = {"p1", "p2"};
    const char *provider = providers[history_draw(h, ARRAY_SIZE(providers))];
    cleanup_resources struct resources provided = RESOURCES_INIT, here = RESOURCES_INIT, used = RESOURCES_INIT;
    int framework = (int)history_draw(h, FRAMEWORKS);
    struct allocator_used use = {framework_ids[framework], &used};
    bool is_used = history_chance(h, 30);

    resources_of_provider(&h->totals[index], provider, &here);
    if (!resources_is_empty(&here))
        return;
    h->step = "add resource provider";
    provided = make_provided(h, provider);
    if (is_used) {
        resources_add_one(&used, &provided.items[0]);
        resources_set_scalar(&used, 0, 50000);
        resources_allocate(&used, all_roles[history_draw(h, ROLES)]);
        if (h->has_framework[framework])
            history_add_piece(h, framework, index, &used, true);
    }
    resources_add(&h->totals[index], &provided);
    allocator_add_resource_provider(h->allocator, agent_ids[index], &provided, &use, is_used);
    ALSO(h, reference_add_resource_provider(h->reference, agent_ids[index], &provided, &use, is_used));
    /* The master adds what is used there as it adds what an agent uses. */
    if (is_used && h->has_framework[framework])
        allocator_transition_offered_to_allocated(h->allocator, agent_ids[index], &used);
}

/* An agent and the messages it is made of. */
struct drawn_agent {
    struct test_agent agent;
    Mesos__V1__Attribute rack, level, *attributes[2];
    Mesos__V1__Value__Text text;
    Mesos__V1__Value__Scalar scalar;
    Mesos__V1__DomainInfo domain;
    Mesos__V1__DomainInfo__FaultDomain fault;
    Mesos__V1__DomainInfo__FaultDomain__RegionInfo region;
    Mesos__V1__DomainInfo__FaultDomain__ZoneInfo zone;
};

static void draw_domain(struct history *h, struct drawn_agent *drawn) {
    mesos__v1__domain_info__init(&drawn->domain);
    mesos__v1__domain_info__fault_domain__init(&drawn->fault);
    mesos__v1__domain_info__fault_domain__region_info__init(&drawn->region);
    mesos__v1__domain_info__fault_domain__zone_info__init(&drawn->zone);
    drawn->region.name = (char *)(history_chance(h, 50) ? "far" : "home");
    drawn->zone.name = (char *)(history_chance(h, 50) ? "z1" : "z2");
    drawn->fault.region = &drawn->region;
    drawn->fault.zone = &drawn->zone;
    drawn->domain.fault_domain = &drawn->fault;
    drawn->agent.info.domain = &drawn->domain;
}

static void draw_attributes(struct history *h, struct drawn_agent *drawn) {
    /* The last one has more matches than steps for "(a|aa)*(a|aa)*(a|aa)*[bc]". */
    static const char *const racks[] = {"r1", "r2", "r3", "r", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    size_t count = 0;

    mesos__v1__attribute__init(&drawn->rack);
    mesos__v1__attribute__init(&drawn->level);
    mesos__v1__value__text__init(&drawn->text);
    mesos__v1__value__scalar__init(&drawn->scalar);
    drawn->rack.name = (char *)"rack";
    drawn->rack.type = MESOS__V1__VALUE__TYPE__TEXT;
    drawn->rack.text = &drawn->text;
    drawn->text.value = (char *)racks[history_draw(h, ARRAY_SIZE(racks))];
    drawn->level.name = (char *)(history_chance(h, 90) ? "level" : "rack");
    drawn->level.type = MESOS__V1__VALUE__TYPE__SCALAR;
    drawn->level.scalar = &drawn->scalar;
    drawn->scalar.value = (double)history_draw(h, 2);
    if (history_chance(h, 20))
        drawn->attributes[count++] = &drawn->level;
    if (history_chance(h, 70))
        drawn->attributes[count++] = &drawn->rack;
    drawn->agent.info.attributes = drawn->attributes;
    drawn->agent.info.n_attributes = count;
}

static void draw_agent(struct history *h, int index, struct drawn_agent *drawn, const struct resources *total) {
    test_agent_init(&drawn->agent, agent_ids[index], history_chance(h, 90) ? agent_ids[index] : "other", total);
    if (history_chance(h, 10))
        drawn->agent.from.capability_count = history_draw(h, 3);
    draw_attributes(h, drawn);
    if (history_chance(h, 15))
        draw_domain(h, drawn);
}

static void add_agent(struct history *h, int index) {
    struct drawn_agent drawn;
    struct allocator_used used;
    cleanup_resources struct resources part = RESOURCES_INIT;
    int framework = (int)history_draw(h, FRAMEWORKS);
    bool is_used = history_chance(h, 20);

    h->step = "add agent";
    h->has_agent[index] = true;
    h->has_maintenance[index] = h->is_cut[index] = false;
    h->totals[index] = make_total(h);
    if (history_chance(h, 15)) {
        cleanup_resources struct resources provided = make_provided(h, "p1");

        resources_add(&h->totals[index], &provided);
    }
    draw_agent(h, index, &drawn, &h->totals[index]);
    if (is_used) {
        part = test_resources("cpus:1;mem:32;ports:[101-103]");
        if (!resources_contain(&h->totals[index], &part))
            is_used = false;
        resources_allocate(&part, all_roles[history_draw(h, ARRAY_SIZE(all_roles))]);
        used = (struct allocator_used){framework_ids[framework], &part};
        if (is_used)
            history_add_piece(h, framework, index, &part, true);
    }
    allocator_add_agent(h->allocator, &drawn.agent.from, NULL, &used, is_used);
    ALSO(h, reference_add_agent(h->reference, &drawn.agent.from, &used, is_used));
}

static void remove_agent(struct history *h, int index) {
    h->step = "remove agent";
    h->has_agent[index] = false;
    resources_done(&h->totals[index]);
    allocator_remove_agent(h->allocator, agent_ids[index]);
    ALSO(h, reference_remove_agent(h->reference, agent_ids[index]));
    history_drop_pieces(h, -1, index);
}

static void update_agent(struct history *h, int index) {
    struct drawn_agent drawn;
    cleanup_resources struct resources total = RESOURCES_INIT, more = RESOURCES_INIT;

    h->step = "update agent";
    resources_assign(&total, &h->totals[index]);
    if (history_chance(h, 30)) {
        more = test_resources(history_chance(h, 50) ? "cpus{REV}:2" : "cpus:2;mem:64");
        resources_add(&total, &more);
    } else if (history_chance(h, 30)) {
        more = test_resources(history_chance(h, 50) ? "cpus{REV}:1" : "cpus:2");
        resources_subtract(&total, &more);
        h->is_cut[index] = true;
    }
    draw_agent(h, index, &drawn, &total);
    if (history_chance(h, 30))
        drawn.agent.from.capabilities = NULL;
    allocator_update_agent(h->allocator, &drawn.agent.from);
    ALSO(h, reference_update_agent(h->reference, &drawn.agent.from));
    resources_assign(&h->totals[index], &total);
}

/* Make the allocator think that an agent has more than it has. */
static void break_agent(struct history *h, int index) {
    cleanup_resources struct resources more = test_resources("cpus:3");
    struct agent *agent = table_find(&h->allocator->agents, agent_ids[index]);

    resources_add(&agent->available, &more);
    allocator_agent_has_grown(h->allocator, agent);
}

void history_change_agent(struct history *h) {
    int index = (int)history_draw(h, AGENTS);
    bool is_active;

    if (!h->has_agent[index]) {
        add_agent(h, index);
        return;
    }
    switch (history_draw(h, 9)) {
    case 0:
        remove_agent(h, index);
        break;
    case 3:
        add_provider(h, index);
        break;
    case 1:
    case 2:
        is_active = history_chance(h, 70);
        h->step = is_active ? "activate agent" : "deactivate agent";
        if (is_active)
            allocator_activate_agent(h->allocator, agent_ids[index]);
        else
            allocator_deactivate_agent(h->allocator, agent_ids[index]);
        ALSO(h, reference_activate_agent(h->reference, agent_ids[index], is_active));
        break;
    default:
        update_agent(h, index);
        break;
    }
    if (h->sabotage == AGENT_TOTALS && h->has_agent[index])
        break_agent(h, index);
}

void history_change_whitelist(struct history *h) {
    const char *hostnames[AGENTS];
    size_t count = 0;

    h->step = "whitelist";
    for (int i = 0; i < AGENTS; i++)
        if (history_chance(h, 70))
            hostnames[count++] = agent_ids[i];
    if (history_chance(h, 60)) {
        allocator_update_whitelist(h->allocator, NULL, 0);
        ALSO(h, reference_update_whitelist(h->reference, NULL, 0));
    } else {
        allocator_update_whitelist(h->allocator, hostnames, count);
        ALSO(h, reference_update_whitelist(h->reference, hostnames, count));
    }
}

void history_change_maintenance(struct history *h) {
    Mesos__V1__Unavailability unavailability = MESOS__V1__UNAVAILABILITY__INIT;
    Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    int agent = (int)history_draw(h, AGENTS), framework = history_pick_framework(h);

    unavailability.start = &start;
    if (!h->has_agent[agent])
        return;
    if (!h->has_maintenance[agent] || framework < 0 || history_chance(h, 30)) {
        h->step = "unavailability";
        h->has_maintenance[agent] = history_chance(h, 70);
        allocator_update_unavailability(h->allocator, agent_ids[agent],
                                        h->has_maintenance[agent] ? &unavailability : NULL);
        ALSO(h, reference_update_unavailability(h->reference, agent_ids[agent], h->has_maintenance[agent]));
        return;
    }
    h->step = "inverse offer answered";
    filters.has_refuse_seconds = true;
    filters.refuse_seconds = (double)history_draw(h, 4);
    allocator_update_inverse_offer(h->allocator, agent_ids[agent], framework_ids[framework], NULL, &filters);
    ALSO(h, reference_update_inverse_offer(h->reference, agent_ids[agent], framework_ids[framework],
                                           duration_from_seconds(filters.refuse_seconds)));
}
