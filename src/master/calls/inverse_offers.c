/* SPDX-License-Identifier: Apache-2.0 */
/* ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS: whether the framework will leave an agent for its maintenance. */
#include "base/log.h"
#include "master/agent.h"
#include "master/calls/calls.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/validation.h"

static void answer(struct framework *framework, Mesos__V1__OfferID *const *ids, size_t count,
                   Mesos__V1__Allocator__InverseOfferStatus__Status answer_status, const Mesos__V1__Filters *filters) {
    Mesos__V1__Filters defaults = MESOS__V1__FILTERS__INIT;

    for (size_t i = 0; i < count; i++) {
        struct inverse_offer *offer = inverse_offer_find(framework->master, ids[i]->value);
        Mesos__V1__Allocator__InverseOfferStatus status = MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__INIT;
        Mesos__V1__TimeInfo now = MESOS__V1__TIME_INFO__INIT;

        if (offer == NULL || offer->framework != framework) {
            log_warning("Ignoring the answer of framework %s to inverse offer %s, which is no longer valid",
                        framework->id, ids[i]->value);
            continue;
        }
        now.nanoseconds = env_wall_clock(framework->master->env);
        status.status = answer_status;
        status.framework_id = framework->info->id;
        status.timestamp = &now;
        inverse_offer_answer(offer, &status, filters == NULL ? &defaults : filters);
    }
}

int call_accept_inverse_offers(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                               struct error *err) {
    const Mesos__V1__Scheduler__Call__AcceptInverseOffers *accept = call->accept_inverse_offers;
    struct error cleanup_error invalid = ERROR_INIT;

    if (accept->n_inverse_offer_ids == 0)
        error_set(&invalid, 0, "No inverse offers specified");
    else
        validate_inverse_offers(framework->master, framework, accept->inverse_offer_ids, accept->n_inverse_offer_ids,
                                &invalid);
    /* The valid ones among them are taken all the same. */
    if (invalid.message != NULL)
        log_warning("ACCEPT_INVERSE_OFFERS call of framework %s used invalid offers: %s", framework->id,
                    invalid.message);
    answer(framework, accept->inverse_offer_ids, accept->n_inverse_offer_ids,
           MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__ACCEPT, accept->filters);
    return 0;
}

int call_decline_inverse_offers(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                                struct error *err) {
    const Mesos__V1__Scheduler__Call__DeclineInverseOffers *decline = call->decline_inverse_offers;

    answer(framework, decline->inverse_offer_ids, decline->n_inverse_offer_ids,
           MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__DECLINE, decline->filters);
    return 0;
}
