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
    struct list in_round;
    const char *framework_id, *agent_id; /* held */
    Mesos__V1__Unavailability *unavailability;
};

static void answer_free(struct inverse_answer *answer) {
    name_release(answer->framework_id);
    MESSAGE_FREE(answer->status);
    free(answer);
}

void allocator_maintenance_free(struct allocator *allocator, struct agent *agent) {
    struct maintenance *maintenance = agent->maintenance;
    struct inverse_answer *answer;
    const char *name;

    if (maintenance == NULL)
        return;
    MESSAGE_FREE(maintenance->unavailability);
    table_for_each (&maintenance->answers, answer)
        answer_free(answer);
    table_done(&maintenance->answers);
    table_for_each (&maintenance->outstanding, name)
        name_release(name);
    table_done(&maintenance->outstanding);
    free(maintenance);
    agent->maintenance = NULL;
    allocator->maintained_count--;
}

void allocator_maintenance_set(struct allocator *allocator, struct agent *agent,
                               const Mesos__V1__Unavailability *unavailability) {
    allocator_maintenance_free(allocator, agent);
    if (unavailability == NULL)
        return;
    agent->maintenance = new0(struct maintenance);
    agent->maintenance->unavailability = MESSAGE_COPY(unavailability);
    allocator->maintained_count++;
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
        allocator_inverse_filter_is_set(allocator, framework, agent))
        return;
    table_add(&maintenance->outstanding, framework->id, (void *)name_hold(framework->id));
    offer = new0(struct inverse_offer);
    offer->framework_id = name_hold(framework->id);
    offer->agent_id = name_get(agent->id);
    offer->unavailability = MESSAGE_COPY(maintenance->unavailability);
    list_append(&allocator->round.inverse_offers, &offer->in_round);
}

static void collect_of_agent(struct allocator *allocator, struct agent *agent) {
    struct usage *usage;

    if (agent == NULL || agent->maintenance == NULL)
        return;
    list_for_each (&agent->usages, usage, in_agent)
        collect_for(allocator, agent, usage->client->framework);
}

void allocator_inverse_offers_collect(struct allocator *allocator) {
    struct agent *agent;

    if (allocator->maintained_count == 0)
        return;
    if (allocator->round.is_for_all) {
        table_for_each (&allocator->agents, agent)
            collect_of_agent(allocator, agent);
        return;
    }
    for (uint32_t i = 0; i < allocator->round.candidate_count; i++)
        collect_of_agent(allocator, allocator->agents_by_index[allocator->round.candidates[i]]);
}

static void inverse_offer_free(struct inverse_offer *offer) {
    list_remove(&offer->in_round);
    name_release(offer->framework_id);
    name_release(offer->agent_id);
    MESSAGE_FREE(offer->unavailability);
    free(offer);
}

/* All that go to the framework of the first. */
static void deliver_first(struct allocator *allocator) {
    struct list *all = &allocator->round.inverse_offers, mine = LIST_INIT(mine);
    struct inverse_offer *first = list_first(all, struct inverse_offer, in_round), *offer;
    cleanup_free struct allocator_inverse_offer *sent = NULL;
    size_t count = 0;

    list_for_each (all, offer, in_round) {
        if (offer->framework_id != first->framework_id)
            continue;
        list_remove(&offer->in_round);
        list_append(&mine, &offer->in_round);
        count++;
    }
    sent = xcalloc(count, sizeof(*sent));
    count = 0;
    list_for_each (&mine, offer, in_round)
        sent[count++] = (struct allocator_inverse_offer){offer->agent_id, offer->unavailability};
    allocator->callbacks->on_inverse_offers(allocator->user, first->framework_id, sent, count);
    list_for_each (&mine, offer, in_round)
        inverse_offer_free(offer);
}

void allocator_inverse_offers_deliver(struct allocator *allocator) {
    while (!list_is_empty(&allocator->round.inverse_offers))
        deliver_first(allocator);
}

void allocator_inverse_offers_drop(struct allocator *allocator) {
    struct inverse_offer *offer;

    list_for_each (&allocator->round.inverse_offers, offer, in_round)
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
    struct agent *agent;
    struct inverse_answer *answer;

    table_for_each (&allocator->agents, agent) {
        if (agent->maintenance == NULL)
            continue;
        table_for_each (&agent->maintenance->answers, answer)
            visit(user, agent->id, answer->status);
    }
}
