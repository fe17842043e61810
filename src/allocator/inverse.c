/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance: asking frameworks to leave an agent (generateInverseOffers(), updateInverseOffer()). */
#include <assert.h>

#include "allocator/internal.h"
#include "base/log.h"
#include "message/message.h"
#include "model/name.h"

/* A framework's last answer about an agent. */
struct inverse_answer {
    const char *framework_id; /* held */
    Mesos__V1__Allocator__InverseOfferStatus *status;
};

/* Made by a round, to be delivered at its end. */
struct inverse_offer {
    struct list in_framework, in_agent;
    struct framework *framework;
    struct agent *agent;
};

enum { STEPS_OF_A_USAGE = 4 };

static void inverse_offer_free(struct inverse_offer *offer) {
    list_remove(&offer->in_framework);
    list_remove(&offer->in_agent);
    if (list_is_empty(&offer->framework->inverse_offers))
        list_remove(&offer->framework->with_inverse_offers);
    free(offer);
}

static void answer_free(struct inverse_answer *answer) {
    name_release(answer->framework_id);
    MESSAGE_FREE(answer->status);
    free(answer);
}

void allocator_maintenance_free(struct allocator *allocator, struct agent *agent) {
    struct maintenance *maintenance = agent->maintenance;
    struct inverse_answer *answer;
    struct inverse_offer *offer;
    const char *name;

    if (maintenance == NULL)
        return;
    list_for_each (&maintenance->offers, offer, in_agent)
        inverse_offer_free(offer);
    list_remove(&maintenance->in_allocator);
    MESSAGE_FREE(maintenance->unavailability);
    table_for_each (&maintenance->answers, answer)
        answer_free(answer);
    table_done(&maintenance->answers);
    table_for_each (&maintenance->outstanding, name)
        name_release(name);
    table_done(&maintenance->outstanding);
    free(maintenance);
    agent->maintenance = NULL;
}

void allocator_maintenance_set(struct allocator *allocator, struct agent *agent,
                               const Mesos__V1__Unavailability *unavailability) {
    allocator_maintenance_free(allocator, agent);
    if (unavailability == NULL)
        return;
    agent->maintenance = new0(struct maintenance);
    agent->maintenance->agent = agent;
    agent->maintenance->unavailability = MESSAGE_COPY(unavailability);
    list_init(&agent->maintenance->offers);
    list_init(&agent->maintenance->filters);
    list_append(&allocator->maintained, &agent->maintenance->in_allocator);
}

void allocator_update_unavailability(struct allocator *allocator, const char *agent_id,
                                     const Mesos__V1__Unavailability *unavailability) {
    struct agent *agent = table_find(&allocator->agents, agent_id);

    assert(agent != NULL);
    /* Frameworks are to think again. */
    allocator_inverse_filters_remove_of_agent(allocator, agent);
    allocator_maintenance_set(allocator, agent, unavailability);
    allocator_round_request(allocator, agent);
}

static void collect_for(struct allocator *allocator, struct agent *agent, struct framework *framework) {
    struct maintenance *maintenance = agent->maintenance;
    struct inverse_offer *offer;

    if (!framework->is_active || table_find(&maintenance->outstanding, framework->id) != NULL ||
        allocator_inverse_filter_is_set(framework, agent))
        return;
    table_add(&maintenance->outstanding, framework->id, (void *)name_hold(framework->id));
    offer = new0(struct inverse_offer);
    offer->framework = framework;
    offer->agent = agent;
    if (list_is_empty(&framework->inverse_offers))
        list_append(&allocator->round.with_inverse_offers, &framework->with_inverse_offers);
    list_append(&framework->inverse_offers, &offer->in_framework);
    list_append(&maintenance->offers, &offer->in_agent);
}

static void collect_of_agent(struct allocator *allocator, struct agent *agent) {
    struct usage *usage;

    allocator->steps++;
    list_for_each (&agent->usages, usage, in_agent) {
        collect_for(allocator, agent, usage->client->framework);
        allocator->steps += STEPS_OF_A_USAGE;
    }
}

void allocator_inverse_offers_begin(struct allocator *allocator) {
    struct round *round = &allocator->round;
    struct maintenance *maintenance;

    round->inverse_next = round->inverse_count = 0;
    list_for_each (&allocator->maintained, maintenance, in_allocator) {
        if (!round->is_for_all && !maintenance->is_in_round)
            continue;
        maintenance->is_in_round = false;
        if (round->inverse_count == round->inverse_capacity) {
            round->inverse_capacity = round->inverse_capacity == 0 ? 16 : round->inverse_capacity * 2;
            round->inverse_agents = xrealloc(round->inverse_agents,
                                             round->inverse_capacity * sizeof(round->inverse_agents[0]));
        }
        round->inverse_agents[round->inverse_count++] = maintenance->agent->index;
    }
}

bool allocator_inverse_offers_collect(struct allocator *allocator) {
    struct round *round = &allocator->round;

    for (allocator->steps = 0; round->inverse_next < round->inverse_count; round->inverse_next++) {
        uint32_t index = round->inverse_agents[round->inverse_next];

        if (allocator->steps >= allocator->options.slice_steps)
            return false;
        if (index != NO_AGENT && allocator->agents_by_index[index]->maintenance != NULL)
            collect_of_agent(allocator, allocator->agents_by_index[index]);
    }
    return true;
}

/* Send the first @most inverse offers of @framework; they are taken away first, as the receiver may call back. Returns
 * how many these were. */
static size_t deliver(struct allocator *allocator, struct framework *framework, size_t most) {
    const char *framework_id = name_hold(framework->id);
    struct inverse_offer *offer;
    cleanup_free struct allocator_inverse_offer *sent = NULL;
    struct arena arena = ARENA_INIT;
    size_t count = 0;

    list_for_each (&framework->inverse_offers, offer, in_framework) {
        if (count == most)
            break;
        count++;
    }
    sent = xcalloc(count + 1, sizeof(*sent));
    for (size_t i = 0; i < count; i++) {
        offer = list_first(&framework->inverse_offers, struct inverse_offer, in_framework);
        sent[i].agent_id = arena_memdup(&arena, offer->agent->id, strlen(offer->agent->id) + 1);
        sent[i].unavailability = MESSAGE_COPY_TO(offer->agent->maintenance->unavailability, &arena);
        inverse_offer_free(offer);
    }
    allocator->callbacks->on_inverse_offers(allocator->user, framework_id, sent, count);
    arena_done(&arena);
    name_release(framework_id);
    return count;
}

bool allocator_inverse_offers_deliver(struct allocator *allocator) {
    struct framework *framework;

    for (size_t left = allocator->options.slice_offers; left > 0;) {
        framework = list_first(&allocator->round.with_inverse_offers, struct framework, with_inverse_offers);
        if (framework == NULL)
            return true;
        left -= deliver(allocator, framework, left);
    }
    return list_is_empty(&allocator->round.with_inverse_offers);
}

void allocator_inverse_offers_drop(struct framework *framework) {
    struct inverse_offer *offer;

    list_for_each (&framework->inverse_offers, offer, in_framework)
        inverse_offer_free(offer);
}

static void set_answer(struct maintenance *maintenance, const char *framework_id,
                       const Mesos__V1__Allocator__InverseOfferStatus *status) {
    struct inverse_answer *answer = table_find(&maintenance->answers, framework_id);

    if (answer == NULL) {
        answer = new0(struct inverse_answer);
        answer->framework_id = name_get(framework_id);
        table_add(&maintenance->answers, answer->framework_id, answer);
    }
    MESSAGE_FREE(answer->status);
    answer->status = MESSAGE_COPY(status);
}

void allocator_update_inverse_offer(struct allocator *allocator, const char *agent_id, const char *framework_id,
                                    const Mesos__V1__Allocator__InverseOfferStatus *status,
                                    const Mesos__V1__Filters *filters) {
    struct framework *framework = table_find(&allocator->frameworks, framework_id);
    struct agent *agent = table_find(&allocator->agents, agent_id);
    const char *outstanding;

    if (framework == NULL || agent == NULL || agent->maintenance == NULL)
        return;
    outstanding = table_remove(&agent->maintenance->outstanding, framework_id);
    if (outstanding != NULL && status != NULL)
        set_answer(agent->maintenance, framework_id, status);
    name_release(outstanding);
    if (filters != NULL && allocator_filters_timeout_ns(filters) > 0)
        allocator_inverse_filter_add(allocator, framework, agent, allocator_filters_timeout_ns(filters));
}

void allocator_for_each_inverse_offer_status(const struct allocator *allocator, allocator_inverse_visit *visit,
                                             void *user) {
    struct maintenance *maintenance;
    struct inverse_answer *answer;

    list_for_each (&allocator->maintained, maintenance, in_allocator)
        table_for_each (&maintenance->answers, answer)
            visit(user, maintenance->agent->id, answer->status);
}
