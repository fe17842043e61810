/* SPDX-License-Identifier: Apache-2.0 */
#include "master/offer.h"

#include <inttypes.h>

#include "allocator/allocator.h"
#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "message/message.h"
#include "model/name.h"

struct offer *offer_find(const struct master *master, const char *id) {
    return table_find(&master->offers, id);
}

struct inverse_offer *inverse_offer_find(const struct master *master, const char *id) {
    return table_find(&master->inverse_offers, id);
}

/* Messages */

static Mesos__V1__OfferID *offer_id_message(const char *id, struct arena *arena) {
    Mesos__V1__OfferID *message = arena_alloc(arena, sizeof(*message));

    mesos__v1__offer_id__init(message);
    message->value = (char *)id;
    return message;
}

static Mesos__V1__URL *agent_url(const struct agent *agent, struct arena *arena) {
    Mesos__V1__URL *url = arena_alloc(arena, sizeof(*url));
    Mesos__V1__Address *address = arena_alloc(arena, sizeof(*address));
    struct pid pid;

    mesos__v1__url__init(url);
    mesos__v1__address__init(address);
    address->hostname = agent->info->hostname;
    agent_get_pid(agent, &pid);
    address->ip = arena_strdup(arena, pid.address.host);
    address->port = pid.address.port;
    url->scheme = "http";
    url->address = address;
    url->path = arena_printf(arena, "/%s", pid.id);
    return url;
}

/* The executors of the framework on the agent. Its executors are few where the agent's may be many, or the reverse; an
 * agent runs few of one framework in any case. */
static void add_executor_ids(Mesos__V1__Offer *message, const struct offer *offer, struct arena *arena) {
    const struct executor *executor;
    size_t count = 0;

    table_for_each (&offer->agent->executors, executor)
        count += executor->framework == offer->framework;
    if (count == 0)
        return;
    message->executor_ids = arena_alloc(arena, count * sizeof(*message->executor_ids));
    table_for_each (&offer->agent->executors, executor) {
        if (executor->framework == offer->framework)
            message->executor_ids[message->n_executor_ids++] = executor->info->executor_id;
    }
}

static Mesos__V1__Offer *new_message(const struct offer *offer, enum resource_format format, struct arena *arena) {
    Mesos__V1__Offer *message = arena_alloc(arena, sizeof(*message));
    const struct agent *agent = offer->agent;

    mesos__v1__offer__init(message);
    message->id = offer_id_message(offer->id, arena);
    message->framework_id = offer->framework->info->id;
    message->agent_id = agent->info->id;
    message->hostname = agent->info->hostname;
    message->url = agent_url(agent, arena);
    message->domain = agent->info->domain;
    message->n_attributes = agent->info->n_attributes;
    message->attributes = agent->info->attributes;
    resources_to_messages(&offer->resources, format, arena, &message->resources, &message->n_resources);
    add_executor_ids(message, offer, arena);
    return message;
}

static void set_allocation_info(Mesos__V1__Offer *message, const struct offer *offer, struct arena *arena) {
    message->allocation_info = arena_alloc(arena, sizeof(*message->allocation_info));
    mesos__v1__resource__allocation_info__init(message->allocation_info);
    message->allocation_info->role = (char *)offer->role;
}

Mesos__V1__Offer *offer_to_message(const struct offer *offer, struct arena *arena) {
    const struct framework_capabilities *capabilities = &offer->framework->capabilities;
    Mesos__V1__Offer *message = new_message(
        offer, capabilities->reservation_refinement ? RESOURCE_FORMAT_NEW : RESOURCE_FORMAT_OLD, arena);

    if (capabilities->multi_role) {
        set_allocation_info(message, offer, arena);
    } else {
        for (size_t i = 0; i < message->n_resources; i++)
            message->resources[i]->allocation_info = NULL;
    }
    return message;
}

Mesos__V1__Offer *offer_to_endpoint_message(const struct offer *offer, struct arena *arena) {
    Mesos__V1__Offer *message = new_message(offer, RESOURCE_FORMAT_ENDPOINT, arena);

    set_allocation_info(message, offer, arena);
    return message;
}

Mesos__V1__InverseOffer *inverse_offer_to_message(const struct inverse_offer *offer, struct arena *arena) {
    Mesos__V1__InverseOffer *message = arena_alloc(arena, sizeof(*message));

    mesos__v1__inverse_offer__init(message);
    message->id = offer_id_message(offer->id, arena);
    message->framework_id = offer->framework->info->id;
    message->agent_id = offer->agent->info->id;
    message->url = agent_url(offer->agent, arena);
    message->unavailability = offer->unavailability;
    return message;
}

/* Life */

static void on_timeout(struct env_timer *timer) {
    struct offer *offer = container_of(timer, struct offer, timeout);

    log_info("Taking offer %s back because it was not answered in time", offer->id);
    offer_rescind(offer);
}

static struct offer *offer_add(struct framework *framework, struct agent *agent, const struct allocator_offer *given) {
    struct master *master = framework->master;
    struct offer *offer = new0(struct offer);

    offer->id = xasprintf("%s-O%" PRIu64, master->id, master->next_offer++);
    offer->master = master;
    offer->framework = framework;
    offer->agent = agent;
    offer->role = name_get(given->role);
    resources_copy(&offer->resources, given->resources);
    table_add(&master->offers, offer->id, offer);
    list_append(&framework->offers, &offer->in_framework);
    framework->offer_count++;
    list_append(&agent->offers, &offer->in_agent);
    resources_add(&agent->offered, &offer->resources);
    agent_claims_changed(agent);
    resources_add(&framework->offered, &offer->resources);
    env_timer_init(&offer->timeout, master->env, on_timeout);
    if (master->flags->offer_timeout_ns > 0)
        env_timer_start(&offer->timeout, master->flags->offer_timeout_ns);
    return offer;
}

void offer_remove(struct offer *offer) {
    log_debug("Removing offer %s", offer->id);
    env_timer_done(&offer->timeout);
    resources_subtract(&offer->agent->offered, &offer->resources);
    agent_claims_changed(offer->agent);
    resources_subtract(&offer->framework->offered, &offer->resources);
    list_remove(&offer->in_framework);
    offer->framework->offer_count--;
    list_remove(&offer->in_agent);
    table_remove(&offer->master->offers, offer->id);
    name_release(offer->role);
    resources_done(&offer->resources);
    free(offer->id);
    free(offer);
}

void offer_discard(struct offer *offer, const Mesos__V1__Filters *filters) {
    allocator_recover_resources(offer->master->allocator, offer->framework->id, offer->agent->id, &offer->resources,
                                filters, false);
    offer_remove(offer);
}

void offer_rescind(struct offer *offer) {
    framework_send_rescind(offer->framework, offer->id, false);
    offer_discard(offer, NULL);
}

static void forget_inverse(struct inverse_offer *offer) {
    list_remove(&offer->in_framework);
    list_remove(&offer->in_agent);
    table_remove(&offer->framework->master->inverse_offers, offer->id);
    MESSAGE_FREE(offer->unavailability);
    free(offer->id);
    free(offer);
}

void inverse_offer_remove(struct inverse_offer *offer, bool rescind) {
    allocator_update_inverse_offer(offer->framework->master->allocator, offer->agent->id, offer->framework->id, NULL,
                                   NULL);
    if (rescind)
        framework_send_rescind(offer->framework, offer->id, true);
    forget_inverse(offer);
}

void inverse_offer_answer(struct inverse_offer *offer, const Mesos__V1__Allocator__InverseOfferStatus *status,
                          const Mesos__V1__Filters *filters) {
    allocator_update_inverse_offer(offer->framework->master->allocator, offer->agent->id, offer->framework->id, status,
                                   filters);
    forget_inverse(offer);
}

/* What the allocator gives */

static void give_back(struct master *master, const char *framework_id, const struct allocator_offer *offer,
                      const char *reason) {
    log_warning("Returning what was to be offered of agent %s to framework %s because %s", offer->agent_id,
                framework_id, reason);
    allocator_recover_resources(master->allocator, framework_id, offer->agent_id, offer->resources, NULL, false);
}

static void on_offers(void *user, const char *framework_id, const struct allocator_offer *given, size_t count) {
    struct master *master = user;
    struct framework *framework = framework_find(master, framework_id);
    Mesos__V1__Scheduler__Event__Offers offers = MESOS__V1__SCHEDULER__EVENT__OFFERS__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    struct arena arena = ARENA_INIT;
    char text[FRAMEWORK_TEXT_BYTES];

    offers.offers = arena_alloc(&arena, (count + 1) * sizeof(*offers.offers));
    for (size_t i = 0; i < count; i++) {
        struct agent *agent = agent_find(master, given[i].agent_id);

        if (framework == NULL || !framework_is_connected(framework) || !framework->is_active)
            give_back(master, framework_id, &given[i], "the framework is gone, not connected or inactive");
        else if (agent == NULL)
            give_back(master, framework_id, &given[i], "the agent is gone");
        else if (!agent_is_active(agent))
            give_back(master, framework_id, &given[i], "the agent is disconnected or deactivated");
        else
            offers.offers[offers.n_offers++] = offer_to_message(offer_add(framework, agent, &given[i]), &arena);
    }
    if (offers.n_offers > 0) {
        event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS;
        event.offers = &offers;
        log_info("Sending %zu offers to framework %s", offers.n_offers, framework_text(framework, text));
        framework->metrics.offers_sent += (double)offers.n_offers;
        framework_send(framework, &event);
    }
    arena_done(&arena);
}

static void on_inverse_offers(void *user, const char *framework_id, const struct allocator_inverse_offer *given,
                              size_t count) {
    struct master *master = user;
    struct framework *framework = framework_find(master, framework_id);
    Mesos__V1__Scheduler__Event__InverseOffers offers = MESOS__V1__SCHEDULER__EVENT__INVERSE_OFFERS__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    struct arena arena = ARENA_INIT;

    if (framework == NULL || !framework_is_connected(framework) || !framework->is_active)
        return;
    offers.inverse_offers = arena_alloc(&arena, (count + 1) * sizeof(*offers.inverse_offers));
    for (size_t i = 0; i < count; i++) {
        struct agent *agent = agent_find(master, given[i].agent_id);
        struct inverse_offer *offer;

        if (agent == NULL)
            continue;
        offer = new0(struct inverse_offer);
        offer->id = xasprintf("%s-O%" PRIu64, master->id, master->next_offer++);
        offer->framework = framework;
        offer->agent = agent;
        offer->unavailability = (Mesos__V1__Unavailability *)message_copy(&given[i].unavailability->base, NULL);
        table_add(&master->inverse_offers, offer->id, offer);
        list_append(&framework->inverse_offers, &offer->in_framework);
        list_append(&agent->inverse_offers, &offer->in_agent);
        offers.inverse_offers[offers.n_inverse_offers++] = inverse_offer_to_message(offer, &arena);
    }
    if (offers.n_inverse_offers > 0) {
        event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS;
        event.inverse_offers = &offers;
        framework_send(framework, &event);
    }
    arena_done(&arena);
}

const struct allocator_callbacks offer_allocator_callbacks = {.on_offers = on_offers,
                                                              .on_inverse_offers = on_inverse_offers};
